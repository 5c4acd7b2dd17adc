//! What sleeps in a scene, and when: the table `[levels.sleep]`, checked.

use super::checks::Checks;
use crate::model::{Agent, Band, Collider, Reach, Sleep};
use crate::scene::{self, KeyPath, SceneError};

/// Cells of a block along its edge.
const BLOCK_CELLS: i32 = 4;
/// The widest chunk [blocks]: beyond it, columns are too large to come and go.
const MOST_BLOCKS: u32 = 64;
/// The most chunks side by side that one agent may keep awake.
const MOST_AWAKE: f64 = 256.0;
/// How much farther than the last band a chunk is awake by default [cells of the coarsest level].
const FARTHER_CELLS: f64 = 2.0;
/// Default speeds [m/s]: what a bed at rest never reaches, and what is motion beyond doubt.
const QUIET_SPEED: f64 = 0.005;
const WAKE_SPEED: f64 = 0.02;
/// Default time until a quiet chunk sleeps [s].
const QUIET_SECS: f64 = 0.1;
/// Default memory for what sleeps [bytes].
const ARCHIVE_BYTES: u64 = 512 << 20;

/// Checks the table; `levels` is what the scene says of levels around it.
pub(super) fn resolve(
    checks: &Checks<'_>,
    levels: &scene::Levels,
    (colliders, bands, cell_width): (&[Collider], &[Band], f64),
) -> Result<Option<Sleep>, SceneError> {
    let scene = checks.scene;
    let said = match &levels.sleep {
        Some(sleep) => sleep,
        None if scene.terrain.is_some() => &scene::Sleep::default(),
        None => return Ok(None),
    };
    let at = KeyPath::root("levels").key("sleep");
    let refuse = |at: &KeyPath, message: String| Err(scene.error(at, message));
    let positive = |key: &str, value: Option<f64>, default: f64, unit: &str| match value {
        Some(value) => checks.positive(&at, key, value, unit),
        None => Ok(default),
    };
    if levels.count < 2 {
        let message = "`count` is 1; chunks sleep between levels of resolution, of which there must be two \
                       or more";
        return refuse(&KeyPath::root("levels").key("count"), message.into());
    }
    let top = levels.count - 1;
    let blocks = said.chunk_blocks.unwrap_or(1);
    if !(1..=MOST_BLOCKS).contains(&blocks) {
        let message = format!("`chunk_blocks` is {blocks}; it must be between 1 and {MOST_BLOCKS}");
        return refuse(&at.key("chunk_blocks"), message);
    }
    let block_cells = BLOCK_CELLS << top;
    if scene.world.origin_cells.iter().any(|cells| cells % block_cells != 0) {
        let message = format!(
            "`origin_cells` is {:?}; where chunks sleep, it must be multiples of {block_cells}: a block of \
             the coarsest level",
            scene.world.origin_cells
        );
        return refuse(&KeyPath::root("world").key("origin_cells"), message);
    }
    if levels.agents.is_empty() && levels.region.is_empty() {
        let message =
            "`agents` is empty and there is no `[[levels.region]]`: nothing would be awake";
        return refuse(&KeyPath::root("levels").key("agents"), message.into());
    }
    let last = bands.last().map_or(0.0, |band| band.start + band.width);
    let coarsest = cell_width * f64::from(1u32 << top);
    let radius = positive("radius", said.radius, last + FARTHER_CELLS * coarsest, "m")?;
    if radius < last {
        let message = format!(
            "`radius` is {radius} m; it must be {last} m or more, where the last band ends: what sleeps is \
             coarse"
        );
        return refuse(&at.key("radius"), message);
    }
    let quiet_speed = positive("quiet_speed", said.quiet_speed, QUIET_SPEED, "m/s")?;
    let default = WAKE_SPEED.max(quiet_speed);
    let wake_speed = positive("wake_speed", said.wake_speed, default, "m/s")?;
    if wake_speed < quiet_speed {
        let message = format!(
            "`wake_speed` is {wake_speed} m/s; it must be `quiet_speed`, {quiet_speed} m/s, or more"
        );
        return refuse(&at.key("wake_speed"), message);
    }
    let quiet_secs = positive("quiet_secs", said.quiet_secs, QUIET_SECS, "s")?;
    let control_secs =
        checks.positive(&KeyPath::root("world"), "control_secs", scene.world.control_secs, "s")?;
    Ok(Some(Sleep {
        chunk_cells: block_cells * blocks as i32,
        radius,
        quiet_speed,
        wake_speed,
        quiet_steps: (quiet_secs / control_secs).ceil().clamp(1.0, f64::from(u32::MAX)) as u32,
        movers: movers(checks, levels, colliders)?,
        archive_bytes: said.archive_bytes.unwrap_or(ARCHIVE_BYTES),
        terrain: None,
    }))
}

/// Refuses what would keep more chunks awake than anybody could mean.
pub(super) fn check_awake(
    checks: &Checks<'_>,
    sleep: &Sleep,
    cell_width: f64,
    (agents, regions): (&[Agent], &[Reach]),
) -> Result<(), SceneError> {
    let agents = agents
        .iter()
        .map(|agent| agent.half_extents.norm_squared().sqrt() + agent.ahead.max(agent.trail));
    let regions = regions.iter().map(|region| region.high[0].hypot(region.high[1]));
    let movers = sleep.movers.iter().map(|&(_, reach)| reach);
    let widest = agents.chain(regions).chain(movers).fold(0.0, f64::max) + sleep.radius;
    let edge = f64::from(sleep.chunk_cells) * cell_width;
    let across = 2.0 * widest / edge;
    if across <= MOST_AWAKE {
        return Ok(());
    }
    let message = format!(
        "up to {widest:.3e} m around what is near are awake: {across:.3e} chunks of {edge} m across, of which \
         at most {MOST_AWAKE} are possible; shorten `radius` ({} m), `ahead`, `trail` or a region, or let \
         nothing sleep",
        sleep.radius
    );
    Err(checks.scene.error(&KeyPath::root("levels"), message))
}

/// Colliders that move, or may, and are no agents.
fn movers(
    checks: &Checks<'_>,
    levels: &scene::Levels,
    colliders: &[Collider],
) -> Result<Vec<(usize, f64)>, SceneError> {
    let scene = checks.scene;
    let mut movers = Vec::new();
    for (index, collider) in colliders.iter().enumerate() {
        let driven = scene.effector.iter().any(|e| e.collider.as_ref() == Some(&collider.name));
        if levels.agents.contains(&collider.name) || !(driven || collider.moves(index, &[])) {
            continue;
        }
        if !collider.shape.is_finite() {
            let message = format!(
                "the collider `{}` moves and has no end: it is near everything, and nothing could sleep",
                collider.name
            );
            return Err(scene.error(&KeyPath::root("collider").index(index), message));
        }
        let at = KeyPath::root("collider").index(index).key("position");
        checks.on_grid(&at, collider.pose.position.0)?;
        movers.push((index, collider.shape.extents().reach()));
    }
    Ok(movers)
}

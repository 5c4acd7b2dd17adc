//! The levels of a scene: agents found, bands in metres, everything checked.

use super::checks::Checks;
use super::shapes::Shapes;
use crate::math::Vec3;
use crate::model::{Agent, Band, Collider, HeightField, LevelMap, Levels, Reach};
use crate::scene::{self, KeyPath, SceneError};
use std::sync::Arc;

/// The most levels: the coarsest cells are then 128 times as wide as the finest.
const MAX_LEVELS: u32 = 8;

/// Cells of the finer level that a band must span: one cell was measured to bias the force on a
/// blade by 3 %.
const LEAST_BAND_CELLS: f64 = 2.0;

/// How much a distance that a scene gives may grow in a metre: of a true distance it is one.
const STEEPEST_MAP: f64 = 2.0;

/// Start and width of the default bands [cells of the finest level]; each later one is twice as
/// far and as wide as the one before.
const DEFAULT_BANDS: [[f64; 2]; 3] = [[2.0, 4.0], [7.0, 6.0], [15.0, 8.0]];

/// The levels that the scene asks for; one level without `[levels]`.
pub(super) fn resolve(
    checks: &Checks<'_>,
    shapes: &Shapes<'_>,
    colliders: &[Collider],
    cell_width: f64,
) -> Result<Levels, SceneError> {
    let Some(levels) = &checks.scene.levels else { return Ok(Levels::uniform()) };
    let at = KeyPath::root("levels");
    let refuse = |key: &str, message: String| Err(checks.scene.error(&at.key(key), message));
    if !(1..=MAX_LEVELS).contains(&levels.count) {
        let count = levels.count;
        return refuse(
            "count",
            format!("`count` is {count}; it must be between 1 and {MAX_LEVELS}"),
        );
    }
    let has_place = !levels.region.is_empty() || levels.map.is_some();
    if levels.count > 1 && levels.agents.is_empty() && !has_place {
        let message = "`agents` is empty and there is neither a `[[levels.region]]` nor a \
                       `[levels.map]`: nothing says where the world is fine";
        return refuse("agents", message.into());
    }
    let range = (0.0, f64::INFINITY);
    let trail = checks.within(&at, "trail", levels.trail, range)?;
    let linger = checks.within(&at, "linger_secs", levels.linger_secs, range)?;
    let depth_weight = checks.positive(&at, "depth_weight", levels.depth_weight, "times")?;
    let hysteresis = match levels.hysteresis {
        Some(hysteresis) => checks.within(&at, "hysteresis", hysteresis, range)?,
        None => cell_width,
    };
    let bands = bands(checks, levels, cell_width)?;
    let sleep = super::sleep::resolve(checks, levels, (colliders, &bands, cell_width))?;
    let agents = agents(checks, levels, colliders, (trail, depth_weight))?;
    let mut regions = Vec::new();
    for (index, region) in levels.region.iter().enumerate() {
        let at = at.key("region").index(index);
        for edge in checks.vector(&at, "size", region.size)?.0 {
            checks.positive(&at, "size", edge, "m")?;
        }
        let half = Vec3(region.size.map(|edge| 0.5 * edge));
        regions.push(Reach {
            position: checks.on_grid(&at.key("position"), region.position)?,
            along: [1.0, 0.0],
            low: -half,
            high: [half[0], half[1]],
            depth_weight,
        });
    }
    if let Some(sleep) = &sleep {
        super::sleep::check_awake(checks, sleep, cell_width, (&agents, &regions))?;
    }
    let map = match &levels.map {
        Some(map) => Some(level_map(checks, shapes, map, &bands)?),
        None => None,
    };
    let mut per_axis = Vec::new();
    for (index, body) in checks.scene.body.iter().enumerate() {
        let edge = (body.particles_per_cell as f64).cbrt().round() as u32;
        if levels.count > 1 && ![1, 2, 4].contains(&edge) {
            let at = KeyPath::root("body").index(index).key("particles_per_cell");
            let message = format!(
                "`particles_per_cell` is {}; with `[levels]` it must be 1, 8 or 64, so that eight \
                 particles make one of the next level",
                body.particles_per_cell
            );
            return Err(checks.scene.error(&at, message));
        }
        per_axis.push(edge);
    }
    // Distances to several agents are blended over a fraction of the narrowest band.
    let blend = bands.iter().map(|band| 0.25 * band.width).fold(f64::INFINITY, f64::min);
    Ok(Levels {
        bands,
        agents,
        linger,
        regions,
        map,
        blend,
        hysteresis,
        per_axis,
        coupled: true,
        through_agents: levels.through_agents,
        sleep,
    })
}

/// What a scene gives as distances.
fn level_map(
    checks: &Checks<'_>,
    shapes: &Shapes<'_>,
    map: &scene::LevelMap,
    bands: &[Band],
) -> Result<LevelMap, SceneError> {
    let at = KeyPath::root("levels").key("map");
    for edge in map.position {
        checks.finite(&at, "position", edge)?;
    }
    let grid = shapes.height_grid(&at, map.size, ("distances", &map.distances))?;
    let distances = HeightField::new(map.size, grid.counts, &grid.heights);
    let (steepest, narrowest) =
        (distances.steepest, bands.iter().map(|band| band.width).fold(f64::INFINITY, f64::min));
    // A band is then at least half as wide as it says; narrower ones bias the force on a tool.
    if steepest > STEEPEST_MAP {
        let message = format!(
            "`distances` grow by up to {steepest:.2} m in a metre; at most {STEEPEST_MAP} is possible, as the \
             band of {narrowest} m would be that much narrower in space"
        );
        let error = checks.scene.error(&at.key("distances"), message);
        return Err(error.with_help("give a larger `size`, smaller distances or smoother ones"));
    }
    Ok(LevelMap { position: map.position, distances: Arc::new(distances) })
}

fn bands(
    checks: &Checks<'_>,
    levels: &scene::Levels,
    cell_width: f64,
) -> Result<Vec<Band>, SceneError> {
    let at = KeyPath::root("levels").key("bands");
    let needed = levels.count as usize - 1;
    let Some(stated) = &levels.bands else {
        let default = |l: usize| {
            let last = DEFAULT_BANDS.len() - 1;
            let [start, width] = DEFAULT_BANDS[l.min(last)];
            let scale = cell_width * f64::from(1u32 << (l.max(last) - last));
            Band { start: start * scale, width: width * scale }
        };
        return Ok((0..needed).map(default).collect());
    };
    if stated.len() != needed {
        let message = format!(
            "{} bands are given; {} levels have {needed} between them",
            stated.len(),
            levels.count
        );
        return Err(checks.scene.error(&at, message));
    }
    let mut from = 0.0;
    let mut bands = Vec::new();
    for (l, band) in stated.iter().enumerate() {
        let at = at.index(l);
        let start = checks.positive(&at, "start", band.start, "m")?;
        if start < from {
            let message = format!(
                "`start` is {start} m; the band before ends at {from} m, and bands do not overlap"
            );
            return Err(checks.scene.error(&at.key("start"), message));
        }
        let least = LEAST_BAND_CELLS * cell_width * f64::from(1u32 << l);
        checks.positive(&at, "width", band.width, "m")?;
        if band.width < least * (1.0 - 1e-9) {
            let message = format!(
                "`width` is {} m; it must be {least} m or more: two cells of level {l}",
                band.width
            );
            return Err(checks.scene.error(&at.key("width"), message));
        }
        from = start + band.width;
        bands.push(Band { start, width: band.width });
    }
    Ok(bands)
}

fn agents(
    checks: &Checks<'_>,
    levels: &scene::Levels,
    colliders: &[Collider],
    (trail, depth_weight): (f64, f64),
) -> Result<Vec<Agent>, SceneError> {
    let at = KeyPath::root("levels");
    let names: Vec<&str> = colliders.iter().map(|c| c.name.as_str()).collect();
    let mut agents = Vec::new();
    for (index, name) in levels.agents.iter().enumerate() {
        let key = at.key("agents").index(index);
        let collider = checks.resolve(&key, "collider", name, &names)?;
        if levels.agents[..index].contains(name) {
            let message = format!("`{name}` is named twice; distances to all agents are blended");
            return Err(checks.scene.error(&key, message));
        }
        checks.on_grid(&key, colliders[collider].pose.position.0)?;
        let half_extents = colliders[collider].shape.extents().around_origin();
        if !half_extents.0.iter().all(|e| e.is_finite()) {
            let message = format!("the collider `{name}` has no end; an agent needs a size");
            return Err(checks.scene.error(&key, message));
        }
        let longest = 2.0 * half_extents.0.into_iter().fold(0.0, f64::max);
        let ahead = match levels.ahead {
            Some(ahead) => checks.within(&at, "ahead", ahead, (0.0, f64::INFINITY))?,
            None => longest,
        };
        agents.push(Agent { collider, half_extents, ahead, trail, depth_weight });
    }
    Ok(agents)
}

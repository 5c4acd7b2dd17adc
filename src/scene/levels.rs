//! Resolution that follows what acts on the material.

use super::world::Heights;
use schemars::JsonSchema;
use serde::Deserialize;

/// Levels of resolution: level l has cells `2^l` times as wide as `world.cell_width`. The finest one
/// is where the agents are.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Levels {
    /// How many there are.
    pub count: u32,
    /// Names of the colliders that resolution follows.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Where each level gives way to the next, finest first, by the distance from an agent's box. The
    /// default starts at 2, 7, 15, 31 .. cells and takes 4, 6, 8, 16 .. cells of the finest level.
    pub bands: Option<Vec<Band>>,
    /// How far [m] an agent's box is stretched forward along its motion. The default is the
    /// longest edge of the box.
    pub ahead: Option<f64>,
    /// How far [m] it is stretched backward: what keeps the track behind it fine.
    #[serde(default)]
    pub trail: f64,
    /// How long [s] a place stays fine after an agent has left it: until what it has moved has come to
    /// rest. Unlike a trail, it follows the way that was taken.
    #[serde(default)]
    pub linger_secs: f64,
    /// What a metre below an agent counts against one beside it [-].
    #[serde(default = "one")]
    pub depth_weight: f64,
    /// How much farther [m] than a coarser particle may exist one has to be before it is made of
    /// finer ones. The default is one cell of the finest level.
    pub hysteresis: Option<f64>,
    /// Places that stay fine.
    #[serde(default)]
    pub region: Vec<FineRegion>,
    /// How far every place is from where it matters, as the scene says: counts as the distance from one more
    /// agent.
    pub map: Option<LevelMap>,
    /// Whether gradients count how resolution moves with its agents. The default leaves it out: where levels
    /// lie is a matter of discretisation, not of physics. Finite differences of a whole run contain it.
    #[serde(default)]
    pub through_agents: bool,
    /// Lets what nobody is near and nothing stirs cost nothing. A scene with `[terrain]` always does,
    /// with the defaults of this table if it has none.
    pub sleep: Option<Sleep>,
}

/// The world in square columns, chunks, that sleep when they are quiet and far from what acts on them,
/// and wake when something comes near or stirs beside them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sleep {
    /// Edge of a chunk, in blocks (of 4 cells) of the coarsest level. The default is 1.
    pub chunk_blocks: Option<u32>,
    /// A chunk that is nearer than this [m] to an agent, a fine region or a solid that moves is awake. The
    /// default is where the last band ends and two cells of the coarsest level more.
    pub radius: Option<f64>,
    /// A chunk is quiet while nothing in it is faster than this [m/s]. The default is 0.005.
    pub quiet_speed: Option<f64>,
    /// What is faster than this [m/s] wakes the chunks around its own. The default is 0.02.
    pub wake_speed: Option<f64>,
    /// How long [s] a chunk has to be quiet before it sleeps; at least a control step. The default is 0.1.
    pub quiet_secs: Option<f64>,
    /// What sleeps is kept in memory up to this size [bytes], and beyond it on disk. The default is 512 MiB.
    pub archive_bytes: Option<u64>,
}

fn one() -> f64 {
    1.0
}

/// Where one level gives way to the next.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Up to this distance [m] the finer level alone.
    pub start: f64,
    /// Over which the coarser one takes over [m]: two cells of the finer level or more.
    pub width: f64,
}

/// A distance for every place (x, y) at regular nodes, the same at any height; between them a spline, beyond the
/// edge level. Where it is zero or less the world is as fine as at an agent, from there on as `bands` say.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelMap {
    /// From the first to the last node along x and y [m].
    pub size: [f64; 2],
    /// World position (x, y) of its centre [m].
    #[serde(default)]
    pub position: [f64; 2],
    /// [m], given as the heights of a ground are.
    pub distances: Heights,
}

/// An upright box around which the world is fine, whatever the agents do.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FineRegion {
    /// Edge lengths [m] along x, y, z; what is above it counts as inside.
    pub size: [f64; 3],
    /// World position [m] of its centre.
    #[serde(default)]
    pub position: [f64; 3],
}

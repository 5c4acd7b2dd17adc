//! Ground without end, made where it is needed.

use super::world::Heights;
use schemars::JsonSchema;
use serde::Deserialize;

/// Ground without end: layers of material under a relief. It is made in chunks around the agents, at rest
/// under its own weight; chunks that are left sleep. Needs `[levels]` with agents.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Terrain {
    /// Height [m] down to which the ground is made. A collider has to carry it; like a bed at rest it
    /// stands best when it reaches 1.5 cells of the coarsest level into that.
    pub bottom: f64,
    /// Seed of the noise.
    #[serde(default)]
    pub seed: u64,
    /// Particles in a full cell: 1, 8 or 64.
    #[serde(default = "eight")]
    pub particles_per_cell: u32,
    /// Names of colliders whose inside is left empty: those that stand still everywhere, those that
    /// move at the start.
    #[serde(default)]
    pub carve: Vec<String>,
    /// From the surface down. The last one goes down to the bottom.
    pub layer: Vec<Layer>,
    /// What the height of the surface is the sum of; without any it is the plane z = 0.
    #[serde(default)]
    pub relief: Vec<Relief>,
}

fn eight() -> u32 {
    8
}

/// A layer of the ground; it counts as a body.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    pub name: String,
    /// Name of a `[[material]]` or of a built-in one.
    pub material: String,
    /// Measured vertically [m]; of the last layer there is none.
    pub thickness: Option<f64>,
}

/// One part of the height of the surface [m].
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum Relief {
    /// The same height everywhere.
    Level { height: f64 },
    /// Smooth noise between `-amplitude` and `amplitude`, all octaves together.
    Noise {
        amplitude: f64,
        /// Of the first octave [m]; each further one has half the wavelength of the one before.
        wavelength: f64,
        #[serde(default = "one_octave")]
        octaves: u32,
        /// Amplitude of an octave over that of the one before [-].
        #[serde(default = "half")]
        gain: f64,
    },
    /// Rises from 0 at one line to `height` at another, both across the way between two points (x, y);
    /// level before and behind.
    Ramp { from: [f64; 2], to: [f64; 2], height: f64 },
    /// The same as so many equal steps.
    Steps { from: [f64; 2], to: [f64; 2], height: f64, count: u32 },
    /// Heights at regular nodes, centred on a position (x, y); beyond the edge level.
    Heights {
        /// From the first to the last node along x and y [m].
        size: [f64; 2],
        #[serde(default)]
        position: [f64; 2],
        heights: Heights,
        /// Each node is a step with vertical sides, instead of a smooth surface through all.
        #[serde(default)]
        stepped: bool,
    },
}

fn one_octave() -> u32 {
    1
}
fn half() -> f64 {
    0.5
}

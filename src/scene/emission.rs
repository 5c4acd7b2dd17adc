//! `[[emitter]]` and `[[sink]]`: where material comes from, and where it goes.

use super::world::{Region, Rotation};
use schemars::JsonSchema;
use serde::Deserialize;

/// A nozzle from which material comes: a stream with the nozzle's opening as its cross-section,
/// without stress, at the speed at which it is pushed out, carried along by a nozzle that moves. Its
/// particles form a body of the emitter's name, as far as they have left the nozzle.
///
/// How fast: exactly one of `speed`, `volume_rate` and `mass_rate`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Emitter {
    pub name: String,
    /// Name of a `[[material]]` or of a built-in one.
    pub material: String,
    pub opening: Opening,
    /// World position [m] of the opening's centre, at the start.
    #[serde(default)]
    pub position: [f64; 3],
    /// Unit vector, world frame, along which material leaves, at the start; body +z of the nozzle.
    #[serde(default = "down")]
    pub direction: [f64; 3],
    /// A further turn of opening and direction.
    pub rotation: Option<Rotation>,
    /// Speed of the material relative to the nozzle [m/s].
    pub speed: Option<f64>,
    /// Rest volume per time [m³/s].
    pub volume_rate: Option<f64>,
    /// Mass per time [kg/s].
    pub mass_rate: Option<f64>,
    /// When the stream begins [s].
    #[serde(default)]
    pub start_secs: f64,
    /// When it ends [s]; the default is the end of the task, or of `world.duration_secs`.
    pub stop_secs: Option<f64>,
    /// Velocity of the nozzle [m/s], world frame, that actions add to.
    #[serde(default)]
    pub velocity: [f64; 3],
    /// Angular velocity of the nozzle [rad/s], world frame.
    #[serde(default)]
    pub angular_velocity: [f64; 3],
    /// Particles in a full cell: 1, 8, 27 or 64.
    #[serde(default = "default_particles_per_cell")]
    pub particles_per_cell: u32,
    /// Random displacement from the regular stream, as a fraction of the particle spacing, in
    /// [0, 1].
    #[serde(default)]
    pub jitter: f64,
    /// Seed of the jitter.
    #[serde(default)]
    pub seed: u64,
}

fn down() -> [f64; 3] {
    [0.0, 0.0, -1.0]
}
fn default_particles_per_cell() -> u32 {
    8
}

/// The opening of a nozzle, in its plane. Lengths in metres.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum Opening {
    Disc {
        radius: f64,
    },
    /// Edge lengths along the nozzle's x and y.
    Rectangle {
        size: [f64; 2],
    },
}

/// A region that takes material away: a particle that is inside at the end of a substep is gone.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    pub name: String,
    pub region: Region,
    /// World position [m] of the region's centre.
    #[serde(default)]
    pub position: [f64; 3],
    pub rotation: Option<Rotation>,
}

//! The `[identify]` section: what `softscape identify --check` tries with the scene.

use schemars::JsonSchema;
use serde::Deserialize;

/// A trial of identification: the scene's own motion is observed, its parameters are forgotten and
/// sought again, and another motion is predicted with what was found.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identify {
    /// What is sought, and from where.
    pub parameter: Vec<Sought>,
    /// Largest relative error of a parameter that passes.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
    /// Standard deviation [m] of the Gaussian noise that is added to every observed number.
    #[serde(default)]
    pub noise: f64,
    /// Name of a `height_map` sensor that alone is seen; the default is to see every particle.
    pub sensor: Option<String>,
    /// How the bodies are thrown in the motion that is predicted.
    pub held_out: Throw,
}

fn default_tolerance() -> f64 {
    0.02
}

/// A parameter that is sought.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sought {
    /// `material.parameter`.
    pub name: String,
    /// Where the search starts, in the unit of the name.
    pub guess: f64,
}

/// Another start of all bodies.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throw {
    /// [m/s]
    pub velocity: [f64; 3],
    /// [rad/s], about the body's position.
    pub angular_velocity: [f64; 3],
}

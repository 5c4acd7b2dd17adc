//! The `[task]` section: what an agent has to achieve in the scene, and how that is measured.
//!
//! The world says what can be commanded and within which bounds (`[[effector]]`, `[[muscle]]`); the
//! task adds horizon, objective and score; a run adds optimiser, budget and seed.

use schemars::JsonSchema;
use serde::Deserialize;

/// Horizon, objective (minimised) and score (reported) of a task.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Length in control steps; one action is held during each (`world.control_secs`).
    pub horizon: usize,
    /// Controls repeat after this time [s], a whole number of control steps: a gait, of which an
    /// optimiser chooses one cycle. Left out, every control step has actions of its own.
    pub cycle_secs: Option<f64>,
    /// In how many stages an optimisation lets the horizon grow, unless it is asked for another
    /// number: stage k of n sees the first k/n of it, and starts from the best of the one before.
    #[serde(default = "one_stage")]
    pub stages: usize,
    /// The terms whose sum is minimised.
    pub objective: Vec<Term>,
    /// What is reported: 0 = doing nothing, 1 = solved.
    pub score: Score,
    /// The score from which the task counts as solved.
    #[serde(default = "default_success")]
    pub success: f64,
    /// Controls that an optimiser starts from; a channel that is not named starts at rest (zero, or
    /// the nearest value within its bounds).
    #[serde(default)]
    pub start: Vec<StartChannel>,
}

fn one_stage() -> usize {
    1
}

fn default_success() -> f64 {
    0.95
}

/// One term of the objective, already scaled by its weight when it is summed. `when` says whether
/// it looks at the state after the last control step or is the mean over the states after each one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum Term {
    /// Squared distance [m²] of the centre of mass of a body, or of a rigid body, to a point.
    CenterOfMass {
        body: String,
        /// World position [m].
        goal: [f64; 3],
        #[serde(default = "one")]
        weight: f64,
        #[serde(default)]
        when: When,
    },
    /// Minus the velocity [m/s] of a body's or rigid body's centre of mass along a direction: minimising it moves
    /// the body that way.
    Velocity {
        body: String,
        /// Unit vector, world frame.
        direction: [f64; 3],
        #[serde(default = "one")]
        weight: f64,
        #[serde(default)]
        when: When,
    },
    /// Minus the way [m] that a body's centre of mass has come along a direction from where the scene
    /// puts it.
    Displacement {
        body: String,
        /// Unit vector, world frame.
        direction: [f64; 3],
        #[serde(default = "one")]
        weight: f64,
        #[serde(default)]
        when: When,
    },
    /// Mean squared distance [m²] of a body's particles to target positions, in particle order.
    TargetPositions {
        body: String,
        /// npz with `x` (N x 3), world positions [m]; relative to the scene file.
        file: String,
        #[serde(default = "one")]
        weight: f64,
        #[serde(default)]
        when: When,
    },
    /// Squared difference between the masses that a body's particles lay on the nodes of a grid and
    /// a target's, relative to the sum of the target's squares.
    DensityGrid {
        body: String,
        /// npz with `mass` (nx x ny x nz) [kg] at nodes, `origin` (3) [m] of the first node, and
        /// `cell_width` (scalar) [m]; relative to the scene file.
        file: String,
        #[serde(default = "one")]
        weight: f64,
        #[serde(default)]
        when: When,
    },
    /// Mean squared difference of what a `[[sensor]]` measures from a target, in the square of its
    /// unit.
    Sensor {
        /// Name of the sensor.
        sensor: String,
        /// One number for each that the sensor gives, row by row, or one for all of them.
        target: Option<Vec<f64>>,
        /// npz with `target` of the sensor's shape instead; relative to the scene file.
        file: Option<String>,
        #[serde(default = "one")]
        weight: f64,
        #[serde(default)]
        when: When,
    },
    /// Mean square of the actions, each as a fraction of the largest value its bounds allow.
    ActionEnergy {
        #[serde(default = "one")]
        weight: f64,
    },
    /// Mean square of the change of the actions from one control step to the next, each as a
    /// fraction of the largest value its bounds allow.
    ActionSmoothness {
        #[serde(default = "one")]
        weight: f64,
    },
}

fn one() -> f64 {
    1.0
}

/// When a term of the objective looks at the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// After the last control step.
    #[default]
    End,
    /// The mean over the states after every control step.
    Always,
}

/// How well the task was done, from the first and the last state; clamped to [0, 1].
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum Score {
    /// `1 - d/d0`: distance of a body's centre of mass to the goal at the end, over that at the
    /// start.
    DistanceToGoal {
        body: String,
        /// World position [m].
        goal: [f64; 3],
    },
    /// `s / reference`: how far a body's centre of mass moved along a direction.
    Displacement {
        body: String,
        /// Unit vector, world frame.
        direction: [f64; 3],
        /// The displacement [m] that scores 1.
        reference: f64,
    },
}

/// Where one action channel starts: `mean + amplitude sin(2 pi t / period_secs + phase)`, clamped to
/// its bounds, with t the time [s] in the middle of a control step.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartChannel {
    /// Name of an action channel: `collider.vx`, `muscle.activation`.
    pub channel: String,
    /// In the unit of the channel: m/s, rad/s or Pa.
    pub mean: f64,
    #[serde(default)]
    pub amplitude: f64,
    #[serde(default = "one")]
    pub period_secs: f64,
    #[serde(default)]
    pub phase_deg: f64,
}

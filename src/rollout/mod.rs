//! Layer 4: a horizon of control steps: controls, checkpoints, objectives, gradient.
//!
//! [`evaluate`] runs a rollout and gives the objective; [`differentiate`] also walks it back.
//! Both see a device only through [`crate::mpm::simulator::Simulator`].

mod controls;
mod driver;
mod node_grid;
mod objective;
mod schedule;
mod sensor;
mod trajectory;

pub use controls::{Controls, ControlsError};
pub use driver::{
    DEFAULT_MEMORY_BYTES, Derivative, Outcome, Phase, Progress, RigidDerivative, Rollout,
    RolloutError, Settings, TermValue, differentiate, evaluate,
};
pub use node_grid::NodeGrid;
pub use objective::{
    ControlMeasure, DensityTarget, Measure, Objective, ObjectiveError, Term, TermKind, When,
};
pub use schedule::{Budget, Move, Schedule, ScheduleError};
pub use sensor::{HeightMap, Moment, MomentBar, Quantity, Region, Sensor};
pub use trajectory::{Watch, watch};

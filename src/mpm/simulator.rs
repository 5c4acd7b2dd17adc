//! The one interface that the CPU twin and the GPU solver both serve.
//!
//! A rollout, a gradient, the viewer and the benchmarks see only this trait. Particle arrays are
//! always exchanged in id order, whatever order a backend stores them in.

use super::state::{Cotangent, Particles, RigidCotangent, RigidMotion, State};
pub use super::wrench::Wrench;
use crate::agents::{Drive, DriveCotangent};
use crate::laws::CONSTANTS;
use crate::math::Mat3;
use crate::model::{GroundError, Model};
use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// Why a simulation could not go on.
#[derive(Debug, Error)]
pub enum SimulationError {
    #[error(
        "particle {particle} diverged at substep {substep}: {cause}; \
         reduce the substep or the actions, or stiffen the material"
    )]
    Diverged { particle: usize, substep: usize, cause: String },
    #[error(
        "the rigid body `{body}` diverged at substep {substep}: {cause}; \
         reduce the substep or the actions, or make the body heavier"
    )]
    RigidDiverged { body: String, substep: usize, cause: String },
    #[error("{what}: {needed} needed, {allowed} available")]
    Capacity { what: String, needed: u64, allowed: u64 },
    #[error(
        "{found} particles have come in this state, {expected} have by the start of substep {substep}: \
         run a state on from the substep that it was taken at"
    )]
    OutOfTime { substep: usize, found: usize, expected: usize },
    #[error(
        "what sleeps cannot be kept or read again: {cause}; beyond `archive_bytes` of `[levels.sleep]` it goes \
         to a file in {} (TMPDIR says where)", directory.display()
    )]
    Archive { directory: PathBuf, cause: std::io::Error },
    #[error(transparent)]
    Ground(#[from] GroundError),
    #[error("the device was lost: {0}")]
    DeviceLost(String),
    #[error("{0}")]
    Device(String),
}

impl SimulationError {
    /// The substep in which something diverged.
    pub fn diverged_at(&self) -> Option<usize> {
        match self {
            SimulationError::Diverged { substep, .. }
            | SimulationError::RigidDiverged { substep, .. } => Some(*substep),
            _ => None,
        }
    }
}

/// That a state belongs before a substep, by how many of its particles have come.
pub(super) fn check_come(
    model: &Model,
    substep: usize,
    found: usize,
) -> Result<(), SimulationError> {
    if model.emitters.is_empty() {
        return Ok(());
    }
    match model.come_before(substep) {
        expected if expected == found => Ok(()),
        expected => Err(SimulationError::OutOfTime { substep, found, expected }),
    }
}

/// Positions and velocities at one moment, for objectives; id order.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// World positions [m].
    pub x: Vec<[f64; 3]>,
    /// Velocities [m/s].
    pub v: Vec<[f64; 3]>,
    /// The free rigid bodies.
    pub rigid: Vec<RigidMotion<f64>>,
    /// As [`State::particles`].
    pub particles: Option<Arc<Particles>>,
    /// Which particles are not there; empty where all always are. Their `x` and `v` are zero.
    pub absent: Vec<bool>,
}

impl Observation {
    /// Whether a particle is there.
    pub fn is_present(&self, p: usize) -> bool {
        self.absent.get(p).is_none_or(|absent| !absent)
    }

    /// What the particles are: as the model says, or as the run has split and merged them.
    pub fn particles<'a>(&'a self, model: &'a Model) -> &'a Particles {
        self.particles.as_deref().unwrap_or(&model.particles)
    }

    /// Where the particles of whole bodies, which the model counts as `range`, are now.
    pub fn range_now(&self, model: &Model, range: &Range<usize>) -> Range<usize> {
        let Some(now) = &self.particles else { return range.clone() };
        let bodies = &model.particles.body[range.clone()];
        match (bodies.first(), bodies.last()) {
            // Splitting and merging keep the order of the bodies.
            (Some(first), Some(last)) => {
                now.body.partition_point(|body| body < first)
                    ..now.body.partition_point(|body| body <= last)
            }
            _ => 0..0,
        }
    }

    /// Masses or volumes of some particles, with those of the absent ones zero: a sum that is weighted
    /// by either does not see them.
    pub fn weights<'a>(&self, all: &'a [f64], particles: Range<usize>) -> Cow<'a, [f64]> {
        if self.absent.is_empty() {
            return Cow::Borrowed(&all[particles]);
        }
        let weight = |p: usize| if self.absent[p] { 0.0 } else { all[p] };
        Cow::Owned(particles.map(weight).collect())
    }
}

/// Derivative of an objective by an [`Observation`]; id order.
#[derive(Clone, Debug, Default)]
pub struct ObservationCotangent {
    pub x: Vec<[f64; 3]>,
    pub v: Vec<[f64; 3]>,
    /// By the motions of the rigid bodies; empty where nothing depends on them.
    pub rigid: Vec<RigidCotangent<f64>>,
}

/// What a reverse pass has accumulated by the time it reaches the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradient {
    /// By the initial state.
    pub initial: Cotangent<f64>,
    /// By the constants of each material ([`crate::model::Law::constants`]).
    pub constants: Vec<[f64; CONSTANTS]>,
    /// By collider poses and twists of every substep and activations of every control step.
    pub drive: DriveCotangent,
    /// By the mass properties of the rigid bodies.
    pub rigid: Vec<RigidGradient>,
}

/// Derivative by the mass properties of a rigid body; the shares of its contact points (a matter of
/// numerics) are held fixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RigidGradient {
    /// [1/kg]
    pub mass: f64,
    /// By the inertia about the centre of mass in body axes [1/(kg m²)]; symmetric: an entry off
    /// the diagonal is half the derivative by the pair.
    pub inertia: Mat3<f64>,
}

impl RigidGradient {
    pub const ZERO: Self = Self { mass: 0.0, inertia: Mat3([[0.0; 3]; 3]) };
}

impl std::ops::AddAssign for RigidGradient {
    fn add_assign(&mut self, other: Self) {
        self.mass += other.mass;
        self.inertia += other.inertia;
    }
}

/// Where the time of a simulation goes, as far as its backend can tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs {
    /// Time by stage since the last call [s], in the order of a substep.
    pub stage_secs: Vec<(String, f64)>,
    /// Time by level of resolution since the last call, finest first, of the forward stages that go block by
    /// block (p2g, grid_update, g2p), summed over threads [s]; empty where the backend cannot tell. A
    /// particle in a band counts with the finer of its levels. Without somebody who asks, nothing is noted.
    pub level_secs: Vec<f64>,
    /// Kernel launches in one forward substep; 0 on the CPU.
    pub dispatches_per_substep: usize,
    /// Bytes that one forward substep has to move per particle, by the layout of the data; reads
    /// that hit a cache are not counted.
    pub bytes_per_particle_substep: f64,
}

/// A device that can run a [`Model`] forward and backward.
///
/// Substeps are numbered from the start of the rollout; the number selects the collider poses and
/// activations of the [`Drive`].
pub trait Simulator {
    /// One line: device, precision, threads.
    fn describe(&self) -> String;

    /// How many particles there are now.
    fn particle_count(&self) -> usize;

    /// Replaces the state (id order).
    fn load(&mut self, state: &State<f64>) -> Result<(), SimulationError>;

    /// The present state (id order). Waits for the device.
    fn read(&mut self) -> Result<State<f64>, SimulationError>;

    /// Sets collider motion and activations for all substeps to come.
    fn drive(&mut self, drive: &Drive) -> Result<(), SimulationError>;

    /// Runs the substeps. A GPU may still be at work when this returns: a divergence is reported
    /// here or by the next call that waits.
    fn forward(&mut self, substeps: Range<usize>) -> Result<(), SimulationError>;

    /// Room for `checkpoints` stored states and a live segment of `segment` substeps.
    fn reserve(&mut self, checkpoints: usize, segment: usize) -> Result<(), SimulationError>;

    /// Bytes of one stored state, of all particles.
    fn state_bytes(&self) -> u64;

    /// Bytes that one substep of [`Simulator::forward_recorded`] holds, about.
    fn record_bytes(&self) -> u64 {
        self.state_bytes()
    }

    /// Bytes that one control step of [`Simulator::forward_recorded`] holds beside them at most: the states
    /// before particles are split, merged, woken or put to sleep.
    fn change_bytes(&self) -> u64 {
        0
    }

    /// Stores the present state in a checkpoint slot.
    fn save(&mut self, slot: usize) -> Result<(), SimulationError>;

    /// Makes a stored state the present one.
    fn restore(&mut self, slot: usize) -> Result<(), SimulationError>;

    /// Takes a note of positions and velocities without stopping the device.
    fn observe(&mut self, index: usize) -> Result<(), SimulationError>;

    /// What `observe(index)` noted. Waits for the device.
    fn observation(&mut self, index: usize) -> Result<Observation, SimulationError>;

    /// Like [`Simulator::forward`], keeping every state for [`Simulator::reverse`].
    fn forward_recorded(&mut self, substeps: Range<usize>) -> Result<(), SimulationError>;

    /// Sets all cotangents to zero. The cotangent is then of the state after the last substep.
    fn begin_reverse(&mut self) -> Result<(), SimulationError>;

    /// Adds an objective's derivative to the cotangent of the present state.
    fn seed(&mut self, seed: &ObservationCotangent) -> Result<(), SimulationError>;

    /// Walks the recorded substeps back; `substeps` lies at the end of what is recorded and not
    /// yet walked.
    fn reverse(&mut self, substeps: Range<usize>) -> Result<(), SimulationError>;

    /// Whether the wrench on every collider is summed in the substeps to come.
    fn sense_wrenches(&mut self, on: bool) -> Result<(), SimulationError>;

    /// Mean wrench on every collider over each control step of the drive,
    /// `[control_step * collider_count + collider]`, as far as it was run. Waits for the device.
    fn wrenches(&mut self) -> Result<Vec<Wrench>, SimulationError>;

    /// Sets the derivative by [`Simulator::wrenches`] for the reverse pass that has begun.
    fn seed_wrenches(&mut self, bars: &[Wrench]) -> Result<(), SimulationError>;

    /// What was accumulated. Waits for the device.
    fn gradient(&mut self) -> Result<Gradient, SimulationError>;

    /// A checksum of the present state's bits, for the test that a replay equals the forward run.
    fn fingerprint(&mut self) -> Result<u64, SimulationError>;

    /// Peak memory held for this simulation on its device [bytes].
    fn peak_bytes(&self) -> u64;

    /// Starts to note times, if it has not yet, and returns what was noted since the last call.
    /// Waits for the device.
    fn costs(&mut self) -> Result<Costs, SimulationError>;
}

//! Layer 3: what moves by command: effectors (driven colliders and nozzles) and muscles.
//!
//! Effectors are kinematic, so that the poses of all substeps follow from the actions alone: they
//! are computed once per rollout, in f64 on the host, and looked up by substep on the device. The
//! adjoint of the simulation returns a cotangent per pose, which [`drive_adj`] carries back to the
//! actions.

use crate::math::{Mat3, Vec3};
use crate::model::Stance;
use std::ops::Range;

mod emission;
mod kinematics;
mod resolution;
pub use kinematics::{drive, drive_adj};
pub use resolution::{field_at, field_at_adj};

/// Pose and twist of one collider, or nozzle, during one substep.
///
/// The position is a grid node and an offset, like a particle's, so that distances to nodes are
/// exact far from the origin: a node i is at `(i - cell) * cell_width - offset` [m] from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColliderPose {
    /// Nearest grid node, absolute (the model's origin is added).
    pub cell: [i32; 3],
    /// Offset from that node [m].
    pub offset: Vec3<f64>,
    /// Rotation `world_from_body`.
    pub rotation: Mat3<f64>,
    /// [m/s], world frame, of the body's origin.
    pub velocity: Vec3<f64>,
    /// [rad/s], world frame.
    pub angular_velocity: Vec3<f64>,
}

impl ColliderPose {
    /// What the levels of resolution follow.
    pub fn stance(&self) -> Stance {
        let &Self { cell, offset, rotation, velocity, .. } = self;
        Stance { cell, offset, rotation, velocity }
    }
}

/// A particle that comes from a nozzle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Birth {
    /// It is there from the end of this substep on.
    pub substep: usize,
    /// Its id.
    pub particle: u32,
    /// Nearest grid node, absolute.
    pub cell: [i32; 3],
    /// Offset from that node [cell widths], each component in [-1/2, 1/2).
    pub offset: Vec3<f64>,
    /// [m/s], world frame.
    pub velocity: Vec3<f64>,
    /// Angular velocity of the nozzle [rad/s]: its affine velocity is `[spin]`, its F the identity.
    pub spin: Vec3<f64>,
}

/// Collider motion of a whole rollout, what comes from nozzles, and the activations.
#[derive(Clone, Debug, PartialEq)]
pub struct Drive {
    pub control_steps: usize,
    pub collider_count: usize,
    pub muscle_count: usize,
    pub substeps_per_control: usize,
    /// `[substep * collider_count + collider]`
    pub poses: Vec<ColliderPose>,
    /// `[substep * emitter_count + emitter]`
    pub nozzles: Vec<ColliderPose>,
    /// By substep, then emitter, then particle.
    pub births: Vec<Birth>,
    /// `[control_step * muscle_count + muscle]` [Pa]
    pub activations: Vec<f64>,
}

impl Drive {
    /// Substeps covered.
    pub fn substeps(&self) -> usize {
        self.control_steps * self.substeps_per_control
    }
    /// Poses of all colliders at a substep.
    pub fn poses_at(&self, substep: usize) -> &[ColliderPose] {
        let n = self.collider_count;
        &self.poses[substep * n..(substep + 1) * n]
    }
    /// Poses of all nozzles at a substep.
    pub fn nozzles_at(&self, substep: usize) -> &[ColliderPose] {
        let n = self.nozzles.len() / self.substeps().max(1);
        &self.nozzles[substep * n..(substep + 1) * n]
    }
    /// What comes at the end of a substep, as places in `births`.
    pub fn births_at(&self, substep: usize) -> Range<usize> {
        let before = |end: usize| self.births.partition_point(|birth| birth.substep < end);
        before(substep)..before(substep + 1)
    }
    /// Activations of all muscles at a substep [Pa].
    pub fn activations_at(&self, substep: usize) -> &[f64] {
        let (n, step) = (self.muscle_count, substep / self.substeps_per_control);
        &self.activations[step * n..(step + 1) * n]
    }
}

/// Derivative by one [`ColliderPose`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoseCotangent {
    /// By position [1/m].
    pub position: Vec3<f64>,
    /// By a small rotation about the world axes through the body's origin [1/rad].
    pub rotation: Vec3<f64>,
    pub velocity: Vec3<f64>,
    pub angular_velocity: Vec3<f64>,
}

impl PoseCotangent {
    pub const ZERO: Self = Self {
        position: Vec3([0.0; 3]),
        rotation: Vec3([0.0; 3]),
        velocity: Vec3([0.0; 3]),
        angular_velocity: Vec3([0.0; 3]),
    };
}

impl std::ops::AddAssign for PoseCotangent {
    fn add_assign(&mut self, other: Self) {
        self.position += other.position;
        self.rotation += other.rotation;
        self.velocity += other.velocity;
        self.angular_velocity += other.angular_velocity;
    }
}

/// Derivative by one [`Birth`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BirthCotangent {
    /// By position [1/m].
    pub position: Vec3<f64>,
    pub velocity: Vec3<f64>,
    pub spin: Vec3<f64>,
}

impl BirthCotangent {
    pub const ZERO: Self =
        Self { position: Vec3([0.0; 3]), velocity: Vec3([0.0; 3]), spin: Vec3([0.0; 3]) };

    /// From the cotangents of a particle's position, velocity and affine velocity.
    pub fn of_particle(x_bar: Vec3<f64>, v_bar: Vec3<f64>, c_bar: Mat3<f64>) -> Self {
        // <C_bar, [spin]>
        Self { position: x_bar, velocity: v_bar, spin: c_bar.axial() }
    }
}

/// Derivative by a [`Drive`]: the same layout; nozzles count through what comes from them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriveCotangent {
    pub poses: Vec<PoseCotangent>,
    pub births: Vec<BirthCotangent>,
    pub activations: Vec<f64>,
}

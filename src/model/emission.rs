//! Where material comes from and where it goes.
//!
//! All particles that will ever come are known when a scene is compiled: each has the time at which
//! it leaves its nozzle and its place in the opening. What the drive adds to that is where the nozzle
//! is and how it moves at that time ([`crate::agents`]).

use super::{Model, Pose, Shape};
use crate::math::Vec3;

/// A nozzle; material leaves along its +z.
#[derive(Clone, Debug, PartialEq)]
pub struct Emitter {
    pub name: String,
    /// The body that its particles form, an index into [`Model::bodies`].
    pub body: u32,
    pub opening: Opening,
    /// Pose and twist at time zero.
    pub pose: Pose,
    /// Velocity [m/s] and angular velocity [rad/s], world frame, that actions add to.
    pub velocity: Vec3<f64>,
    pub angular_velocity: Vec3<f64>,
    /// Of the material relative to the nozzle [m/s].
    pub speed: f64,
    /// One for each particle of the body, in their order, which is that of time.
    pub emissions: Vec<Emission>,
}

/// One particle that leaves a nozzle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Emission {
    /// When it passes the opening [s].
    pub secs: f64,
    /// Where in the opening [m], nozzle axes.
    pub point: [f64; 2],
}

impl Emission {
    /// Where it passes the opening [m], nozzle frame.
    pub fn place(&self) -> Vec3<f64> {
        let [x, y] = self.point;
        Vec3([x, y, 0.0])
    }
}

/// An opening in the plane z = 0 of its nozzle, centred; lengths in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Opening {
    Disc { radius: f64 },
    Rectangle { half_extents: [f64; 2] },
}

impl Opening {
    /// [m²]
    pub fn area(&self) -> f64 {
        match *self {
            Opening::Disc { radius } => std::f64::consts::PI * radius * radius,
            Opening::Rectangle { half_extents: [a, b] } => 4.0 * a * b,
        }
    }

    /// Half of the extents [m] along the nozzle's x and y.
    pub fn half_extents(&self) -> [f64; 2] {
        match *self {
            Opening::Disc { radius } => [radius; 2],
            Opening::Rectangle { half_extents } => half_extents,
        }
    }

    /// Whether a point [m] is in it; the edge is.
    pub fn holds(&self, [x, y]: [f64; 2]) -> bool {
        match *self {
            Opening::Disc { radius } => x * x + y * y <= radius * radius,
            Opening::Rectangle { half_extents: [a, b] } => x.abs() <= a && y.abs() <= b,
        }
    }
}

/// A region that takes particles away.
#[derive(Clone, Debug, PartialEq)]
pub struct Sink {
    pub name: String,
    pub shape: Shape,
    pub pose: Pose,
}

impl Emitter {
    /// The emissions of a substep of `dt` seconds, as indices: those before its end that are not
    /// before its start.
    pub fn during(&self, substep: usize, dt: f64) -> std::ops::Range<usize> {
        self.before(substep, dt)..self.before(substep + 1, dt)
    }

    /// How many emissions there are before a substep.
    pub fn before(&self, substep: usize, dt: f64) -> usize {
        let start = substep as f64 * dt;
        self.emissions.partition_point(|emission| emission.secs < start)
    }
}

impl Model {
    /// Whether particles come or go.
    pub fn exchanges(&self) -> bool {
        !self.emitters.is_empty() || !self.sinks.is_empty()
    }

    /// Whether a number stands for the same particle at all times; else why not.
    pub fn keeps_particles(&self) -> Result<(), &'static str> {
        if self.exchanges() {
            return Err("the scene has emitters or sinks: its particles come and go");
        }
        if self.levels.changes() {
            return Err("the scene has levels: its particles are split, merged and made anew");
        }
        Ok(())
    }

    /// Particles that have come before a substep, those of the start included.
    pub fn come_before(&self, substep: usize) -> usize {
        let emitted: usize = self.emitters.iter().map(|e| e.emissions.len()).sum();
        let come = self.emitters.iter().map(|e| e.before(substep, self.substep_secs));
        self.particles.mass.len() - emitted + come.sum::<usize>()
    }
}

//! What acts on a free rigid body over a control step, from how its motion changed.
//!
//! `F = m (v₁ - v₀)/T - m g`, `τ = (L₁ - L₀)/T`, `L = R I Rᵀ ω`: the mean of all contact forces, of
//! material, of colliders and of other bodies, and their torque about the centre of mass.

use crate::math::{Mat3, Vec3, quaternion_matrix};
use crate::model::Model;
use crate::mpm::simulator::{RigidGradient, Wrench};
use crate::mpm::state::{RigidCotangent, RigidMotion};

/// One body over one control step.
pub struct BodyWrench<'a> {
    model: &'a Model,
    body: usize,
    /// Its motion at the start and at the end.
    ends: [&'a RigidMotion<f64>; 2],
    secs: f64,
}

impl<'a> BodyWrench<'a> {
    /// From the motions of all bodies at the start and the end of the control step.
    pub fn new(
        model: &'a Model,
        body: usize,
        before: &'a [RigidMotion<f64>],
        after: &'a [RigidMotion<f64>],
    ) -> Self {
        let secs = model.substep_secs * model.substeps_per_control as f64;
        Self { model, body, ends: [&before[body], &after[body]], secs }
    }

    /// Inertia in world axes at an end [kg m²].
    fn inertia(&self, end: usize) -> Mat3<f64> {
        let r = quaternion_matrix(self.ends[end].rotation);
        r * self.model.rigid_bodies[self.body].inertia * r.transpose()
    }

    /// Mean acceleration without that of gravity [m/s²].
    fn acceleration(&self) -> Vec3<f64> {
        let [before, after] = self.ends;
        (after.velocity - before.velocity) * self.secs.recip() - self.model.gravity
    }

    pub fn wrench(&self) -> Wrench {
        let spin = |end: usize| self.inertia(end) * self.ends[end].angular_velocity;
        Wrench {
            force: self.acceleration() * self.model.rigid_bodies[self.body].mass,
            torque: (spin(1) - spin(0)) * self.secs.recip(),
        }
    }

    /// Adds the derivative by both motions and by the mass properties, from that by the wrench: with
    /// `t = ±τ_bar/T` at each end and J the inertia in world axes, `ω_bar = J t`, `I_bar = sym(Rᵀ t (Rᵀ ω)ᵀ)`
    /// and, by a small rotation, `L x t - ω x J t`.
    pub fn wrench_adj(
        &self,
        bar: &Wrench,
        [before_bar, after_bar]: [&mut [RigidCotangent<f64>]; 2],
        masses_bar: &mut [RigidGradient],
    ) {
        let mass = self.model.rigid_bodies[self.body].mass;
        let mass_bar = &mut masses_bar[self.body];
        mass_bar.mass += bar.force.dot(self.acceleration());
        for (end, (sign, motion_bar)) in
            [(-1.0, before_bar), (1.0, after_bar)].into_iter().enumerate()
        {
            let motion_bar = &mut motion_bar[self.body];
            let (r, j) = (quaternion_matrix(self.ends[end].rotation), self.inertia(end));
            let omega = self.ends[end].angular_velocity;
            let t = bar.torque * (sign / self.secs);
            motion_bar.velocity += bar.force * (sign * mass / self.secs);
            motion_bar.angular_velocity += j * t;
            motion_bar.rotation += (j * omega).cross(t) - omega.cross(j * t);
            let inertia_bar = (r.transpose() * t).outer(r.transpose() * omega);
            mass_bar.inertia += inertia_bar.symmetric_part();
        }
    }
}

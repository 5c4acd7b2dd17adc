//! Models written as code: what benchmarks and laws run, without a scene file.

use crate::math::{Mat3, Vec3};
use crate::model::{
    Body, Collider, Contact, ContactMode, Law, Levels, Material, Model, Pose, RigidBody, Shape,
    stability,
};
use crate::mpm::state::{NO_MUSCLE, Particles, State, split_position};
use glam::DQuat;
use std::sync::Arc;

/// A model under construction. Lengths in metres, world frame, z up.
pub struct Setup {
    model: Model,
    particles_per_axis: i64,
}

impl Setup {
    pub fn new(name: &str, cell_width: f64) -> Self {
        Self {
            model: Model {
                name: name.to_owned(),
                cell_width,
                substep_secs: 0.0,
                substeps_per_control: 1,
                gravity: Vec3::zero(),
                origin: [0; 3],
                materials: Vec::new(),
                bodies: Vec::new(),
                colliders: Vec::new(),
                rigid_bodies: Vec::new(),
                emitters: Vec::new(),
                sinks: Vec::new(),
                muscles: Vec::new(),
                actions: Vec::new(),
                particles: Particles::default(),
                initial: State::default(),
                levels: Levels::uniform(),
            },
            particles_per_axis: 2,
        }
    }

    /// So many particles per cell and axis in the bodies to come, instead of two.
    pub fn particles_per_axis(mut self, count: i64) -> Self {
        self.particles_per_axis = count;
        self
    }

    pub fn gravity(mut self, gravity: [f64; 3]) -> Self {
        self.model.gravity = Vec3(gravity);
        self
    }

    /// Fills the part of the box where `inside` holds with a lattice of particles, eight per cell if
    /// not said otherwise, at rest, undeformed. The lattice is aligned with the grid.
    pub fn body(
        mut self,
        density: f64,
        law: Law,
        [low, high]: [[f64; 3]; 2],
        inside: impl Fn([f64; 3]) -> bool,
    ) -> Self {
        let material = self.model.materials.len() as u32;
        let body = self.model.bodies.len() as u32;
        let name = format!("body-{body}");
        self.model.materials.push(Material { name: name.clone(), density, law });

        let spacing = self.model.cell_width / self.particles_per_axis as f64;
        let first = self.model.particles.mass.len();
        // Lattice sites lie at half-integer multiples of the spacing.
        let sites = |a: usize| {
            let site = |x: f64| (x / spacing - 0.5 - 1e-9).ceil() as i64;
            site(low[a])..site(high[a])
        };
        for i in sites(0) {
            for j in sites(1) {
                for k in sites(2) {
                    let x = [i, j, k].map(|s| (s as f64 + 0.5) * spacing);
                    if inside(x) {
                        self.push(x, material, body, density * spacing.powi(3), spacing.powi(3));
                    }
                }
            }
        }
        let particles = first..self.model.particles.mass.len();
        self.model.bodies.push(Body { name, material, particles });
        self
    }

    fn push(&mut self, x: [f64; 3], material: u32, body: u32, mass: f64, volume: f64) {
        let Model { particles, initial, cell_width, .. } = &mut self.model;
        let split = x.map(|x| split_position(x / *cell_width));
        particles.mass.push(mass);
        particles.volume.push(volume);
        particles.material.push(material);
        particles.body.push(body);
        particles.muscle.push(NO_MUSCLE);
        particles.level.push(0);
        initial.cell.push(split.map(|(cell, _)| cell));
        initial.offset.push(Vec3(split.map(|(_, offset)| offset)));
        initial.v.push(Vec3::zero());
        initial.c.push(Mat3::zero());
        initial.f.push(Mat3::identity());
        initial.history.push(0.0);
    }

    /// Gives the particles of the latest body a velocity field [m/s] and its gradient [1/s].
    pub fn moving(
        mut self,
        velocity: impl Fn([f64; 3]) -> [f64; 3],
        gradient: impl Fn([f64; 3]) -> [[f64; 3]; 3],
    ) -> Self {
        let particles = self.model.bodies.last().map_or(0..0, |body| body.particles.clone());
        let (width, origin) = (self.model.cell_width, self.model.origin);
        for p in particles {
            let x = self.model.initial.world_position(p, width, origin);
            self.model.initial.v[p] = Vec3(velocity(x));
            self.model.initial.c[p] = Mat3(gradient(x));
        }
        self
    }

    /// Adds a collider that does not move.
    pub fn collider(self, shape: Shape, position: [f64; 3], contact: Contact) -> Self {
        self.driven_collider(shape, position, DQuat::IDENTITY, contact, [0.0; 3])
    }

    /// Adds a half-space with this outward normal through this point.
    pub fn plane(self, normal: [f64; 3], point: [f64; 3], contact: Contact) -> Self {
        let turn = DQuat::from_rotation_arc(glam::DVec3::Z, glam::DVec3::from(normal).normalize());
        self.driven_collider(Shape::HalfSpace, point, turn, contact, [0.0; 3])
    }

    /// Adds a collider that moves at a constant velocity [m/s].
    pub fn driven_collider(
        mut self,
        shape: Shape,
        position: [f64; 3],
        rotation: DQuat,
        contact: Contact,
        velocity: [f64; 3],
    ) -> Self {
        self.model.colliders.push(Collider {
            name: format!("collider-{}", self.model.colliders.len()),
            shape,
            contact,
            pose: Pose { position: Vec3(position), rotation },
            velocity: Vec3(velocity),
            angular_velocity: Vec3::zero(),
        });
        self
    }

    /// Adds a free rigid body whose shape is centred there, not turned.
    pub fn rigid_body(mut self, body: RigidBody, position: [f64; 3], velocity: [f64; 3]) -> Self {
        let (pose, twist) = (Pose::at(Vec3(position)), [Vec3(velocity), Vec3::zero()]);
        let motion = body.motion(&pose, twist, self.model.cell_width, self.model.origin);
        self.model.initial.rigid.push(motion);
        self.model.rigid_bodies.push(body);
        self
    }

    /// The model, with the longest stable substep for speeds up to `max_speed` [m/s].
    pub fn build(mut self, max_speed: f64) -> Arc<Model> {
        self.model.substep_secs = stability(&self.model, Some(max_speed)).stable_secs;
        Arc::new(self.model)
    }
}

/// The friction angle to give sand [rad] so that a flow in a channel, or down a wide slope, is held by
/// this angle [degrees]. A law's angle is that of triaxial compression; where nothing moves sideways
/// the same cone of slope alpha yields at `tan = 3 alpha/sqrt(2)` (formulas.md 9), at most 60 degrees.
pub fn channel_friction(angle_deg: f64) -> f64 {
    let alpha = angle_deg.to_radians().tan() * 2f64.sqrt() / 3.0;
    // cone_slope solved for the angle.
    (3.0 * alpha / (2.0 * (2.0f64 / 3.0).sqrt() + alpha)).asin()
}

/// Frictionless, and nothing leaves the surface.
pub const SLIP: Contact = Contact { mode: ContactMode::Slip, friction: 0.0, softness: 0.0 };

/// Nothing moves at the surface.
pub const STICKY: Contact = Contact { mode: ContactMode::Sticky, friction: 0.0, softness: 0.0 };

/// Coulomb friction; what pulls away leaves.
pub const fn rough(friction: f64) -> Contact {
    Contact { mode: ContactMode::Separate, friction, softness: 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cone_slope;

    #[test]
    fn the_channel_angle_is_what_the_cone_gives_back() {
        for angle_deg in [10.0f64, 30.0, 45.0] {
            let tangent = 3.0 * cone_slope(channel_friction(angle_deg)) / 2f64.sqrt();
            assert!((tangent.atan().to_degrees() - angle_deg).abs() < 1e-9);
        }
    }

    #[test]
    fn a_body_fills_its_box_with_the_mass_it_should_have() {
        let law = Law::Liquid { bulk_modulus: 1.0, tension: false };
        let model = Setup::new("box", 0.1)
            .body(1000.0, law, [[-0.2, 0.0, 0.3], [0.2, 0.1, 0.5]], |_| true)
            .build(1.0);
        let mass: f64 = model.particles.mass.iter().sum();
        assert!((mass - 8.0).abs() < 1e-9, "{mass}");
    }
}

//! Sums over all particles and rigid bodies that physics conserves or bounds: mass, momentum, energy.

use super::state::{Life, RigidMotion, State};
use super::twin::material::{Local, energy};
use crate::math::{Mat3, Vec3, left_svd, quaternion_matrix};
use crate::model::{Law, Model, RigidBody};
use rayon::prelude::*;

/// Totals of one state, world frame, about the world origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Totals {
    /// [kg]
    pub mass: f64,
    /// [kg m/s]
    pub momentum: [f64; 3],
    /// Of the particles and of their affine motion, `x × m v + m D ax(C)` (formulas.md 5.3)
    /// [kg m²/s].
    pub angular_momentum: [f64; 3],
    /// Of the particles' velocities, and of the rigid bodies, their spin included [J].
    pub kinetic: f64,
    /// Of the affine motion around the particles, `m D |C|²/2` with D = h²/4 [J]: a transfer
    /// moves energy between it and `kinetic`, and never raises their sum.
    pub affine: f64,
    /// `-m g · x` [J], zero at the world origin.
    pub potential: f64,
    /// Stored in the materials [J].
    pub elastic: f64,
}

impl Totals {
    /// All energies together [J].
    pub fn energy(&self) -> f64 {
        self.kinetic + self.affine + self.potential + self.elastic
    }
}

/// Mass [kg] that each sink of the model has taken.
pub fn drained(model: &Model, state: &State<f64>) -> Vec<f64> {
    let mut mass = vec![0.0; model.sinks.len()];
    for (life, particle) in state.life.iter().zip(&model.particles.mass) {
        if let Life::Gone { sink } = life {
            mass[*sink as usize] += particle;
        }
    }
    mass
}

/// The least and the largest singular value of F [-] over the particles of a body: how far it is
/// pressed and drawn out. Far from one, a body is at the point of coming apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    pub least: f64,
    pub largest: f64,
}

impl Stretch {
    /// That of no particle.
    pub const NONE: Self = Self { least: f64::INFINITY, largest: f64::NEG_INFINITY };

    /// Of both together.
    pub fn with(self, other: Self) -> Self {
        let (least, largest) = (self.least.min(other.least), self.largest.max(other.largest));
        Self { least, largest }
    }
}

/// How far each body of the model is strained, as far as it is there.
pub fn stretches(model: &Model, state: &State<f64>) -> Vec<Stretch> {
    let particles = state.particles.as_deref().unwrap_or(&model.particles);
    let mut stretches = vec![Stretch::NONE; model.bodies.len()];
    for p in state.present() {
        let (_, s) = left_svd(state.f[p]);
        let body = &mut stretches[particles.body[p] as usize];
        *body = body.with(Stretch { least: s[2], largest: s[0] });
    }
    stretches
}

/// Particles per partial sum: fixed, so that the result does not depend on the thread count.
const CHUNK: usize = 4096;

/// Totals of a state of the model, as far as it is there.
pub fn totals(model: &Model, state: &State<f64>) -> Totals {
    let n = state.particle_count();
    let starts: Vec<usize> = (0..n).step_by(CHUNK).collect();
    let partial = |&start: &usize| {
        let particles = start..(start + CHUNK).min(n);
        let present = particles.filter(|&p| state.is_present(p));
        present.map(|p| of_particle(model, state, p)).fold([0.0; TERMS], add)
    };
    let sums: Vec<[f64; TERMS]> = starts.par_iter().map(partial).collect();
    let bodies = model.rigid_bodies.iter().zip(&state.rigid);
    let bodies = bodies.map(|(body, motion)| of_rigid_body(model, body, motion));
    let [mass, px, py, pz, lx, ly, lz, kinetic, affine, potential, elastic] =
        sums.into_iter().chain(bodies).fold([0.0; TERMS], add);
    Totals {
        mass,
        momentum: [px, py, pz],
        angular_momentum: [lx, ly, lz],
        kinetic,
        affine,
        potential,
        elastic,
    }
}

const TERMS: usize = 11;

fn add(a: [f64; TERMS], b: [f64; TERMS]) -> [f64; TERMS] {
    std::array::from_fn(|i| a[i] + b[i])
}

fn of_particle(model: &Model, state: &State<f64>, p: usize) -> [f64; TERMS] {
    let particles = state.particles_or(&model.particles);
    let mass = particles.mass[p];
    let x = Vec3(state.world_position(p, model.cell_width, model.origin));
    let (v, c) = (state.v[p], state.c[p]);
    let inertia = mass * model.cell_width * model.cell_width / 4.0;
    let momentum = v * mass;
    let spin = x.cross(momentum) + c.axial() * inertia;
    let law = &model.materials[particles.material[p] as usize].law;
    [
        mass,
        momentum[0],
        momentum[1],
        momentum[2],
        spin[0],
        spin[1],
        spin[2],
        0.5 * mass * v.norm_squared(),
        0.5 * inertia * c.double_dot(c),
        -mass * model.gravity.dot(x),
        particles.volume[p] * energy_density(law, state.f[p], state.history[p]),
    ]
}

fn of_rigid_body(model: &Model, body: &RigidBody, motion: &RigidMotion<f64>) -> [f64; TERMS] {
    let x = Vec3(motion.world_position(model.cell_width, model.origin));
    let rotation = quaternion_matrix(motion.rotation);
    let (v, omega) = (motion.velocity, motion.angular_velocity);
    let momentum = v * body.mass;
    let spin = rotation * (body.inertia * (rotation.transpose() * omega));
    let angular = x.cross(momentum) + spin;
    let mut terms = [0.0; TERMS];
    terms[0] = body.mass;
    terms[1..4].copy_from_slice(&momentum.0);
    terms[4..7].copy_from_slice(&angular.0);
    terms[7] = 0.5 * (momentum.dot(v) + spin.dot(omega));
    terms[9] = -body.mass * model.gravity.dot(x);
    terms
}

/// Stored energy per rest volume [J/m³]: the function whose derivative the stress is (formulas.md 3).
pub fn energy_density(law: &Law, f: Mat3<f64>, history: f64) -> f64 {
    let local = Local { f, c: Mat3::zero(), history };
    energy(law.kind(), &law.constants(), &local)
}

//! A run and its gradient by everything, and how far two gradients are apart.

use super::contact_scene::noise;
use super::models::relative_error;
use softscape::agents::Drive;
use softscape::math::{Mat3, Vec3};
use softscape::model::Model;
use softscape::mpm::simulator::{Gradient, ObservationCotangent, Simulator};
use softscape::mpm::state::{RigidCotangent, State};
use std::ops::Range;

/// Random pulls on positions; velocities weigh by the time they act.
pub fn seed(model: &Model) -> ObservationCotangent {
    seed_of(model.particles.mass.len(), model.rigid_bodies.len())
}

/// The same for so many particles and rigid bodies.
pub fn seed_of(particles: usize, bodies: usize) -> ObservationCotangent {
    let pull = |salt: usize, scale: f64| {
        (0..particles)
            .map(|p| std::array::from_fn(|a| scale * (0.2 + noise(salt + 3 * p + a))))
            .collect()
    };
    let vector = |salt: usize, scale: f64| Vec3::from_fn(|a| scale * (0.2 + noise(salt + a)));
    let body = |b: usize| RigidCotangent {
        position: vector(90_000 + 20 * b, 30.0),
        rotation: vector(90_003 + 20 * b, 1.0),
        velocity: vector(90_006 + 20 * b, 0.3),
        angular_velocity: vector(90_009 + 20 * b, 0.01),
    };
    ObservationCotangent {
        x: pull(0, 1.0),
        v: pull(50_000, 0.01),
        rigid: (0..bodies).map(body).collect(),
    }
}

/// Runs substeps from the present state, and walks them back.
pub fn run(
    model: &Model,
    drive: &Drive,
    simulator: &mut dyn Simulator,
    substeps: Range<usize>,
) -> (State<f64>, Gradient) {
    simulator.drive(drive).unwrap();
    simulator.forward_recorded(substeps.clone()).unwrap();
    let state = simulator.read().unwrap();
    simulator.begin_reverse().unwrap();
    simulator.seed(&seed(model)).unwrap();
    simulator.reverse(substeps).unwrap();
    (state, simulator.gradient().unwrap())
}

/// The states before each of so many substeps from the present one, and the last.
pub fn path(drive: &Drive, simulator: &mut dyn Simulator, substeps: usize) -> Vec<State<f64>> {
    simulator.drive(drive).unwrap();
    let mut states = vec![simulator.read().unwrap()];
    for substep in 0..substeps {
        simulator.forward(substep..substep + 1).unwrap();
        states.push(simulator.read().unwrap());
    }
    states
}

/// Everything that a gradient holds, by name. Colliders that do not move are left out, for which the
/// device accumulates nothing; and poses of other substeps.
pub fn fields(
    model: &Model,
    gradient: &Gradient,
    pose_substeps: Range<usize>,
) -> Vec<(String, Vec<f64>)> {
    let colliders = &model.colliders;
    let counts = |index: usize| {
        let moves = colliders[index % colliders.len()].velocity != Vec3::zero();
        moves && pose_substeps.contains(&(index / colliders.len()))
    };
    let vectors = |v: &[Vec3<f64>]| v.iter().flat_map(|v| v.0).collect::<Vec<_>>();
    let matrices = |m: &[Mat3<f64>]| m.iter().flat_map(|m| m.0).flatten().collect::<Vec<_>>();
    let poses = gradient.drive.poses.iter().enumerate().filter(|(index, _)| counts(*index));
    let poses: Vec<_> = poses.map(|(_, pose)| pose).collect();
    let bodies = &gradient.initial.rigid;
    let masses = &gradient.rigid;
    let mut fields = vec![
        ("x", vectors(&gradient.initial.x)),
        ("v", vectors(&gradient.initial.v)),
        ("C", matrices(&gradient.initial.c)),
        ("F", matrices(&gradient.initial.f)),
        ("history", gradient.initial.history.clone()),
        ("collider position", poses.iter().flat_map(|p| p.position.0).collect()),
        ("collider rotation", poses.iter().flat_map(|p| p.rotation.0).collect()),
        ("collider velocity", poses.iter().flat_map(|p| p.velocity.0).collect()),
        ("collider spin", poses.iter().flat_map(|p| p.angular_velocity.0).collect()),
        ("activation", gradient.drive.activations.clone()),
        ("body position", bodies.iter().flat_map(|b| b.position.0).collect()),
        ("body rotation", bodies.iter().flat_map(|b| b.rotation.0).collect()),
        ("body velocity", bodies.iter().flat_map(|b| b.velocity.0).collect()),
        ("body spin", bodies.iter().flat_map(|b| b.angular_velocity.0).collect()),
        ("body mass", masses.iter().map(|m| m.mass).collect()),
        ("body inertia", masses.iter().flat_map(|m| m.inertia.0).flatten().collect()),
    ]
    .into_iter()
    .map(|(name, values)| (name.to_owned(), values))
    .collect::<Vec<_>>();
    let constants = gradient.constants.first().map_or(0, |k| k.len());
    fields.extend((0..constants).map(|n| {
        (format!("constant {n}"), gradient.constants.iter().map(|k| k[n]).collect::<Vec<_>>())
    }));
    fields
}

/// Relative 2-norm differences of everything that two gradients hold; what is zero in both is left out.
pub fn errors(
    model: &Model,
    ours: &Gradient,
    theirs: &Gradient,
    pose_substeps: Range<usize>,
) -> Vec<(String, f64)> {
    let pairs = fields(model, ours, pose_substeps.clone());
    pairs
        .into_iter()
        .zip(fields(model, theirs, pose_substeps))
        .filter(|((_, a), (_, b))| a.iter().chain(b).any(|&c| c != 0.0))
        .map(|((name, a), (_, b))| (name, relative_error(a, b)))
        .collect()
}

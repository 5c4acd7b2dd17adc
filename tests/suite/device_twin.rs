//! The GPU solver against the f64 twin: states, and gradients by everything that can be asked for.

use crate::adapter;

use crate::common::contact_scene::{ELASTIC, LIQUID, SAND, drive, noise, scene};
use crate::common::models::relative_error;
use softscape::math::{Mat3, Vec3};
use softscape::model::{Family, Law, LawKind, Model};
use softscape::mpm::device::GpuSimulator;
use softscape::mpm::simulator::{Gradient, ObservationCotangent, Simulator};
use softscape::mpm::state::State;
use softscape::mpm::twin::{self, Precision};
use std::ops::Range;
use std::sync::Arc;

/// Over which the project asks for a precision of gradients.
const SUBSTEPS: usize = 100;

/// Runs substeps from the present state, and walks them back.
fn run(
    model: &Arc<Model>,
    simulator: &mut dyn Simulator,
    substeps: Range<usize>,
) -> (State<f64>, Gradient) {
    simulator.drive(&drive(model, substeps.end)).unwrap();
    simulator.forward_recorded(substeps.clone()).unwrap();
    let state = simulator.read().unwrap();
    simulator.begin_reverse().unwrap();
    // Random pulls on positions; velocities weigh by the time they act.
    let n = state.particle_count();
    let pull = |salt: usize, scale: f64| {
        (0..n).map(|p| std::array::from_fn(|a| scale * (0.2 + noise(salt + 3 * p + a)))).collect()
    };
    let seed = ObservationCotangent {
        x: pull(0, 1.0),
        v: pull(50_000, 0.01),
        ..ObservationCotangent::default()
    };
    simulator.seed(&seed).unwrap();
    simulator.reverse(substeps).unwrap();
    (state, simulator.gradient().unwrap())
}

/// Relative 2-norm differences of everything a gradient holds; what is zero in both is left out, and
/// so are colliders that do not move, for which the device accumulates nothing.
fn gradient_errors(
    model: &Model,
    ours: &Gradient,
    theirs: &Gradient,
    pose_substeps: Range<usize>,
) -> Vec<(&'static str, f64)> {
    let colliders = &model.colliders;
    let counts = |index: usize| {
        let moves = colliders[index % colliders.len()].velocity != Vec3::zero();
        moves && pose_substeps.contains(&(index / colliders.len()))
    };
    let vectors = |v: &[Vec3<f64>]| v.iter().flat_map(|v| v.0).collect::<Vec<_>>();
    let matrices = |m: &[Mat3<f64>]| m.iter().flat_map(|m| m.0).flatten().collect::<Vec<_>>();
    let constant = |g: &Gradient, n: usize| g.constants.iter().map(|k| k[n]).collect();
    let fields = |g: &Gradient| {
        let poses = g.drive.poses.iter().enumerate().filter(|(index, _)| counts(*index));
        let poses: Vec<_> = poses.map(|(_, pose)| pose).collect();
        [
            ("x", vectors(&g.initial.x)),
            ("v", vectors(&g.initial.v)),
            ("C", matrices(&g.initial.c)),
            ("F", matrices(&g.initial.f)),
            ("history", g.initial.history.clone()),
            ("constant 0", constant(g, 0)),
            ("constant 1", constant(g, 1)),
            ("constant 2", constant(g, 2)),
            ("constant 3", constant(g, 3)),
            ("constant 4", constant(g, 4)),
            ("constant 5", constant(g, 5)),
            ("constant 6", constant(g, 6)),
            ("constant 7", constant(g, 7)),
            ("collider position", poses.iter().flat_map(|p| p.position.0).collect()),
            ("collider rotation", poses.iter().flat_map(|p| p.rotation.0).collect()),
            ("collider velocity", poses.iter().flat_map(|p| p.velocity.0).collect()),
            ("collider spin", poses.iter().flat_map(|p| p.angular_velocity.0).collect()),
            ("activation", g.drive.activations.clone()),
        ]
    };
    let pairs = fields(ours).into_iter().zip(fields(theirs));
    pairs
        .filter(|((_, a), (_, b))| a.iter().chain(b).any(|&c| c != 0.0))
        .map(|((name, a), (_, b))| (name, relative_error(a, b)))
        .collect()
}

/// How far apart a field may be.
#[derive(Clone, Copy)]
struct Allowed {
    /// Fields by particle, collider or control step.
    fields: f64,
    /// Sums over all particles (material constants).
    sums: f64,
    /// Substeps at the end whose collider poses are left out.
    without_poses: usize,
}

fn compare(law: Law, substeps: usize, allowed: Allowed) {
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(scene(law));
    let mut twin = twin::simulator(&model, Precision::F64).unwrap();
    let (expected, expected_gradient) = run(&model, twin.as_mut(), 0..substeps);
    let mut device = GpuSimulator::new(&model, &gpu).unwrap();
    let (state, gradient) = run(&model, &mut device, 0..substeps);

    let position = |s: &State<f64>| -> Vec<f64> {
        (0..s.particle_count()).flat_map(|p| s.world_position(p, 1.0, model.origin)).collect()
    };
    let x = relative_error(position(&state), position(&expected));
    println!("{law:?}, {substeps} substeps: x {x:.1e}");
    assert!(x < 1e-5, "positions differ by {x:.1e}");
    let poses = 0..substeps - allowed.without_poses;
    let errors = gradient_errors(&model, &gradient, &expected_gradient, poses);
    for (name, error) in &errors {
        println!("    d/d {name}: {error:.1e}");
    }
    for (name, error) in &errors {
        let bound = if name.starts_with("constant") { allowed.sums } else { allowed.fields };
        assert!(*error <= bound, "{law:?}: d/d {name} differs by {error:.1e}, allowed {bound:.0e}");
    }
}

/// f32 round-off of one to three substeps: sums of a few hundred terms, and the cotangent of a
/// position, which is a small difference of large terms (seen: 4e-7 for most fields, 3e-5 for the
/// history of sand, a small sum of larger strains). The sums over particles nearly cancel
/// in a body that is bent at random: a twin in f32 is as far off.
const FEW_SUBSTEPS: Allowed = Allowed { fields: 1e-4, sums: 2e-3, without_poses: 0 };
/// What the project asks of a gradient over 100 substeps.
const HUNDRED_SUBSTEPS: Allowed = Allowed { fields: 1e-3, sums: 1e-3, without_poses: 0 };
/// One node under the capsule takes another branch of contact in f32 than in f64 in the last substep:
/// `a_pose_cotangent_of_sand_that_is_far_off_is_that_of_another_branch`.
const SAND_HUNDRED_SUBSTEPS: Allowed = Allowed { without_poses: 1, ..HUNDRED_SUBSTEPS };

/// Snow crosses its narrow bounds in almost every substep; where f32 crosses one a substep earlier than
/// f64, that particle's derivative is that of another branch. Seen: 2.1e-3 by F, 2.3e-3 by history,
/// less than 5e-4 by all else.
const SNOW_HUNDRED_SUBSTEPS: Allowed = Allowed { fields: 5e-3, ..HUNDRED_SUBSTEPS };

#[test]
fn a_few_substeps_of_each_law_are_the_twins_forward_and_back() {
    for law in [ELASTIC, LIQUID, SAND] {
        compare(law, 1, FEW_SUBSTEPS);
    }
    for &kind in LawKind::ALL {
        compare(Law::typical(kind), 3, FEW_SUBSTEPS);
    }
}

#[test]
fn elastic_gradients_over_100_substeps_with_muscle_and_moving_collider_are_the_twins() {
    compare(ELASTIC, SUBSTEPS, HUNDRED_SUBSTEPS);
    over_a_hundred_substeps(Family::Elastic, HUNDRED_SUBSTEPS);
}

#[test]
fn liquid_gradients_over_100_substeps_are_the_twins() {
    compare(LIQUID, SUBSTEPS, HUNDRED_SUBSTEPS);
    over_a_hundred_substeps(Family::Liquid, HUNDRED_SUBSTEPS);
    over_a_hundred_substeps(Family::Paste, HUNDRED_SUBSTEPS);
}

#[test]
fn plastic_gradients_over_100_substeps_are_the_twins() {
    compare(Law::typical(LawKind::Plasticine), SUBSTEPS, HUNDRED_SUBSTEPS);
    compare(Law::typical(LawKind::Snow), SUBSTEPS, SNOW_HUNDRED_SUBSTEPS);
}

/// All laws of a family.
fn over_a_hundred_substeps(family: Family, allowed: Allowed) {
    for kind in LawKind::ALL.iter().filter(|kind| kind.spec().family == family) {
        compare(Law::typical(*kind), SUBSTEPS, allowed);
    }
}

#[test]
fn sand_gradients_over_100_substeps_are_the_twins() {
    compare(SAND, SUBSTEPS, SAND_HUNDRED_SUBSTEPS);
}

#[test]
fn a_pose_cotangent_of_sand_that_is_far_off_is_that_of_another_branch() {
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(scene(SAND));
    let last = SUBSTEPS - 1..SUBSTEPS;
    let mut twin = twin::simulator(&model, Precision::F64).unwrap();
    let mut device = GpuSimulator::new(&model, &gpu).unwrap();
    let before = |simulator: &mut dyn Simulator| {
        simulator.drive(&drive(&model, SUBSTEPS)).unwrap();
        simulator.forward(0..last.start).unwrap();
        simulator.read().unwrap()
    };
    let (exact, rounded) = (before(twin.as_mut()), before(&mut device));
    let gradient = |simulator: &mut dyn Simulator, state: &State<f64>| {
        simulator.load(state).unwrap();
        run(&model, simulator, last.clone()).1
    };
    let of_exact = gradient(twin.as_mut(), &exact);
    let of_rounded = gradient(twin.as_mut(), &rounded);
    let ours = gradient(&mut device, &rounded);
    let worst = |a: &Gradient, b: &Gradient| {
        let errors = gradient_errors(&model, a, b, last.clone()).into_iter();
        errors.filter(|(name, _)| name.starts_with("collider")).map(|(_, e)| e).fold(0.0, f64::max)
    };
    // Of the same state the device has the twin's derivative (seen: 1e-6); the f64 twin itself has
    // another one of a state that is off by what f32 rounds in 99 substeps (seen: 6e-2).
    let (same, moved) = (worst(&ours, &of_rounded), worst(&of_rounded, &of_exact));
    println!("same state {same:.1e}, rounded state {moved:.1e}");
    assert!(same < 1e-5, "the device differs from the twin by {same:.1e} on the same state");
    assert!(moved > 1e-3, "no branch was taken otherwise: {moved:.1e}; compare all poses again");
}

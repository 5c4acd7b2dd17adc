//! Levels of resolution on the GPU solver against the f64 twin: states and gradients, with particles that
//! stay as they are and with such that are split and merged around an agent that moves; and bit by bit.

use crate::adapter;

use crate::common::contact_scene::{ELASTIC, SAND, drive, noise, scene};
use crate::common::gradients::{errors, path, seed_of};
use crate::common::models::{model_of, positions, relative_error, still_drive};
use softscape::agents::PoseCotangent;
use softscape::gpu::Gpu;
use softscape::math::{Mat3, Vec3};
use softscape::model::*;
use softscape::mpm::device::{GpuSimulator, Placement};
use softscape::mpm::simulator::{Gradient, Simulator};
use softscape::mpm::state::{NO_MUSCLE, State};
use softscape::mpm::twin::{self, Precision, gradient_along};
use std::sync::Arc;

/// Four control steps of the scene.
const SUBSTEPS: usize = 40;

/// f32 round-off over so many substeps, relative to the coordinates (without levels as large).
const POSITIONS: f64 = 1e-5;
/// What the project asks of a gradient.
const GRADIENTS: f64 = 1e-3;
/// Some particles of sand begin to yield a substep earlier or later in f32 than in f64 (seen: 6.7e-3 by F,
/// the same for a twin in f32); along the device's own path the derivative is as right as of other laws.
const SAND_GRADIENTS: f64 = 2e-2;

/// The jittered cube of the contact scene, inside the bands around the capsule that moves into it.
fn model(law: Law, count: usize) -> Model {
    let mut model = scene(law);
    let bands = [Band { start: 0.01, width: 0.07 }, Band { start: 0.08, width: 0.13 }];
    model.levels = Levels {
        bands: bands[..count - 1].to_vec(),
        agents: vec![Agent {
            collider: 1,
            half_extents: Vec3([0.02, 0.02, 0.03]),
            ahead: 0.03,
            trail: 0.01,
            depth_weight: 1.5,
        }],
        // Far enough for the agent to count more, so that two distances are blended.
        regions: vec![Reach {
            position: Vec3([0.45, 0.3, 0.3]),
            along: [0.8, 0.6],
            low: Vec3([-0.02, -0.01, -0.02]),
            high: [0.02, 0.01],
            depth_weight: 1.0,
        }],
        map: None,
        // Where it was counts, too.
        linger: 1.0,
        blend: 0.02,
        hysteresis: 1e3,
        per_axis: vec![2],
        coupled: true,
        through_agents: false,
        sleep: None,
    };
    model
}

/// The same with particles that are split and merged: some coarse where they must not be, strains small
/// enough to be merged, and no margin to it.
pub fn changing(law: Law, count: usize) -> Model {
    let mut model = model(law, count);
    model.levels.hysteresis = 0.0;
    model.muscles.clear();
    for p in 0..model.particles.level.len() {
        model.particles.muscle[p] = NO_MUSCLE;
        if p % 5 == 0 {
            model.particles.level[p] = 1;
        }
        let f = model.initial.f[p];
        model.initial.f[p] = Mat3::identity() + (f - Mat3::identity()) * 0.02;
        model.initial.v[p] = Vec3([0.1, -0.05, -0.1]);
        model.initial.c[p] = Mat3::zero();
    }
    model
}

/// The same with a rigid ball that falls on the cube.
fn with_ball() -> Model {
    let mut model = changing(ELASTIC, 3);
    let contact = Contact { mode: ContactMode::Separate, friction: 0.3, softness: 0.01 };
    let ball = RigidBody::uniform("ball", Shape::Sphere { radius: 0.05 }, 0.4, contact);
    let pose = Pose { position: Vec3([0.37, 0.36, 0.49]), rotation: glam::DQuat::IDENTITY };
    let (velocity, spin) = (Vec3([0.1, 0.0, -1.0]), Vec3([2.0, 1.0, -1.0]));
    let motion = ball.motion(&pose, [velocity, spin], model.cell_width, model.origin);
    model.initial.rigid.push(motion);
    model.rigid_bodies.push(ball);
    model
}

/// Counts of particles after each control step.
fn run(model: &Model, simulator: &mut dyn Simulator) -> (State<f64>, Gradient, Vec<usize>) {
    simulator.drive(&drive(model, SUBSTEPS)).unwrap();
    let mut counts = Vec::new();
    for start in (0..SUBSTEPS).step_by(model.substeps_per_control) {
        simulator.forward_recorded(start..start + model.substeps_per_control).unwrap();
        counts.push(simulator.particle_count());
    }
    let state = simulator.read().unwrap();
    simulator.begin_reverse().unwrap();
    simulator.seed(&seed_of(state.particle_count(), state.rigid.len())).unwrap();
    simulator.reverse(0..SUBSTEPS).unwrap();
    (state, simulator.gradient().unwrap(), counts)
}

/// Returns the counts of particles.
fn compare(gpu: &Gpu, model: &Arc<Model>) -> Vec<usize> {
    let mut twin = twin::simulator(model, Precision::F64).unwrap();
    let (expected, expected_gradient, expected_counts) = run(model, twin.as_mut());
    let mut device = GpuSimulator::new(model, gpu).unwrap();
    let (state, gradient, counts) = run(model, &mut device);
    assert_eq!(counts, expected_counts, "particles after each control step");
    assert_eq!(state.particles, expected.particles);
    let x = relative_error(positions(model, &state), positions(model, &expected));
    let v = |state: &State<f64>| state.v.iter().flat_map(|v| v.0).collect::<Vec<_>>();
    let v = relative_error(v(&state), v(&expected));
    let law = model.materials[0].law.kind();
    println!(
        "{law:?}, {} levels, {counts:?} particles: x {x:.1e}, v {v:.1e}",
        model.levels.count()
    );
    assert!(x < POSITIONS, "positions differ by {x:.1e}");
    for (name, error) in errors(model, &gradient, &expected_gradient, 0..SUBSTEPS) {
        println!("    d/d {name}: {error:.1e}");
        let bound = if law == LawKind::Sand { SAND_GRADIENTS } else { GRADIENTS };
        assert!(error <= bound, "{law:?}: d/d {name} differs by {error:.1e}");
    }

    device.load(&model.initial).unwrap();
    let path = path(&drive(model, SUBSTEPS), &mut device, SUBSTEPS);
    let seed = seed_of(state.particle_count(), state.rigid.len());
    let along = gradient_along(model, &drive(model, SUBSTEPS), &path, &seed).unwrap();
    for (name, error) in errors(model, &gradient, &along, 0..SUBSTEPS) {
        println!("    d/d {name} along the device's own path: {error:.1e}");
        assert!(error <= GRADIENTS, "{law:?}: d/d {name} along its path: {error:.1e}");
    }
    counts
}

#[test]
fn particles_that_stay_as_they_are_move_as_the_twins_and_back() {
    let Some(gpu) = adapter::gpu() else { return };
    for count in [2, 3] {
        for law in [ELASTIC, SAND] {
            let model = Arc::new(model(law, count));
            let counts = compare(&gpu, &model);
            assert!(counts.iter().all(|&n| n == model.initial.particle_count()), "{counts:?}");
        }
    }
}

#[test]
fn particles_that_are_split_and_merged_move_as_the_twins_and_back() {
    let Some(gpu) = adapter::gpu() else { return };
    for count in [2, 3] {
        let model = Arc::new(changing(ELASTIC, count));
        let counts = compare(&gpu, &model);
        let mut all = counts.clone();
        all.insert(0, model.initial.particle_count());
        let changes = all.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes > 1, "particles changed in {changes} control steps: {all:?}");
    }
}

/// Particles of a muscle are split, too, but never merged.
#[test]
fn particles_of_a_muscle_that_are_split_move_as_the_twins_and_back() {
    let Some(gpu) = adapter::gpu() else { return };
    let own = model(ELASTIC, 3);
    let mut model = changing(ELASTIC, 3);
    model.muscles = own.muscles;
    model.particles.muscle = own.particles.muscle;
    let of_muscle = |state: &State<f64>| {
        let muscles = &state.particles.as_ref().unwrap().muscle;
        muscles.iter().filter(|&&muscle| muscle != NO_MUSCLE).count()
    };
    let before = model.particles.muscle.iter().filter(|&&muscle| muscle != NO_MUSCLE).count();
    let model = Arc::new(model);
    compare(&gpu, &model);
    let (state, gradient, _) = run(&model, &mut GpuSimulator::new(&model, &gpu).unwrap());
    assert!(of_muscle(&state) > before, "no particle of the muscle was split");
    assert!(gradient.drive.activations.iter().all(|&bar| bar != 0.0));
}

/// What a muscle is told in the first control step counts, though others are split before it begins.
#[test]
fn a_muscle_beside_particles_that_are_split_has_the_twins_gradient_by_its_activation() {
    let Some(gpu) = adapter::gpu() else { return };
    let own = model(ELASTIC, 3);
    let mut model = changing(ELASTIC, 3);
    model.muscles = own.muscles;
    let muscle = |&level: &u8| if level == 0 { 0 } else { NO_MUSCLE };
    model.particles.muscle = model.particles.level.iter().map(muscle).collect();
    let model = Arc::new(model);
    let counts = compare(&gpu, &model);
    assert_ne!(counts[0], model.initial.particle_count(), "nothing was split at the start");
    let (_, gradient, _) = run(&model, &mut GpuSimulator::new(&model, &gpu).unwrap());
    assert!(gradient.drive.activations.iter().all(|&bar| bar != 0.0));
}

#[test]
fn a_rigid_body_on_particles_that_are_split_and_merged_moves_as_the_twins_and_back() {
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(with_ball());
    compare(&gpu, &model);
    let mut device = GpuSimulator::new(&model, &gpu).unwrap();
    let (_, gradient, _) = run(&model, &mut device);
    assert!(gradient.rigid[0].mass != 0.0, "the ball never touched the cube");
}

/// The same with distances that a scene gives, in the place of the region or alone.
fn with_map(is_alone: bool) -> Model {
    let mut model = changing(ELASTIC, 3);
    let (counts, size) = ([9, 9], [1.2, 1.2]);
    let at = |n: usize| {
        let (x, y) = (0.15 * (n % 9) as f64, 0.15 * (n / 9) as f64);
        0.6 * (x - 0.3).abs() + 0.05 * (6.0 * y).sin()
    };
    let distances = HeightField::new(size, counts, &(0..81).map(at).collect::<Vec<_>>());
    model.levels.map = Some(LevelMap { position: [0.6, 0.6], distances: Arc::new(distances) });
    model.levels.regions.clear();
    if is_alone {
        model.levels.agents.clear();
    }
    model
}

#[test]
fn particles_whose_levels_follow_a_map_move_as_the_twins_and_back() {
    let Some(gpu) = adapter::gpu() else { return };
    for is_alone in [false, true] {
        let model = with_map(is_alone);
        let counts = compare(&gpu, &Arc::new(model.clone()));
        assert_ne!(counts[0], model.initial.particle_count(), "nothing was split or merged");
        // It says something.
        let mut other = model;
        other.levels.map = None;
        if !is_alone {
            let mut twin = twin::simulator(&Arc::new(other.clone()), Precision::F64).unwrap();
            assert_ne!(run(&other, twin.as_mut()).2, counts);
        }
    }
}

/// By each pose: what gradients have more where they count how levels move with it.
#[test]
fn gradients_through_the_agents_are_the_twins() {
    let Some(gpu) = adapter::gpu() else { return };
    for make in [model, changing] {
        for count in [2, 3] {
            let models = [false, true].map(|through_agents| {
                let mut model = make(ELASTIC, count);
                model.levels.through_agents = through_agents;
                Arc::new(model)
            });
            compare(&gpu, &models[1]);
            let device = models.each_ref().map(|model| {
                run(model, &mut GpuSimulator::new(model, &gpu).unwrap()).1.drive.poses
            });
            let twin = models.each_ref().map(|model| {
                run(model, twin::simulator(model, Precision::F64).unwrap().as_mut()).1.drive.poses
            });
            for (name, part) in [
                ("position", (|pose| pose.position) as fn(&PoseCotangent) -> Vec3<f64>),
                ("rotation", |pose| pose.rotation),
                ("velocity", |pose| pose.velocity),
            ] {
                let more = |[without, with]: &[Vec<PoseCotangent>; 2]| -> Vec<f64> {
                    let pairs = without.iter().zip(with);
                    pairs.flat_map(|(a, b)| (part(b) - part(a)).0).collect()
                };
                let (ours, theirs) = (more(&device), more(&twin));
                // At the start of each of the control steps, and where a way is remembered before it.
                assert!(theirs.iter().filter(|x| **x != 0.0).count() >= 4, "nothing by {name}");
                let error = relative_error(ours, theirs);
                println!("{count} levels, by {name} through levels: {error:.1e}");
                assert!(error <= GRADIENTS, "{count} levels, by {name}: {error:.1e}");
            }
        }
    }
}

#[test]
fn two_runs_give_the_same_bits_forward_and_backward() {
    let Some(gpu) = adapter::gpu() else { return };
    let mut through_agents = changing(ELASTIC, 3);
    through_agents.levels.through_agents = true;
    for model in [model(ELASTIC, 3), changing(ELASTIC, 3), through_agents].map(Arc::new) {
        let once = || run(&model, &mut GpuSimulator::new(&model, &gpu).unwrap());
        let (a, b) = (once(), once());
        assert!(a.0 == b.0, "states differ");
        assert!(a.1 == b.1, "gradients differ");
    }
}

#[test]
fn a_replay_from_a_checkpoint_gives_the_bits_of_the_forward_run() {
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(changing(ELASTIC, 3));
    let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
    simulator.reserve(3, SUBSTEPS).unwrap();
    simulator.drive(&drive(&model, SUBSTEPS)).unwrap();
    simulator.save(0).unwrap();
    simulator.forward(0..17).unwrap();
    simulator.save(1).unwrap();
    simulator.forward(17..30).unwrap();
    simulator.save(2).unwrap();
    simulator.forward(30..SUBSTEPS).unwrap();
    let forward = simulator.fingerprint().unwrap();
    for (slot, start) in [(1, 17), (2, 30), (0, 0), (1, 17)] {
        simulator.restore(slot).unwrap();
        simulator.forward_recorded(start..SUBSTEPS).unwrap();
        assert_eq!(simulator.fingerprint().unwrap(), forward, "from substep {start}");
    }
    simulator.restore(0).unwrap();
    simulator.forward(0..SUBSTEPS - 1).unwrap();
    assert_ne!(simulator.fingerprint().unwrap(), forward, "the fingerprint sees nothing");
}

/// Also where what moves is commanded anew on the way: the field is then another one than particles were
/// placed for.
#[test]
fn a_state_that_is_read_and_loaded_goes_on_bit_by_bit() {
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(changing(ELASTIC, 3));
    let first = drive(&model, SUBSTEPS);
    let mut other = first.clone();
    other.poses.iter_mut().for_each(|pose| pose.offset[1] += 2e-3);
    let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
    simulator.drive(&first).unwrap();
    simulator.forward(0..15).unwrap();
    let state = simulator.read().unwrap();
    let mut loaded = GpuSimulator::new(&model, &gpu).unwrap();
    loaded.load(&state).unwrap();
    assert!(loaded.read().unwrap() == state);
    for simulator in [&mut simulator, &mut loaded] {
        simulator.drive(&other).unwrap();
        simulator.forward(15..SUBSTEPS).unwrap();
    }
    assert_eq!(simulator.fingerprint().unwrap(), loaded.fingerprint().unwrap());
    simulator.load(&state).unwrap();
    simulator.drive(&first).unwrap();
    simulator.forward(15..SUBSTEPS).unwrap();
    assert_ne!(simulator.fingerprint().unwrap(), loaded.fingerprint().unwrap());
}

/// Walked back in segments as a schedule does it, with replays between them and a seed on the way.
#[test]
fn a_gradient_in_segments_has_the_bits_of_one_that_is_recorded_at_once() {
    const HALF: usize = SUBSTEPS / 2;
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(changing(ELASTIC, 3));
    let at_once = |simulator: &mut dyn Simulator| {
        simulator.drive(&drive(&model, SUBSTEPS)).unwrap();
        simulator.forward_recorded(0..SUBSTEPS).unwrap();
        simulator.begin_reverse().unwrap();
        simulator.seed(&seed_of(simulator.particle_count(), 0)).unwrap();
        simulator.reverse(HALF..SUBSTEPS).unwrap();
        simulator.seed(&seed_of(simulator.particle_count(), 0)).unwrap();
        simulator.reverse(0..HALF).unwrap();
        simulator.gradient().unwrap()
    };
    let whole = at_once(&mut GpuSimulator::new(&model, &gpu).unwrap());
    let expected = at_once(twin::simulator(&model, Precision::F64).unwrap().as_mut());
    for (name, error) in errors(&model, &whole, &expected, 0..SUBSTEPS) {
        assert!(error <= GRADIENTS, "d/d {name} differs by {error:.1e}");
    }

    let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
    simulator.reserve(1, HALF).unwrap();
    simulator.drive(&drive(&model, SUBSTEPS)).unwrap();
    simulator.save(0).unwrap();
    simulator.forward(0..HALF).unwrap();
    simulator.forward_recorded(HALF..SUBSTEPS).unwrap();
    simulator.begin_reverse().unwrap();
    simulator.seed(&seed_of(simulator.particle_count(), 0)).unwrap();
    simulator.reverse(HALF + 5..SUBSTEPS).unwrap();
    simulator.reverse(HALF..HALF + 5).unwrap();
    simulator.restore(0).unwrap();
    simulator.forward_recorded(0..HALF).unwrap();
    simulator.seed(&seed_of(simulator.particle_count(), 0)).unwrap();
    simulator.reverse(0..HALF).unwrap();
    assert!(simulator.gradient().unwrap() == whole);
}

#[test]
fn a_shift_of_the_world_by_blocks_of_the_coarsest_level_changes_no_bit() {
    let Some(gpu) = adapter::gpu() else { return };
    let here = changing(ELASTIC, 3);
    let shift = [1 << 20, -(1 << 18), 3 << 16];
    let mut there = here.clone();
    there.origin = std::array::from_fn(|a| here.origin[a] + shift[a]);
    for cell in &mut there.initial.cell {
        *cell = std::array::from_fn(|a| cell[a] + shift[a]);
    }
    let bits = |model: Model| {
        let model = Arc::new(model);
        let (mut state, gradient, _) = run(&model, &mut GpuSimulator::new(&model, &gpu).unwrap());
        for cell in &mut state.cell {
            *cell = std::array::from_fn(|a| cell[a] - model.origin[a]);
        }
        (state, gradient)
    };
    let (a, b) = (bits(here), bits(there));
    assert!(a.0 == b.0, "states differ");
    assert!(a.1 == b.1, "gradients differ");
}

/// A body that flies out of the fine level, through the band, into the coarse one.
fn flight() -> Model {
    const H: f64 = 1.0 / 32.0;
    const DT: f64 = 1e-4;
    let x: Vec<[f64; 3]> = (0..64)
        .map(|i| [i % 4, (i / 4) % 4, i / 16].map(|c| 0.2 + (f64::from(c) + 0.5) * 0.5 * H))
        .collect();
    let law = Law::Elastic { young_modulus: 1e3, poisson_ratio: 0.3 };
    let mut model = model_of(H, DT, law, 1000.0, &x, (H / 2.0f64).powi(3));
    model.gravity = Vec3([0.0; 3]);
    model.substeps_per_control = 20;
    model.initial.v = vec![Vec3([3.1, 1.2, -1.9]) * (H / DT); x.len()];
    for (p, f) in model.initial.f.iter_mut().enumerate() {
        *f = Mat3::identity() + Mat3::from_fn(|a, b| 0.02 * noise(9 * p + 3 * a + b));
    }
    model.levels = Levels {
        bands: vec![Band { start: 20.0 * H, width: 250.0 * H }],
        regions: vec![Reach {
            position: Vec3([0.2; 3]),
            along: [1.0, 0.0],
            low: Vec3([-0.2; 3]),
            high: [0.2; 2],
            depth_weight: 1.0,
        }],
        blend: H,
        hysteresis: 1e9,
        per_axis: vec![2],
        coupled: true,
        ..Levels::uniform()
    };
    model
}

#[test]
fn slots_freed_on_the_way_change_no_bit_and_no_entry_is_lost() {
    const END: usize = 160;
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(flight());
    let run = |placement: &Placement| {
        let mut simulator = GpuSimulator::with_placement(&model, &gpu, placement).unwrap();
        simulator.drive(&still_drive(&model, END)).unwrap();
        simulator.forward(0..60).unwrap();
        simulator.save(0).unwrap();
        simulator.forward_recorded(60..END).unwrap();
        let state = simulator.read().unwrap();
        simulator.begin_reverse().unwrap();
        simulator.seed(&seed_of(state.particle_count(), state.rigid.len())).unwrap();
        simulator.reverse(60..END).unwrap();
        let gradient = simulator.gradient().unwrap();
        simulator.restore(0).unwrap();
        simulator.forward(60..END).unwrap();
        assert!(simulator.read().unwrap() == state, "a replay differs");
        (state, gradient, simulator.renumberings())
    };
    let own = || Placement::of(&model.initial, &model);
    let scarce = run(&own());
    let plenty = run(&Placement { closure: 20_000, ..own() });
    assert!(scarce.2 > plenty.2, "nothing to compare: {} and {}", scarce.2, plenty.2);
    assert!(scarce.0 == plenty.0, "states differ");
    assert!(scarce.1 == plenty.1, "gradients differ");

    let mut twin = twin::simulator(&model, Precision::F64).unwrap();
    twin.drive(&still_drive(&model, END)).unwrap();
    let mut slow = model.initial.clone();
    slow.v.iter_mut().for_each(|v| *v = *v * 0.1);
    let mut device = GpuSimulator::new(&model, &gpu).unwrap();
    device.drive(&still_drive(&model, END)).unwrap();
    let end = |simulator: &mut dyn Simulator| {
        simulator.load(&slow).unwrap();
        simulator.forward(0..END).unwrap();
        positions(&model, &simulator.read().unwrap())
    };
    let (ours, theirs) = (end(&mut device), end(twin.as_mut()));
    let x = relative_error(ours, theirs);
    assert!(x < POSITIONS, "positions differ by {x:.1e}");
}

/// What levels cost, for the record of `docs/adaptive-resolution.md`; and that one level costs nothing more.
#[test]
fn dispatches_and_bytes_of_a_substep_are_those_of_the_documentation() {
    let Some(gpu) = adapter::gpu() else { return };
    let costs = |model: Model| {
        let model = Arc::new(model);
        let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
        simulator.drive(&drive(&model, SUBSTEPS)).unwrap();
        simulator.forward(0..SUBSTEPS).unwrap();
        let traffic = simulator.traffic().unwrap();
        let particles = model.initial.particle_count() as u64;
        (simulator.dispatches_per_substep(), traffic.particle_bytes / particles)
    };
    let (one, three) = (costs(scene(ELASTIC)), costs(model(ELASTIC, 3)));
    println!("one level {one:?}, three {three:?} dispatches and bytes of a particle");
    assert_eq!(one, (9, 328));
    assert_eq!(three.0, 14);
}

//! Sleep and wake against dual numbers and differences, and what comes back.

#[path = "../../../../tests/suite/common/sleeping.rs"]
mod sleeping;

use super::super::Twin;
use super::super::tests::*;
use crate::agents::{Drive, drive};
use crate::math::{Dual, Vec3};
use crate::model::{Field, Frame, Levels, Model, Site, compile};
use crate::mpm::simulator::{ObservationCotangent, Simulator};
use crate::mpm::state::{Chunk, ChunkKey, Cotangent, State, count_chunks};
use crate::scene::{Fidelity, Scene};
use sleeping::{BED, ELASTIC, SAND, TERRAIN, WORLD};
use std::path::Path;
use std::sync::Arc;

const LAWS: [&str; 2] = [ELASTIC, SAND];

fn bed(law: &str) -> Arc<Model> {
    compiled(&(WORLD.replace("LAW", law) + BED))
}

fn terrain(law: &str) -> Arc<Model> {
    compiled(&(WORLD.replace("LAW", law) + TERRAIN))
}

fn compiled(text: &str) -> Arc<Model> {
    let scene = Scene::parse(Path::new("bed.toml"), text).unwrap();
    Arc::new(compile(&scene, Fidelity::Standard).unwrap())
}

/// There and back at 6 m/s.
fn to_and_fro(model: &Model, control_steps: usize) -> Drive {
    sleeping::to_and_fro(model, control_steps, 6.0, 0)
}

/// What happened to chunks from one state to the next: fell asleep, woke.
fn passages(before: &State<f64>, after: &State<f64>) -> [usize; 2] {
    let asleep = |state: &State<f64>, key: &ChunkKey| {
        matches!(state.chunks.get(key), Some(Chunk::Asleep(_)))
    };
    let keys = || before.chunks.keys().chain(after.chunks.keys());
    let fell = after.chunks.keys().filter(|key| asleep(after, key) && !asleep(before, key));
    let woke = keys().filter(|key| asleep(before, key) && !asleep(after, key));
    [fell.count(), woke.count()]
}

const STEPS: usize = 40;

/// A seed for what is there at the end.
fn seed(random: &mut Random, count: usize) -> ObservationCotangent {
    ObservationCotangent {
        x: (0..count).map(|_| random.vector(1.0).0).collect(),
        v: (0..count).map(|_| random.vector(1.0).0).collect(),
        ..ObservationCotangent::default()
    }
}

/// The gradient by the initial state, through everything in between.
pub fn gradient(model: &Arc<Model>, drive: &Drive, seed: &ObservationCotangent) -> Cotangent<f64> {
    let mut twin = Twin::<f64>::new(model).unwrap();
    twin.drive(drive).unwrap();
    twin.forward_recorded(0..drive.substeps()).unwrap();
    twin.begin_reverse().unwrap();
    twin.seed(seed).unwrap();
    twin.reverse(0..drive.substeps()).unwrap();
    let start = twin.read().unwrap();
    assert!(start.cell == model.initial.cell && start.f == model.initial.f, "at another state");
    twin.gradient().unwrap().initial
}

#[test]
fn chunks_fall_asleep_behind_an_agent_and_wake_before_it_and_nothing_is_lost() {
    let model = bed(LAWS[1]);
    let count = model.initial.particle_count();
    let least = there_and_back(&model, true);
    assert!(4 * least < 3 * count, "{least} particles of {count} at the least");
    there_and_back(&terrain(LAWS[1]), false);
}

/// Runs there and back, and returns how few particles there were at the least. `all` says that there
/// are no others than those of the start.
fn there_and_back(model: &Arc<Model>, all: bool) -> usize {
    let drive = to_and_fro(model, STEPS);
    let mut twin = Twin::<f32>::new(model).unwrap();
    twin.drive(&drive).unwrap();
    let mass = |state: &State<f64>| {
        let own = state.particles.as_ref().unwrap().mass.iter().sum::<f64>();
        let asleep = state.chunks.values().filter_map(|chunk| match chunk {
            Chunk::Asleep(archived) => Some(archived.particles::<f64>().unwrap()),
            _ => None,
        });
        own + asleep.map(|s| s.particles.unwrap().mass.iter().sum::<f64>()).sum::<f64>()
    };
    let per_control = model.substeps_per_control;
    let (mut fell, mut woke, mut least) = (0, 0, usize::MAX);
    let mut before = twin.read().unwrap();
    let start = mass(&before);
    for step in 0..STEPS {
        twin.forward(step * per_control..(step + 1) * per_control).unwrap();
        let state = twin.read().unwrap();
        let [a, b] = passages(&before, &state);
        (fell, woke) = (fell + a, woke + b);
        least = least.min(state.particle_count());
        assert!(!all || (mass(&state) / start - 1.0).abs() < 1e-6, "step {step}");
        // What is held has not moved, and what sleeps is as it was.
        for (key, chunk) in before.chunks.iter() {
            if let (Chunk::Asleep(a), Some(Chunk::Asleep(b))) = (chunk, state.chunks.get(key)) {
                assert!(a == b, "{key:?} changed in its sleep");
            }
        }
        before = state;
    }
    let counted = count_chunks(&before.chunks);
    assert!(fell > 5 && woke > 5, "{fell} fell asleep, {woke} woke: {counted:?}");
    least
}

#[test]
fn a_rollout_in_which_chunks_sleep_and_wake_has_its_transpose() {
    for (law, model) in LAWS.into_iter().flat_map(|law| [(law, bed(law)), (law, terrain(law))]) {
        let drive = to_and_fro(&model, STEPS);
        let count = model.initial.particle_count();
        let mut random = Random::new(31);
        let direction = random_direction(&mut random, count);
        let mut dual = Twin::<Dual>::new(&model).unwrap();
        // Directions of the helper are for cells of another width.
        let mut wide = direction.clone();
        wide.x.iter_mut().for_each(|x| *x = *x * (H / model.cell_width));
        dual.load_scalar(dual_state(&model.initial, &wide));
        dual.drive(&drive).unwrap();
        dual.forward(0..drive.substeps()).unwrap();
        let end = dual.read_scalar();
        let after = end.particle_count();
        let asleep = count_chunks(&end.chunks).asleep;
        assert!(asleep > 0, "{asleep} chunks asleep at the end");
        let seed = seed(&mut random, after);
        let bar = gradient(&model, &drive, &seed);
        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        for p in 0..after {
            let x = Vec3(end.offset[p].0.map(|o| o.eps * model.cell_width));
            forward.vector(x, Vec3(seed.x[p]));
            forward.vector(Vec3(end.v[p].0.map(|v| v.eps)), Vec3(seed.v[p]));
        }
        let ids: Vec<u32> = (0..count as u32).collect();
        backward.directions(&direction, &ids, &bar);
        assert_dual(law, forward, backward);
    }
}

/// The initial state a step along a direction.
fn stepped(initial: &State<f64>, direction: &Cotangent<f64>, step: f64) -> State<f64> {
    let mut state = initial.clone();
    for p in 0..state.v.len() {
        state.v[p] += direction.v[p] * step;
        state.f[p] += direction.f[p] * step;
    }
    state
}

#[test]
fn differences_see_the_same_derivative_through_sleep() {
    // The agent passes above, so that no contact begins or ends, where left and right derivatives differ.
    for model in [bed(LAWS[0]), terrain(LAWS[0])] {
        differences((*model).clone());
    }
}

fn differences(mut model: Model) {
    model.levels.agents[0].half_extents[2] = 0.4;
    let mut random = Random::new(32);
    model.initial.v.iter_mut().for_each(|v| *v = random.vector(0.05));
    let mut drive = to_and_fro(&model, STEPS);
    let colliders = drive.collider_count;
    drive.poses.iter_mut().step_by(colliders).for_each(|pose| pose.cell[2] += 10);
    let model = Arc::new(model);
    let direction = random_direction(&mut random, model.initial.particle_count());
    let run = |step: f64| {
        let mut twin = Twin::<f64>::new(&model).unwrap();
        twin.load(&stepped(&model.initial, &direction, step)).unwrap();
        twin.drive(&drive).unwrap();
        twin.forward(0..drive.substeps() / 2).unwrap();
        let asleep = count_chunks(&twin.present.chunks).asleep;
        twin.forward(drive.substeps() / 2..drive.substeps()).unwrap();
        assert!(asleep > 3, "{asleep} chunks asleep");
        twin.present.seen(&model)
    };
    let seed = seed(&mut random, run(0.0).x.len());
    let value = |step: f64| {
        let seen = run(step);
        let dot = |a: &[[f64; 3]], b: &[[f64; 3]]| {
            a.iter().zip(b).flat_map(|(a, b)| (0..3).map(|i| a[i] * b[i])).sum::<f64>()
        };
        dot(&seen.x, &seed.x) + dot(&seen.v, &seed.v)
    };
    let bar = gradient(&model, &drive, &seed);
    let exact: f64 = (0..direction.v.len())
        .map(|p| bar.v[p].dot(direction.v[p]) + bar.f[p].double_dot(direction.f[p]))
        .sum();
    // Fourth order, so that the step may be large enough for round-off.
    let apart = |step: f64| {
        let (one, two) = (value(step) - value(-step), value(2.0 * step) - value(-2.0 * step));
        let difference = (8.0 * one - two) / (12.0 * step);
        (difference - exact).abs() / exact.abs()
    };
    let apart = [1e-3, 1e-4, 1e-5, 1e-6].map(apart);
    assert!(apart.iter().any(|&apart| apart < 1e-6), "{exact}: {apart:?}");
}

#[test]
fn sleep_repeats_bit_by_bit_from_a_checkpoint_on_threads_and_ten_kilometres_away() {
    for make in [bed, terrain] {
        sleep_repeats(make);
    }
}

fn sleep_repeats(make: fn(&str) -> Arc<Model>) {
    let run = |threads: usize, shift: i32, archive_bytes: u64| {
        let mut model = (*make(LAWS[1])).clone();
        model.levels.sleep.as_mut().unwrap().archive_bytes = archive_bytes;
        let mut drive = to_and_fro(&model, STEPS);
        model.origin = [shift; 3];
        model.initial.cell.iter_mut().for_each(|cell| *cell = cell.map(|c| c + shift));
        drive.poses.iter_mut().for_each(|pose| pose.cell = pose.cell.map(|c| c + shift));
        let model = Arc::new(model);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut twin = Twin::<f32>::new(&model).unwrap();
            twin.drive(&drive).unwrap();
            twin.reserve(1, 0).unwrap();
            let half = drive.substeps() / 2 + 3;
            twin.forward(0..half).unwrap();
            twin.save(0).unwrap();
            twin.forward(half..drive.substeps()).unwrap();
            let first = twin.fingerprint().unwrap();
            twin.restore(0).unwrap();
            twin.forward(half..drive.substeps()).unwrap();
            assert_eq!(first, twin.fingerprint().unwrap(), "the replay has other bits");
            let mut state = twin.read_scalar();
            state.cell.iter_mut().for_each(|cell| *cell = cell.map(|c| c - shift));
            // Cells of what sleeps are absolute.
            let chunks = count_chunks(&state.chunks);
            let numbers = (chunks.awake, chunks.held, chunks.asleep, chunks.asleep_particles);
            state.chunks = Arc::default();
            (state, numbers)
        })
    };
    let expected = run(1, 0, u64::MAX);
    // Whole blocks of the coarsest level; with all that sleeps in memory, or on disk.
    for (threads, shift, bytes) in [(2, 0, 0), (8, 1 << 18, 0), (1, -(1 << 18), u64::MAX)] {
        let found = run(threads, shift, bytes);
        assert!(found == expected, "{threads} threads, shift {shift}, {bytes} bytes: other bits");
    }
}

#[test]
fn ground_that_nothing_touched_is_what_the_terrain_says_whatever_the_way() {
    let model = terrain(LAWS[1]);
    let drive = to_and_fro(&model, STEPS);
    let mut twin = Twin::<f32>::new(&model).unwrap();
    twin.drive(&drive).unwrap();
    twin.forward(0..drive.substeps() / 2).unwrap();
    let state = twin.read_scalar();
    let frame = Frame::of(&model);
    let sleep = model.levels.sleep.as_ref().unwrap();
    let nobody = Levels { agents: vec![], regions: vec![], ..model.levels.clone() };
    let field = Field::new(&nobody, frame.cell_width, frame.origin, |_| unreachable!());
    let (chunk_cells, levels) = (sleep.chunk_cells, &model.levels);
    let site = Site { frame, chunk_cells, levels, field: &field, carved: &[] };
    let mut compared = 0;
    for (&key, chunk) in state.chunks.iter() {
        if *chunk != (Chunk::Held { touched: false }) {
            continue;
        }
        let fresh: State<f32> = sleep.terrain.as_ref().unwrap().chunk(&site, key).unwrap().cast();
        let of = |state: &State<f32>, p: usize| {
            let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            (state.cell[p], bits(&state.offset[p].0), bits(state.f[p].0.as_flattened()))
        };
        let mut expected: Vec<_> = (0..fresh.particle_count()).map(|p| of(&fresh, p)).collect();
        let inside = |p: &usize| {
            let below = |a: usize| state.cell[*p][a] - i32::from(state.offset[*p][a] < 0.0);
            sleep.chunk_of(frame, std::array::from_fn(below)) == key
        };
        let mut found: Vec<_> =
            (0..state.particle_count()).filter(inside).map(|p| of(&state, p)).collect();
        expected.sort();
        found.sort();
        assert!(found == expected, "{key:?}: {} and {}", found.len(), expected.len());
        compared += 1;
    }
    assert!(compared > 5, "{compared} chunks");
}

//! Law 15: a run repeats bit for bit, forward and backward, on any number of threads, and wherever
//! in the world it takes place; also where resolution follows what moves, and particles are split and merged.

use super::check::{Check, Report};
use super::lab::{Lab, MakeSimulator, check_split_and_merged, follow_last_collider};
use crate::agents::drive;
use crate::bench::setup::{Setup, rough};
use crate::model::{Law, LawKind, Model, Shape};
use crate::mpm::simulator::{Gradient, ObservationCotangent, SimulationError};
use crate::mpm::state::State;
use glam::DQuat;
use std::sync::Arc;

const SUBSTEPS: usize = 120;

/// 2^20 cells: more than ten kilometres.
const SHIFT: [i32; 3] = [1 << 20, -(1 << 20), 1 << 19];

/// A block of each material dropped on a rough floor.
fn blocks() -> Model {
    Model::clone(&dropped().build(3.0))
}

/// The same, with a sphere that goes through their tops and three levels around it.
fn followed_blocks() -> Model {
    let radius = 0.03;
    let (start, velocity) = ([0.3613, 0.0487, 0.1171], [3.0, 0.0, 0.0]);
    let sphere = Shape::Sphere { radius };
    let setup = dropped().driven_collider(sphere, start, DQuat::IDENTITY, rough(0.3), velocity);
    let mut model = Model::clone(&setup.build(3.0));
    follow_last_collider(&mut model, radius);
    model
}

fn dropped() -> Setup {
    let width = 0.02;
    let mut setup = Setup::new("blocks", width).gravity([0.3, 0.0, -9.81]);
    for (i, &kind) in LawKind::ALL.iter().enumerate() {
        let (law, x) = (Law::typical(kind), 0.12 * i as f64);
        let bounds = [[x, 0.0, 0.01], [x + 0.11, 0.1, 0.11]];
        setup = setup
            .body(1000.0, law, bounds, |_| true)
            .moving(|x| [0.2 * x[1], 0.0, -1.0], |_| [[0.0, 0.2, 0.0], [0.0; 3], [0.0; 3]]);
    }
    setup.plane([0.0, 0.0, 1.0], [0.0; 3], rough(0.4))
}

/// The same world so many cells away.
fn shifted(mut model: Model, cells: [i32; 3]) -> Model {
    let moved = |cell: [i32; 3]| std::array::from_fn(|a| cell[a] + cells[a]);
    model.origin = moved(model.origin);
    for motion in &mut model.initial.rigid {
        motion.cell = moved(motion.cell);
    }
    for cell in &mut model.initial.cell {
        *cell = moved(*cell);
    }
    model
}

/// State and gradient after a run.
fn outcome(make: MakeSimulator, model: Model) -> Result<(State<f64>, Gradient), SimulationError> {
    let model = Arc::new(model);
    let mut simulator = make(&model)?;
    simulator.reserve(1, SUBSTEPS)?;
    simulator.load(&model.initial)?;
    simulator.drive(&drive(&model, &[], SUBSTEPS.div_ceil(model.substeps_per_control)))?;
    simulator.forward_recorded(0..SUBSTEPS)?;
    let mut state = simulator.read()?;
    simulator.begin_reverse()?;
    let count = state.particle_count();
    simulator.seed(&ObservationCotangent {
        x: vec![[1.0, 0.5, -0.25]; count],
        v: vec![[0.0, 0.125, 0.5]; count],
        ..ObservationCotangent::default()
    })?;
    simulator.reverse(0..SUBSTEPS)?;
    // Cells are counted from the origin, so that places can be compared.
    let bodies = state.rigid.iter_mut().map(|motion| &mut motion.cell);
    for cell in state.cell.iter_mut().chain(bodies) {
        *cell = std::array::from_fn(|a| cell[a] - model.origin[a]);
    }
    Ok((state, simulator.gradient()?))
}

/// Numbers that differ in any bit; all of them where particles are not the same many.
fn differing(a: &(State<f64>, Gradient), b: &(State<f64>, Gradient)) -> [f64; 2] {
    if a.0.particle_count() != b.0.particle_count() {
        return [bits_of_state(&a.0).count() as f64, bits_of_gradient(&a.1).count() as f64];
    }
    let forward = bits_of_state(&a.0).zip(bits_of_state(&b.0)).filter(|(a, b)| a != b).count();
    let backward =
        bits_of_gradient(&a.1).zip(bits_of_gradient(&b.1)).filter(|(a, b)| a != b).count();
    [forward as f64, backward as f64]
}

fn bits_of_state(state: &State<f64>) -> impl Iterator<Item = u64> {
    let cells = state.cell.iter().flatten().map(|c| u64::from(c.cast_unsigned()));
    let vectors = state.offset.iter().chain(&state.v).flat_map(|v| v.0);
    let matrices = state.c.iter().chain(&state.f).flat_map(|m| m.0).flatten();
    let scalars = vectors.chain(matrices).chain(state.history.iter().copied());
    let own = state.particles.iter();
    let constants = own.flat_map(|own| own.mass.iter().chain(&own.volume).copied());
    cells.chain(scalars.chain(constants).map(f64::to_bits))
}

fn bits_of_gradient(gradient: &Gradient) -> impl Iterator<Item = u64> {
    let initial = &gradient.initial;
    let vectors = initial.x.iter().chain(&initial.v).flat_map(|v| v.0);
    let matrices = initial.c.iter().chain(&initial.f).flat_map(|m| m.0).flatten();
    let constants = gradient.constants.iter().flatten().copied();
    vectors.chain(matrices).chain(constants).map(f64::to_bits)
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let followed = Arc::new(followed_blocks());
    check_split_and_merged(lab.make, &followed, SUBSTEPS)?;
    let mut checks = Vec::new();
    for (levels, model) in [("", blocks()), (", three levels", Model::clone(&followed))] {
        let first = outcome(lab.make, model.clone())?;
        let again = outcome(lab.make, model.clone())?;
        let away = outcome(lab.make, shifted(model.clone(), SHIFT))?;
        let single = on_one_thread(lab, model.clone())?;
        let cases = [("again", &again), ("2^20 cells away", &away), ("on one thread", &single)];
        for (name, other) in cases {
            checks.extend(bitwise(&format!("{name}{levels}"), differing(&first, other)));
        }
        let mut nudged = model;
        // The smallest change that f32 keeps at this place.
        nudged.initial.v[0][0] += 1e-7;
        let nudged = outcome(lab.make, nudged)?;
        let controls = bitwise(&format!("again{levels}"), differing(&first, &nudged));
        checks.extend(controls.map(|check| check.control("one velocity changed by 1e-7 m/s")));
    }
    Ok(Report { checks, remarks: Vec::new(), plot: None })
}

fn bitwise(name: &str, [forward, backward]: [f64; 2]) -> [Check; 2] {
    [
        Check::at_most(&format!("numbers that differ, forward, {name}"), forward, 0.0),
        Check::at_most(&format!("numbers that differ, backward, {name}"), backward, 0.0),
    ]
}

/// The same run in a pool of one thread.
fn on_one_thread(lab: &Lab, model: Model) -> Result<(State<f64>, Gradient), SimulationError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(|error| SimulationError::Device(error.to_string()))?;
    let make = lab.make;
    pool.install(|| outcome(make, model))
}

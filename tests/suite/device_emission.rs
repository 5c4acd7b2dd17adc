//! Emitters and sinks on the device: against the f64 twin forward and backward, the same bits however
//! and wherever it is run, and grids that grow where a nozzle goes.

use crate::adapter;
use crate::common::pour::{SCENE, model, model_of, motion, shifted};
use softscape::agents::{BirthCotangent, drive};
use softscape::gpu::Gpu;
use softscape::model::Model;
use softscape::mpm::device::{GpuSimulator, Placement};
use softscape::mpm::simulator::{Gradient, ObservationCotangent, SimulationError, Simulator};
use softscape::mpm::state::State;
use softscape::mpm::twin::{Precision, simulator};
use std::sync::Arc;

/// Substeps of a run: past the first of both sinks, with births before and after.
const SUBSTEPS: usize = 100;

fn noise(index: usize) -> f64 {
    ((index as f64 + 1.0) * 12.9898).sin()
}

/// The state at the end, what was seen of it, and the gradient of a random functional of that.
fn run(model: &Model, simulator: &mut dyn Simulator) -> (State<f64>, Vec<bool>, Gradient) {
    simulator.drive(&motion(model)).unwrap();
    simulator.load(&model.initial).unwrap();
    simulator.forward_recorded(0..SUBSTEPS).unwrap();
    simulator.observe(0).unwrap();
    let seen = simulator.observation(0).unwrap();
    let state = simulator.read().unwrap();
    for p in 0..state.particle_count() {
        let x = state.world_position(p, model.cell_width, model.origin);
        assert_eq!(seen.is_present(p), state.is_present(p));
        assert!(!state.is_present(p) || seen.x[p] == x, "{p}: {:?} {x:?}", seen.x[p]);
    }
    simulator.begin_reverse().unwrap();
    let n = state.particle_count();
    let pull = |salt: usize| -> Vec<[f64; 3]> {
        (0..n).map(|p| std::array::from_fn(|a| noise(salt + 3 * p + a) / n as f64)).collect()
    };
    let (x, v) = (pull(0), pull(7_000));
    simulator.seed(&ObservationCotangent { x, v, ..Default::default() }).unwrap();
    simulator.reverse(0..SUBSTEPS).unwrap();
    let gradient = simulator.gradient().unwrap();
    (state, seen.absent, gradient)
}

fn on_device(gpu: &Gpu, model: &Arc<Model>) -> (State<f64>, Vec<bool>, Gradient) {
    run(model, &mut GpuSimulator::new(model, gpu).unwrap())
}

fn relative_error(a: impl IntoIterator<Item = f64>, b: impl IntoIterator<Item = f64>) -> f64 {
    let (mut difference, mut size) = (0.0, 0.0);
    for (a, b) in a.into_iter().zip(b) {
        difference += (a - b).powi(2);
        size += b.powi(2);
    }
    assert!(size > 0.0, "nothing to compare with");
    (difference / size).sqrt()
}

#[test]
fn a_pour_agrees_with_the_twin_forward_and_backward() {
    // What the project asks of 100 substeps.
    const TOLERANCE: f64 = 1e-3;
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(model());
    let (state, absent, gradient) = on_device(&gpu, &model);
    let mut twin = simulator(&model, Precision::F64).unwrap();
    let (expected, expected_absent, expected_gradient) = run(&model, twin.as_mut());
    assert_eq!(absent, expected_absent);
    assert_eq!(state.life, expected.life);
    assert!(state.present().count() < state.particle_count() - 20, "some are not there");
    let positions = |s: &State<f64>| -> Vec<f64> {
        s.present().flat_map(|p| s.world_position(p, 1.0, model.origin)).collect()
    };
    let x = relative_error(positions(&state), positions(&expected));
    println!("x {x:.1e}");
    assert!(x < 1e-5, "positions differ by {x:.1e}");

    let births = |g: &Gradient, part: fn(&BirthCotangent) -> [f64; 3]| -> Vec<f64> {
        g.drive.births.iter().flat_map(part).collect()
    };
    let vectors = |g: &Gradient| -> [Vec<f64>; 6] {
        [
            g.initial.x.iter().flat_map(|v| v.0).collect(),
            g.initial.v.iter().flat_map(|v| v.0).collect(),
            births(g, |b| b.position.0),
            births(g, |b| b.velocity.0),
            births(g, |b| b.spin.0),
            g.constants.iter().flatten().copied().collect(),
        ]
    };
    let names = ["x", "v", "birth x", "birth v", "birth spin", "constants"];
    for (name, (a, b)) in
        names.iter().zip(vectors(&gradient).into_iter().zip(vectors(&expected_gradient)))
    {
        let error = relative_error(a, b);
        println!("d/d {name}: {error:.1e}");
        assert!(error < TOLERANCE, "d/d {name} differs by {error:.1e}");
    }
}

#[test]
fn every_law_can_be_poured() {
    let Some(gpu) = adapter::gpu() else { return };
    for name in ["water", "milk", "mud", "dry-sand", "fresh-snow", "clay"] {
        let text = SCENE
            .replace(
                "name = \"nozzle\"\nmaterial = \"paste\"",
                &format!("name = \"nozzle\"\nmaterial = \"{name}\""),
            )
            .replace("substep_secs = 5e-4\n", "")
            .replace("cell_width = 0.02", "cell_width = 0.03");
        let model = Arc::new(model_of(&text));
        let dt = model.substep_secs;
        let substeps = (0.02 / dt) as usize;
        let motion = motion(&model);
        let mut twin = simulator(&model, Precision::F64).unwrap();
        let mut device = GpuSimulator::new(&model, &gpu).unwrap();
        let mut states = Vec::new();
        for simulator in [twin.as_mut(), &mut device as &mut dyn Simulator] {
            simulator.drive(&motion).unwrap();
            simulator.forward(0..substeps).unwrap();
            states.push(simulator.read().unwrap());
        }
        assert_eq!(states[0].life, states[1].life, "{name}");
        let positions = |s: &State<f64>| -> Vec<f64> {
            s.present().flat_map(|p| s.world_position(p, 1.0, model.origin)).collect()
        };
        let x = relative_error(positions(&states[1]), positions(&states[0]));
        println!("{name}: x {x:.1e} after {substeps} substeps");
        assert!(x < 1e-5, "{name}: positions differ by {x:.1e}");
    }
}

#[test]
fn runs_repeat_bit_by_bit_in_replay_in_storage_and_in_the_world() {
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(model());
    let here = on_device(&gpu, &model);
    assert!(on_device(&gpu, &model) == here, "run again");

    let shuffled = Placement::with_order(&model.initial, |ids| {
        ids.sort_by(|&a, &b| noise(a as usize).total_cmp(&noise(b as usize)));
    });
    let mut simulator = GpuSimulator::with_placement(&model, &gpu, &shuffled).unwrap();
    // Without `load`, which would sort.
    simulator.drive(&motion(&model)).unwrap();
    simulator.forward(0..SUBSTEPS).unwrap();
    assert!(simulator.read().unwrap() == here.0, "stored in another order");

    let shift = [(1 << 20) + 1, -(1 << 20) + 2, 3];
    let (mut state, _, gradient) = on_device(&gpu, &Arc::new(shifted(&model, shift)));
    for p in 0..state.particle_count() {
        if state.is_present(p) {
            state.cell[p] = std::array::from_fn(|a| state.cell[p][a] - shift[a]);
        }
    }
    assert!(state == here.0 && gradient == here.2, "far away");

    let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
    simulator.reserve(2, SUBSTEPS).unwrap();
    simulator.drive(&motion(&model)).unwrap();
    simulator.forward(0..57).unwrap();
    simulator.save(1).unwrap();
    simulator.forward(57..SUBSTEPS).unwrap();
    let forward = simulator.fingerprint().unwrap();
    simulator.restore(1).unwrap();
    let early = simulator.forward(30..31);
    assert!(matches!(early, Err(SimulationError::OutOfTime { substep: 30, .. })), "{early:?}");
    simulator.forward_recorded(57..SUBSTEPS).unwrap();
    assert_eq!(simulator.fingerprint().unwrap(), forward, "replayed");
    let state = simulator.read().unwrap();
    assert!(state == here.0);
    // And from a state on the host, taken on the way.
    simulator.restore(1).unwrap();
    let middle = simulator.read().unwrap();
    let mut other = GpuSimulator::new(&model, &gpu).unwrap();
    other.drive(&motion(&model)).unwrap();
    other.load(&middle).unwrap();
    other.forward(57..SUBSTEPS).unwrap();
    assert!(other.read().unwrap().life == here.0.life);
}

#[test]
fn a_nozzle_that_travels_takes_its_grid_along() {
    let Some(gpu) = adapter::gpu() else { return };
    // Nothing is there at first; 4 m at 40 cells a metre and two blocks at a time.
    let text = r#"
format = 1
[world]
cell_width = 0.025
control_secs = 0.02
substep_secs = 5e-4
gravity = [0.0, 0.0, 0.0]
duration_secs = 0.4
[[material]]
name = "paste"
density = 1000.0
law = { type = "elastic", young_modulus = 3e3, poisson_ratio = 0.3 }
[[emitter]]
name = "nozzle"
material = "paste"
opening = { type = "disc", radius = 0.03 }
velocity = [10.0, 0.0, 0.0]
speed = 1.0
"#;
    let model = Arc::new(model_of(text));
    assert_eq!(model.initial.present().count(), 0);
    let motion = drive(&model, &[], 20);
    let mut twin = simulator(&model, Precision::F32).unwrap();
    let mut device = GpuSimulator::new(&model, &gpu).unwrap();
    for simulator in [twin.as_mut(), &mut device as &mut dyn Simulator] {
        simulator.drive(&motion).unwrap();
        simulator.forward(0..800).unwrap();
    }
    assert!(device.renumberings() > 0, "slots never became scarce");
    let (state, expected) = (device.read().unwrap(), twin.read().unwrap());
    assert_eq!(state.present().count(), model.emitters[0].emissions.len());
    assert_eq!(state.life, expected.life);
    let positions = |s: &State<f64>| -> Vec<f64> {
        s.present().flat_map(|p| s.world_position(p, 1.0, model.origin)).collect()
    };
    let x = relative_error(positions(&state), positions(&expected));
    assert!(x < 1e-5, "positions differ by {x:.1e}");
}

//! Emitters and sinks on the f64 twin: the stream against its formula, masses, the gradient against
//! central differences, and the same bits however it is run.

use crate::common::pour::{CONTROL_STEPS, SCENE, controls, model, model_of, motion, shifted};
use crate::common::rng;
use rand::Rng;
use softscape::math::Vec3;
use softscape::model::{Model, summary};
use softscape::mpm::diagnostics::{drained, totals};
use softscape::mpm::simulator::{Observation, SimulationError, Simulator};
use softscape::mpm::state::{Life, State, split_position};
use softscape::mpm::twin::{Precision, simulator};
use softscape::rollout::*;
use softscape::scene::Scene;
use std::path::Path;
use std::sync::Arc;

fn twin(model: &Arc<Model>) -> Box<dyn Simulator> {
    let mut twin = simulator(model, Precision::F64).unwrap();
    twin.drive(&motion(model)).unwrap();
    twin
}

/// A nozzle that flies through empty space without gravity.
fn free_stream(substep_secs: f64) -> Model {
    let text = format!(
        r#"
format = 1
[world]
cell_width = 0.02
control_secs = 0.01
substep_secs = {substep_secs}
gravity = [0.0, 0.0, 0.0]
duration_secs = 0.05
[[material]]
name = "paste"
density = 1000.0
law = {{ type = "elastic", young_modulus = 1e4, poisson_ratio = 0.3 }}
[[emitter]]
name = "nozzle"
material = "paste"
opening = {{ type = "disc", radius = 0.031 }}
position = [0.3, -0.2, 0.1]
direction = [0.6, 0.0, -0.8]
speed = 2.0
velocity = [0.3, 0.2, -0.1]
"#
    );
    model_of(&text)
}

#[test]
fn a_free_stream_is_the_nozzle_s_lattice_whatever_the_substep() {
    // Nothing acts: the whole stream moves as one, and MPM moves what moves as one without error but
    // for round-off.
    const TOLERANCE: f64 = 1e-12;
    for substep_secs in [1e-3, 2e-4] {
        let model = Arc::new(free_stream(substep_secs));
        let emitter = &model.emitters[0];
        let mut twin = simulator(&model, Precision::F64).unwrap();
        twin.drive(&softscape::agents::drive(&model, &[], 5)).unwrap();
        let substeps = 5 * model.substeps_per_control;
        twin.forward(0..substeps).unwrap();
        let state = twin.read().unwrap();
        let secs = substeps as f64 * substep_secs;
        assert_eq!(state.present().count(), emitter.emissions.len(), "all have come");
        for (p, emission) in emitter.emissions.iter().enumerate() {
            let way = Vec3([0.0, 0.0, emitter.speed * (secs - emission.secs)]);
            let expected =
                emitter.pose.world_from_body(emission.place() + way) + emitter.velocity * secs;
            let found = state.world_position(p, model.cell_width, model.origin);
            for a in 0..3 {
                assert!((found[a] - expected[a]).abs() < TOLERANCE, "{p}: {found:?} {expected:?}");
            }
        }
        // What has come is what the opening and the speed say, to half a layer.
        let area = std::f64::consts::PI * 0.031f64.powi(2);
        let expected = 1000.0 * area * 2.0 * secs;
        let layer = 1000.0 * area * 0.01;
        let mass = totals(&model, &state).mass;
        assert!((mass - expected).abs() <= 0.5 * layer * (1.0 + 1e-9), "{mass} {expected}");
    }
}

#[test]
fn a_rate_is_the_speed_through_the_opening() {
    let with = |how: &str| model_of(&SCENE.replace("speed = 1.5", how)).emitters[0].speed;
    // 0.04 x 0.06 m², 1000 kg/m³.
    assert!((with("volume_rate = 0.0036") - 1.5).abs() < 1e-12);
    assert!((with("mass_rate = 3.6") - 1.5).abs() < 1e-12);
}

#[test]
fn particles_come_at_their_time_and_sinks_take_what_they_hold() {
    let model = Arc::new(model());
    let mut twin = twin(&model);
    let block = model.bodies[0].particles.len();
    let total: f64 = model.particles.mass.iter().sum();
    let (mut gone, mut unborn) = (0, model.bodies[1].particles.len());
    for substep in 0..CONTROL_STEPS * model.substeps_per_control {
        twin.forward(substep..substep + 1).unwrap();
        let state = twin.read().unwrap();
        let count = |life: fn(&Life) -> bool| state.life.iter().filter(|l| life(l)).count();
        let now_unborn = count(|l| *l == Life::Unborn);
        let now_gone = count(|l| matches!(l, Life::Gone { .. }));
        assert!(now_unborn <= unborn && now_gone >= gone, "nothing comes twice or comes back");
        assert_eq!(model.particles.mass.len() - now_unborn, model.come_before(substep + 1));
        (unborn, gone) = (now_unborn, now_gone);
        for p in state.present() {
            let [x, y, z] = state.world_position(p, model.cell_width, model.origin);
            let in_ball = (x - 0.02).powi(2) + (y - 0.04).powi(2) + (z - 0.07).powi(2);
            assert!(z > 0.006 && in_ball > 0.02f64.powi(2), "{p} is in a sink");
        }
        // Mass is there, gone or still to come.
        let drains = drained(&model, &state);
        let to_come = (0..state.particle_count()).filter(|&p| state.life[p] == Life::Unborn);
        let to_come: f64 = to_come.map(|p| model.particles.mass[p]).sum();
        let sum = totals(&model, &state).mass + drains.iter().sum::<f64>() + to_come;
        assert!((sum - total).abs() < 1e-12 * total);
    }
    let state = twin.read().unwrap();
    let drains = drained(&model, &state);
    assert!(drains[0] > 0.0 && drains[1] > 0.0, "both sinks took some: {drains:?}");
    assert_eq!(unborn, 0);
    assert!(state.present().any(|p| p < block) && state.present().any(|p| p >= block));
}

/// The centre of the emitted body at the end and along the way, and the shape of all.
fn objective(model: &Model) -> Objective {
    let state = |name: &str, weight, body: usize, measure, when| Term {
        name: name.into(),
        weight,
        kind: TermKind::State { measure, particles: model.bodies[body].particles.clone(), when },
    };
    let point = Measure::CentreToPoint { point: [0.1, 0.02, 0.0], axes: [true; 3] };
    let velocity = Measure::CentreVelocity { direction: [0.6, 0.0, 0.8] };
    let volume = Sensor {
        name: "heap".into(),
        quantity: Quantity::Volume(Region {
            shape: softscape::model::Shape::Sphere { radius: 0.05 },
            position: [0.03, 0.0, 0.05],
            edge: 0.03,
        }),
        particles: 0..model.particles.mass.len(),
    };
    let volume = TermKind::Sensor { sensor: volume, target: vec![0.0], when: When::Along };
    Objective {
        terms: vec![
            state("end", 70.0, 1, point.clone(), When::End),
            state("along", 50.0, 1, point, When::Along),
            state("velocity", 1.0, 1, velocity.clone(), When::Along),
            state("block", 1.0, 0, velocity, When::End),
            Term { name: "heap".into(), weight: 2e8, kind: volume },
        ],
    }
}

struct Case {
    model: Arc<Model>,
    initial: State<f64>,
    controls: Controls,
    objective: Objective,
}

impl Case {
    fn new() -> Self {
        let model = Arc::new(model());
        Self {
            initial: model.initial.clone(),
            controls: controls(&model),
            objective: objective(&model),
            model,
        }
    }

    fn rollout(&self) -> Rollout<'_> {
        Rollout {
            model: &self.model,
            initial: &self.initial,
            controls: &self.controls,
            objective: &self.objective,
        }
    }

    fn value(&self) -> f64 {
        let mut twin = simulator(&self.model, Precision::F64).unwrap();
        evaluate(twin.as_mut(), self.rollout(), &mut Settings::default()).unwrap().value
    }

    fn gradient(&self, memory_bytes: u64) -> Derivative {
        let mut twin = simulator(&self.model, Precision::F64).unwrap();
        let mut settings = Settings { memory_bytes, check_replay: true, ..Settings::default() };
        differentiate(twin.as_mut(), self.rollout(), &mut settings).unwrap().1
    }
}

#[test]
fn the_gradient_of_a_pour_agrees_with_central_differences() {
    // Against central differences in f64 (numerics.md 4); the best of some steps counts.
    const TOLERANCE: f64 = 1e-6;
    const STEPS: [f64; 3] = [1e-4, 1e-5, 1e-6];
    let case = Case::new();
    let derivative = case.gradient(1 << 30);
    let width = case.model.actions.len();
    let of = |i: usize, name: &str| case.model.actions[i % width].name == name;
    let mut rng = rng(2);
    let along: Vec<f64> = (0..case.controls.values().len())
        .map(|i| case.model.actions[i % width].upper * rng.random_range(-1.0..1.0))
        .collect();
    for name in ["nozzle.vx", "nozzle.vz", "nozzle.wx", "nozzle.wz", "pusher.vx"] {
        let direction: Vec<f64> =
            along.iter().enumerate().map(|(i, d)| if of(i, name) { *d } else { 0.0 }).collect();
        let exact: f64 = direction.iter().zip(&derivative.controls).map(|(d, g)| d * g).sum();
        let value = |step: f64| {
            let mut controls = case.controls.clone();
            controls.values_mut().iter_mut().zip(&direction).for_each(|(v, d)| *v += step * d);
            Case { controls, ..Case::new() }.value()
        };
        let errors = STEPS.map(|step| {
            let difference = (value(step) - value(-step)) / (2.0 * step);
            (difference - exact).abs() / exact.abs()
        });
        let best = errors.into_iter().fold(f64::INFINITY, f64::min);
        println!("{name}: {exact:.6e}, {errors:?}");
        assert!(exact.abs() > 1e-3 && best < TOLERANCE, "{name}: {exact} {errors:?}");
    }
    // By the initial state of the block, and by the material of both.
    let initial: Vec<[f64; 6]> =
        (0..512).map(|_| std::array::from_fn(|_| rng.random_range(-1.0..1.0))).collect();
    let block = case.model.bodies[0].particles.clone();
    let exact: f64 = block
        .clone()
        .map(|p| {
            let (x, v) = (derivative.initial_x[p], derivative.initial_v[p]);
            (0..3).map(|a| 1e-3 * initial[p][a] * x[a] + initial[p][3 + a] * v[a]).sum::<f64>()
        })
        .sum();
    let errors = STEPS.map(|step| {
        let value = |step: f64| {
            let mut moved = Case::new();
            let h = moved.model.cell_width;
            for p in block.clone() {
                for a in 0..3 {
                    let cells = moved.initial.offset[p][a] + step * 1e-3 * initial[p][a] / h;
                    let (carry, offset) = split_position(cells);
                    moved.initial.cell[p][a] += carry;
                    moved.initial.offset[p][a] = offset;
                    moved.initial.v[p][a] += step * initial[p][3 + a];
                }
            }
            moved.value()
        };
        ((value(step) - value(-step)) / (2.0 * step) - exact).abs() / exact.abs()
    });
    println!("initial: {exact:.6e}, {errors:?}");
    assert!(errors.into_iter().any(|e| e < TOLERANCE), "initial: {exact} {errors:?}");
    let of_nozzle = case.model.bodies[1].particles.clone();
    assert!(of_nozzle.clone().all(|p| derivative.initial_x[p] == [0.0; 3]), "not there at first");

    let bar = &derivative.materials[0][0];
    let errors = STEPS.map(|step| {
        let value = |step: f64| {
            let mut model = Model::clone(&case.model);
            let law = &mut model.materials[0].law;
            *law = law.with_parameter(bar.name, 3e4 * (1.0 + step)).unwrap();
            Case { model: Arc::new(model), ..Case::new() }.value()
        };
        let exact = 3e4 * bar.value;
        ((value(step) - value(-step)) / (2.0 * step) - exact).abs() / exact.abs()
    });
    println!("{}: {:.6e}, {errors:?}", bar.name, bar.value);
    assert!(errors.into_iter().any(|e| e < TOLERANCE), "{}: {errors:?}", bar.name);
}

#[test]
fn every_checkpoint_budget_gives_the_same_bits() {
    let case = Case::new();
    let plenty = case.gradient(1 << 30);
    // Room for some states: segments are replayed, and replays compared with the first run.
    let tight = case.gradient(12 << 20);
    assert!(tight.replayed_substeps > 0);
    assert_eq!(plenty.controls, tight.controls);
    assert_eq!(plenty.initial_x, tight.initial_x);
    assert_eq!(plenty.materials, tight.materials);
}

#[test]
fn runs_repeat_on_any_number_of_threads_and_anywhere_in_the_world() {
    let model = Arc::new(model());
    let substeps = CONTROL_STEPS * model.substeps_per_control;
    let run = |model: &Arc<Model>, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut twin = twin(model);
            twin.forward(0..substeps).unwrap();
            twin.read().unwrap()
        })
    };
    let here = run(&model, 1);
    assert!(run(&model, 3) == here);
    // Whole blocks: the twin sums by block.
    let shift = [1 << 20, -(1 << 20) + 8, 4];
    let mut there = run(&Arc::new(shifted(&model, shift)), 2);
    for p in 0..there.particle_count() {
        if there.is_present(p) {
            there.cell[p] = std::array::from_fn(|a| there.cell[p][a] - shift[a]);
        }
    }
    assert!(there == here);
}

#[test]
fn a_state_goes_on_from_where_it_was_taken_and_nowhere_else() {
    let model = Arc::new(model());
    let substeps = CONTROL_STEPS * model.substeps_per_control;
    let mut whole = twin(&model);
    whole.forward(0..substeps).unwrap();
    let mut first = twin(&model);
    first.forward(0..60).unwrap();
    let mut second = twin(&model);
    second.load(&first.read().unwrap()).unwrap();
    let early = second.forward(10..20);
    assert!(matches!(early, Err(SimulationError::OutOfTime { substep: 10, .. })), "{early:?}");
    second.forward(60..substeps).unwrap();
    assert_eq!(second.fingerprint().unwrap(), whole.fingerprint().unwrap());
    assert!(second.read().unwrap() == whole.read().unwrap());
}

#[test]
fn what_is_not_there_is_nowhere_to_be_measured() {
    let model = Arc::new(model());
    let mut twin = twin(&model);
    twin.observe(0).unwrap();
    let start: Observation = twin.observation(0).unwrap();
    let objective = objective(&model);
    // Of the terms only the block's velocity and the volume of the block are something.
    let emitted = Objective { terms: objective.terms[..3].to_vec() };
    assert_eq!(emitted.state_value(&model, &start), 0.0);
    assert!(objective.state_value(&model, &start) != 0.0);
    let measured = |quantity, observation: &Observation| {
        let particles = model.bodies[1].particles.clone();
        let sensor = Sensor { name: "s".into(), quantity, particles };
        let moment =
            Moment { model: &model, observation, poses: &[], wrenches: &[], rigid_before: &[] };
        sensor.values(moment)
    };
    let region = || Region {
        shape: softscape::model::Shape::Sphere { radius: 10.0 },
        position: [0.0; 3],
        edge: 0.1,
    };
    assert_eq!(measured(Quantity::ParticleCount(region()), &start), [0.0]);
    assert_eq!(measured(Quantity::CenterOfMass, &start), [0.0; 3]);
    let map = HeightMap {
        origin: [-0.1; 2],
        cell_width: 0.05,
        node_counts: [5, 5],
        floor: -1.0,
        smoothing: 0.01,
    };
    assert_eq!(measured(Quantity::HeightMap(map), &start), [-1.0; 25]);

    twin.forward(0..50).unwrap();
    twin.observe(0).unwrap();
    let later = twin.observation(0).unwrap();
    let there =
        twin.read().unwrap().present().filter(|p| model.bodies[1].particles.contains(p)).count();
    assert!(there > 0);
    assert_eq!(measured(Quantity::ParticleCount(region()), &later), [there as f64]);
}

#[test]
fn the_summary_tells_what_will_come() {
    let scene = Scene::parse(Path::new("test.toml"), SCENE).unwrap();
    let model = model();
    let summary = summary(&scene, &model);
    let emitter = &summary.emitters[0];
    assert_eq!(emitter.particle_count, model.emitters[0].emissions.len());
    assert!((emitter.mass_rate - 3.6).abs() < 1e-12);
    // 4 x 6 particles every 0.01 m.
    assert!((emitter.particles_per_sec - 24.0 * 150.0).abs() < 1e-9);
    assert_eq!(summary.sinks, ["drain", "ball"]);
    assert_eq!(summary.particle_count, model.particles.mass.len());
    // Pushed out at 1.5 m/s by a nozzle that moves at up to 2.3 m/s and swings.
    assert!(summary.stability.max_speed > 3.8, "{}", summary.stability.max_speed);
}

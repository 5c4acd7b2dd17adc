//! Measured quantities: against independent computations, their derivatives against central
//! differences of whole rollouts, the device against the twin.

use crate::adapter;

use softscape::agents::drive;
use softscape::math::Vec3;
use softscape::model::{Model, compile};
use softscape::mpm::device::GpuSimulator;
use softscape::mpm::diagnostics::totals;
use softscape::mpm::simulator::{Observation, Simulator, Wrench};
use softscape::mpm::state::{State, split_position};
use softscape::mpm::twin::{Precision, simulator};
use softscape::rollout::*;
use softscape::scene::{Fidelity, Scene};
use softscape::task::sensors;
use std::path::Path;
use std::sync::Arc;

/// A block that falls on rough ground while a soft, driven sphere pushes it; every kind of sensor.
const SCENE: &str = r#"
format = 1
[world]
cell_width = 0.02
control_secs = 0.01
[[body]]
name = "block"
material = "jelly"
shape = { type = "box", size = [0.06, 0.06, 0.06] }
position = [0.0, 0.0, 0.031]
velocity = [0.0, 0.1, -0.5]
angular_velocity = [1.0, -0.5, 2.0]
[[collider]]
name = "floor"
shape = { type = "half_space" }
contact = { type = "separate", friction = 0.4 }
[[collider]]
name = "pusher"
shape = { type = "sphere", radius = 0.03 }
position = [-0.055, 0.01, 0.031]
contact = { type = "separate", friction = 0.5 }
softness = 0.02
[[effector]]
collider = "pusher"
vx = { min = -2.0, max = 2.0 }
wz = { min = -20.0, max = 20.0 }
[[sensor]]
name = "floor_wrench"
quantity = { type = "wrench", collider = "floor" }
[[sensor]]
name = "pusher_wrench"
quantity = { type = "wrench", collider = "pusher" }
[[sensor]]
name = "heights"
quantity = { type = "height_map", origin = [-0.04, -0.04], cell_width = 0.02, counts = [5, 5], smoothing = 0.004 }
[[sensor]]
name = "corner"
quantity = { type = "volume", region = { type = "box", size = [0.06, 0.06, 0.06] }, position = [0.03, 0.03, 0.04] }
[[sensor]]
name = "ball"
quantity = { type = "volume", region = { type = "sphere", radius = 0.03 }, position = [0.0, 0.0, 0.03], edge = 0.01, body = "block" }
[[sensor]]
name = "count"
quantity = { type = "particle_count", region = { type = "box", size = [0.06, 0.06, 0.06] }, position = [0.03, 0.03, 0.04] }
[[sensor]]
name = "centre"
quantity = { type = "center_of_mass", body = "block" }
[[sensor]]
name = "density"
quantity = { type = "density_grid", origin = [-0.06, -0.06, -0.03], cell_width = 0.03, counts = [5, 5, 5] }
[[sensor]]
name = "floor_area"
quantity = { type = "contact_area", collider = "floor" }
[[sensor]]
name = "pusher_area"
quantity = { type = "contact_area", collider = "pusher", width = 0.015 }
"#;

const CONTROL_STEPS: usize = 4;

fn scene(text: &str) -> (Scene, Arc<Model>) {
    let scene = Scene::parse(Path::new("measured.toml"), text).unwrap();
    let model = compile(&scene, Fidelity::Standard).unwrap();
    (scene, Arc::new(model))
}

fn sensor(name: &str) -> Sensor {
    let (scene, model) = scene(SCENE);
    let all = sensors(&scene, &model).unwrap();
    all.into_iter().find(|sensor| sensor.name == name).unwrap()
}

fn controls() -> Controls {
    let values = (0..CONTROL_STEPS).flat_map(|s| [0.9 + 0.1 * s as f64, 4.0 - 2.0 * s as f64]);
    Controls::new(CONTROL_STEPS, 2, values.collect()).unwrap()
}

/// Wrenches of a run of the scene, and the state at its end.
fn felt(simulator: &mut dyn Simulator, model: &Model) -> (Vec<Wrench>, State<f64>) {
    let controls = controls();
    simulator.sense_wrenches(true).unwrap();
    simulator.drive(&drive(model, controls.values(), CONTROL_STEPS)).unwrap();
    simulator.load(&model.initial).unwrap();
    simulator.forward(0..CONTROL_STEPS * model.substeps_per_control).unwrap();
    (simulator.wrenches().unwrap(), simulator.read().unwrap())
}

#[test]
fn what_the_colliders_feel_is_what_the_material_lost() {
    let (_, model) = scene(SCENE);
    let mut twin = simulator(&model, Precision::F64).unwrap();
    let (wrenches, end) = felt(twin.as_mut(), &model);
    let (before, after) = (totals(&model, &model.initial), totals(&model, &end));
    let secs = 0.01 * CONTROL_STEPS as f64;
    for a in 0..3 {
        let given: f64 = wrenches.iter().map(|w| w.force[a]).sum::<f64>() * 0.01;
        let weight = before.mass * model.gravity[a] * secs;
        let lost = before.momentum[a] + weight - after.momentum[a];
        // Momentum is conserved to round-off, and what empty nodes lose.
        assert!((given - lost).abs() < 1e-9 * before.mass, "axis {a}: {given} against {lost}");
    }
    assert!(wrenches[0].force[2] < 0.0, "the floor is pressed down: {:?}", wrenches[0]);
}

#[test]
fn the_torque_on_a_floor_is_the_angular_momentum_that_the_material_lost() {
    let alone = SCENE.replace("position = [-0.055, 0.01, 0.031]", "position = [-9.0, 0.0, 9.0]");
    let (_, model) = scene(&alone);
    let mut twin = simulator(&model, Precision::F64).unwrap();
    let (wrenches, end) = felt(twin.as_mut(), &model);
    let (before, after) = (totals(&model, &model.initial), totals(&model, &end));
    // Gravity turns the block about the floor's origin: by its centre, which a twin is asked for.
    let mut moment = Vec3::<f64>::zero();
    twin.load(&model.initial).unwrap();
    let substeps = CONTROL_STEPS * model.substeps_per_control;
    for substep in 0..substeps {
        let state = twin.read().unwrap();
        let mut centre = Vec3::<f64>::zero();
        for p in 0..state.particle_count() {
            let x = Vec3(state.world_position(p, model.cell_width, model.origin));
            centre += x * model.particles.mass[p];
        }
        moment += centre.cross(model.gravity) * model.substep_secs;
        twin.forward(substep..substep + 1).unwrap();
    }
    let scale = moment.norm_squared().sqrt();
    for a in 0..3 {
        let given: f64 = (0..CONTROL_STEPS).map(|s| wrenches[2 * s].torque[a]).sum::<f64>() * 0.01;
        let lost = before.angular_momentum[a] + moment[a] - after.angular_momentum[a];
        // Advection changes the angular momentum by about 1e-3 of itself (formulas.md 5.3).
        let allowed = 1e-2 * scale.max(before.angular_momentum[a].abs());
        assert!((given - lost).abs() < allowed, "axis {a}: {given} against {lost}");
    }
}

#[test]
fn volume_count_centre_and_area_are_those_of_the_block_at_the_start() {
    let (_, model) = scene(SCENE);
    let x: Vec<[f64; 3]> = (0..model.initial.particle_count())
        .map(|p| model.initial.world_position(p, model.cell_width, model.origin))
        .collect();
    let observation = Observation { x: x.clone(), ..Default::default() };
    let drive = drive(&model, controls().values(), CONTROL_STEPS);
    let poses = drive.poses_at(0);
    let moment = Moment {
        model: &model,
        observation: &observation,
        poses,
        wrenches: &[],
        rigid_before: &[],
    };
    let values = |name: &str| sensor(name).values(moment);

    let inside = |x: &&[f64; 3]| x[0] >= 0.0 && x[1] >= 0.0 && x[2] >= 0.01;
    assert_eq!(values("count"), [x.iter().filter(inside).count() as f64]);
    // The lattice fills 0 .. 0.06 in z. A quarter of it in x and y, its height above 0.01.
    let exact = 0.03 * 0.03 * 0.05;
    // The edge is a cell wide, and the block ends within it.
    assert!((values("corner")[0] / exact - 1.0).abs() < 0.1, "{:?}", values("corner"));
    for (a, expected) in [0.0, 0.0, 0.03].into_iter().enumerate() {
        assert!((values("centre")[a] - expected).abs() < 1e-12, "{:?}", values("centre"));
    }
    // The footprint: the layer holds two layers of particles wholly.
    let area = values("floor_area")[0];
    assert!((area / (0.06 * 0.06) - 1.0).abs() < 0.12, "{area}");
    let cell: f64 = 0.03;
    let mass: f64 = values("density").iter().sum::<f64>() * cell.powi(3);
    let total: f64 = model.particles.mass.iter().sum();
    assert!((mass / total - 1.0).abs() < 1e-12, "all of the block lies on the grid: {mass}");
    let middle = values("heights")[12];
    assert!((middle - 0.06).abs() < 2e-3, "{middle}");
}

struct Case {
    model: Arc<Model>,
    initial: State<f64>,
    controls: Controls,
    objective: Objective,
}

impl Case {
    fn of(name: &str, when: When) -> Self {
        let (_, model) = scene(SCENE);
        let sensor = sensor(name);
        let target = vec![0.0; sensor.size()];
        let kind = TermKind::Sensor { sensor, target, when };
        let term = Term { name: name.into(), weight: 1.0, kind };
        Self {
            initial: model.initial.clone(),
            controls: controls(),
            objective: Objective { terms: vec![term] },
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

    fn gradient(&self, simulator: &mut dyn Simulator) -> (Outcome, Derivative) {
        // Two checkpoints and short segments: replays must not count impulses twice.
        let states = simulator.state_bytes() * 24 + simulator.record_bytes() * 24;
        let mut settings = Settings { memory_bytes: states, ..Settings::default() };
        differentiate(simulator, self.rollout(), &mut settings).unwrap()
    }

    /// The value with controls, initial positions and stiffness moved along a direction.
    fn value_at(&self, step: f64) -> f64 {
        let mut model = Model::clone(&self.model);
        let (mut initial, mut controls) = (self.initial.clone(), self.controls.clone());
        for (i, value) in controls.values_mut().iter_mut().enumerate() {
            *value += step * wave(i);
        }
        for p in 0..initial.particle_count() {
            for a in 0..3 {
                let by = 0.01 * step * wave(7 + 3 * p + a);
                let (carry, offset) = split_position(initial.offset[p][a] + by / model.cell_width);
                initial.cell[p][a] += carry;
                initial.offset[p][a] = offset;
            }
        }
        let law = &mut model.materials[0].law;
        let young = law.parameters()[0].value;
        *law = law.with_parameter("young_modulus", young * (1.0 + step)).unwrap();
        let model = Arc::new(model);
        let rollout = Rollout {
            model: &model,
            initial: &initial,
            controls: &controls,
            objective: &self.objective,
        };
        let mut twin = simulator(&model, Precision::F64).unwrap();
        evaluate(twin.as_mut(), rollout, &mut Settings::default()).unwrap().value
    }

    fn along(&self, derivative: &Derivative) -> f64 {
        let by_controls = derivative.controls.iter().enumerate().map(|(i, g)| wave(i) * g);
        let by_x = derivative.initial_x.iter().flatten().enumerate();
        let young = self.model.materials[0].law.parameters()[0].value;
        by_controls.sum::<f64>()
            + by_x.map(|(i, g)| 0.01 * wave(7 + i) * g).sum::<f64>()
            + young * derivative.materials[0][0].value
    }
}

/// Between -1 and 1, without a pattern.
fn wave(i: usize) -> f64 {
    ((i as f64 + 1.0) * 12.9898).sin()
}

const DIFFERENTIABLE: [&str; 9] = [
    "floor_wrench",
    "pusher_wrench",
    "heights",
    "corner",
    "ball",
    "centre",
    "density",
    "floor_area",
    "pusher_area",
];

#[test]
fn the_derivative_of_every_sensor_agrees_with_central_differences() {
    // numerics.md 4, of the best of three steps.
    const TOLERANCE: f64 = 1e-6;
    for name in DIFFERENTIABLE {
        for when in [When::End, When::Along] {
            let case = Case::of(name, when);
            let mut twin = simulator(&case.model, Precision::F64).unwrap();
            let (outcome, derivative) = case.gradient(twin.as_mut());
            assert!(derivative.replayed_substeps > 0, "the budget forces no replay");
            assert_eq!(
                outcome.value,
                case.value_at(0.0),
                "{name}: with and without a reverse pass"
            );
            let exact = case.along(&derivative);
            let error = [1e-4, 1e-5, 1e-6]
                .map(|step| (case.value_at(step) - case.value_at(-step)) / (2.0 * step))
                .map(|difference| (difference / exact - 1.0).abs())
                .into_iter()
                .fold(f64::INFINITY, f64::min);
            assert!(exact != 0.0 && error < TOLERANCE, "{name} {when:?}: {exact}, error {error:e}");
        }
    }
}

#[test]
fn the_device_feels_and_differentiates_as_the_twin_does_and_repeats_bit_for_bit() {
    let Some(gpu) = adapter::gpu() else { return };
    let (_, model) = scene(SCENE);
    let mut device = GpuSimulator::new(&model, &gpu).unwrap();
    let mut twin = simulator(&model, Precision::F64).unwrap();
    let (ours, _) = felt(&mut device, &model);
    let (theirs, _) = felt(twin.as_mut(), &model);
    let largest = theirs.iter().flat_map(|w| w.components()).fold(0.0f64, |m, c| m.max(c.abs()));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        for (a, b) in ours.components().iter().zip(theirs.components()) {
            // f32 against f64 over a few dozen substeps.
            assert!((a - b).abs() < 1e-4 * largest, "{ours:?} against {theirs:?}");
        }
    }
    let (again, _) = felt(&mut device, &model);
    assert_eq!(ours, again);

    for name in ["floor_wrench", "pusher_wrench", "pusher_area"] {
        let case = Case::of(name, When::Along);
        let (_, ours) = case.gradient(&mut device);
        let (_, theirs) = case.gradient(twin.as_mut());
        let difference: f64 =
            ours.controls.iter().zip(&theirs.controls).map(|(a, b)| (a - b).powi(2)).sum();
        let norm: f64 = theirs.controls.iter().map(|g| g * g).sum();
        // numerics.md 4: the f32 device within 1e-3 of the f64 twin.
        assert!(
            (difference / norm).sqrt() < 1e-3,
            "{name}: {:?}",
            (ours.controls, theirs.controls)
        );
        let (_, again) = case.gradient(&mut device);
        assert_eq!(case.gradient(&mut device).1.controls, again.controls, "{name}");
    }
}

#[test]
fn sensors_that_make_no_sense_are_refused_with_their_place() {
    let refused = |from: &str, to: &str| {
        let (scene, model) = scene(&SCENE.replacen(from, to, 1));
        sensors(&scene, &model).unwrap_err().to_string()
    };
    let message =
        refused("collider = \"floor\" }\n[[sensor]]", "collider = \"flor\" }\n[[sensor]]");
    assert!(message.contains("unknown collider `flor`, did you mean `floor`?"), "{message}");
    let message = refused("name = \"heights\"", "name = \"pusher_wrench\"");
    assert!(message.contains("two sensors are named `pusher_wrench`"), "{message}");
    let message = refused("counts = [5, 5]", "counts = [5, 0]");
    assert!(message.contains("`counts` is [5, 0]"), "{message}");
    let message =
        refused("radius = 0.03 }, position = [0.0, 0.0", "radius = -0.03 }, position = [0.0, 0.0");
    assert!(message.contains("`radius` is -0.03 m"), "{message}");
}

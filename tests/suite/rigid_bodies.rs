//! Free rigid bodies through the whole path: scene file, model, rollout, derivative; against central
//! differences, and against mechanics.

use crate::common::rng;
use rand::Rng;
use softscape::math::Vec3;
use softscape::model::{Model, RigidBody, compile};
use softscape::mpm::diagnostics::totals;
use softscape::mpm::simulator::Simulator;
use softscape::mpm::state::{RigidCotangent, State, split_position};
use softscape::mpm::twin::{Precision, simulator};
use softscape::rollout::*;
use softscape::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

/// Against central differences in f64 (numerics.md 4).
const TOLERANCE: f64 = 1e-6;
/// Steps relative to the scale of an input; the best counts: a larger one bends with the curve, a
/// smaller one drowns in round-off.
const STEPS: [f64; 4] = [1e-4, 1e-5, 1e-6, 1e-7];

/// A soft capsule pushes a bed that carries a box with a shifted centre of mass; a ball lies on the
/// box.
fn scene(material: &str, rest: &str) -> String {
    format!(
        r#"
format = 1
name = "carried by {material}"
[world]
cell_width = 0.02
control_secs = 0.01
[[body]]
name = "bed"
material = "{material}"
shape = {{ type = "box", size = [0.16, 0.12, 0.06] }}
position = [0.0, 0.0, 0.03]
velocity = [0.0, 0.05, -0.1]
[[rigid_body]]
name = "box"
density = 800.0
shape = {{ type = "box", size = [0.07, 0.06, 0.05] }}
position = [0.0, 0.0, 0.0905]
center_of_mass = [0.004, -0.003, -0.005]
velocity = [0.1, 0.0, -0.6]
angular_velocity = [1.0, -1.5, 0.5]
contact = {{ type = "separate", friction = 0.4 }}
[[rigid_body]]
name = "ball"
mass = 0.05
shape = {{ type = "sphere", radius = 0.02 }}
position = [0.012, 0.005, 0.137]
velocity = [0.0, 0.1, -0.9]
contact = {{ type = "separate", friction = 0.3 }}
[[collider]]
name = "floor"
shape = {{ type = "half_space" }}
contact = {{ type = "separate", friction = 0.4 }}
[[collider]]
name = "pusher"
shape = {{ type = "capsule", radius = 0.02, length = 0.06 }}
position = [-0.105, 0.0, 0.03]
rotation = {{ axis = [1.0, 0.0, 0.0], angle_deg = 90.0 }}
contact = {{ type = "separate", friction = 0.5 }}
softness = 0.02
[[effector]]
collider = "pusher"
vx = {{ min = -2.0, max = 2.0 }}
vz = {{ min = -2.0, max = 2.0 }}
wy = {{ min = -20.0, max = 20.0 }}
{rest}
"#
    )
}

/// Water that resists tension: without, every particle starts at the kink of its law.
const BOUND_WATER: &str = r#"
[[material]]
name = "bound_water"
density = 1000.0
law = { type = "liquid", bulk_modulus = 5e5, tension = true }
"#;

struct Case {
    model: Arc<Model>,
    initial: State<f64>,
    controls: Controls,
}

fn model_of(text: &str) -> Arc<Model> {
    let scene = Scene::parse(Path::new("test.toml"), text).unwrap();
    Arc::new(compile(&scene, Fidelity::Standard).unwrap_or_else(|e| panic!("{e}")))
}

fn case(material: &str, rest: &str) -> Case {
    let model = model_of(&scene(material, rest));
    let mut rng = rng(5);
    let mut controls = Controls::zeros(6, model.actions.len());
    for (i, value) in controls.values_mut().iter_mut().enumerate() {
        let channel = &model.actions[i % model.actions.len()];
        *value = 0.3 * channel.upper * rng.random_range(-1.0..1.0);
        if channel.name.ends_with("vx") {
            *value = 0.8;
        }
    }
    Case { initial: model.initial.clone(), model, controls }
}

fn objective() -> Objective {
    let rigid = |weight, measure, body, when| Term {
        name: "rigid".into(),
        weight,
        kind: TermKind::Rigid { measure, body, when },
    };
    let wrench = |weight, body, target: [f64; 6], when| Term {
        name: "wrench".into(),
        weight,
        kind: TermKind::Sensor {
            sensor: Sensor {
                name: "felt".into(),
                quantity: Quantity::BodyWrench { body },
                particles: 0..0,
            },
            target: target.to_vec(),
            when,
        },
    };
    let point = |point| Measure::CentreToPoint { point, axes: [true; 3] };
    let direction = [0.6, 0.0, 0.8];
    Objective {
        terms: vec![
            rigid(80.0, point([0.1, 0.05, 0.02]), 0, When::End),
            rigid(1.0, Measure::CentreVelocity { direction }, 0, When::Along),
            rigid(40.0, point([0.0, 0.1, 0.05]), 1, When::Along),
            wrench(1.0, 0, [1.0, 0.0, 2.0, 0.01, 0.0, -0.01], When::Along),
            wrench(1.0, 1, [0.0, 0.5, 1.0, 0.0, 0.02, 0.0], When::End),
        ],
    }
}

/// What is moved, by a step times its scale.
enum Direction {
    Controls(Vec<f64>),
    Rigid(Vec<RigidCotangent<f64>>),
    /// Relative change of mass and inertia together, as by the density.
    Density(Vec<f64>),
}

impl Case {
    fn moved(&self, direction: &Direction, step: f64) -> Case {
        let (mut model, mut initial) = (Model::clone(&self.model), self.initial.clone());
        let mut controls = self.controls.clone();
        match direction {
            Direction::Controls(by) => {
                controls.values_mut().iter_mut().zip(by).for_each(|(v, by)| *v += step * by);
            }
            Direction::Rigid(by) => {
                for (motion, by) in initial.rigid.iter_mut().zip(by) {
                    for a in 0..3 {
                        let cells = motion.offset[a] + step * by.position[a] / model.cell_width;
                        let (carry, offset) = split_position(cells);
                        motion.cell[a] += carry;
                        motion.offset[a] = offset;
                    }
                    let turn = glam::DVec3::from_array((by.rotation * step).0);
                    let q = glam::DQuat::from_array(motion.rotation);
                    motion.rotation = (glam::DQuat::from_scaled_axis(turn) * q).to_array();
                    motion.velocity += by.velocity * step;
                    motion.angular_velocity += by.angular_velocity * step;
                }
            }
            Direction::Density(by) => {
                for (body, by) in model.rigid_bodies.iter_mut().zip(by) {
                    body.mass *= 1.0 + step * by;
                    body.inertia = body.inertia * (1.0 + step * by);
                }
            }
        }
        Case { model: Arc::new(model), initial, controls }
    }

    fn run<T>(&self, run: impl FnOnce(&mut dyn Simulator, Rollout) -> T) -> T {
        let mut simulator = simulator(&self.model, Precision::F64).unwrap();
        let (model, objective) = (&self.model, &objective());
        let rollout =
            Rollout { model, initial: &self.initial, controls: &self.controls, objective };
        run(simulator.as_mut(), rollout)
    }

    fn value(&self) -> f64 {
        self.run(|s, rollout| evaluate(s, rollout, &mut Settings::default()).unwrap().value)
    }

    fn derivative(&self, memory_bytes: u64) -> Derivative {
        self.run(|s, rollout| {
            let mut settings = Settings { memory_bytes, check_replay: true, ..Settings::default() };
            differentiate(s, rollout, &mut settings).unwrap().1
        })
    }

    fn directions(&self) -> Vec<(&'static str, Direction)> {
        let mut rng = rng(3);
        let mut number = |scale: f64| scale * rng.random_range(-1.0..1.0);
        let width = self.model.actions.len();
        let upper = |i: usize| self.model.actions[i % width].upper;
        let controls =
            (0..self.controls.values().len()).map(|i| number(upper(i))).collect::<Vec<_>>();
        let bodies = self.model.rigid_bodies.len();
        let mut rigid = |scales: [f64; 4]| {
            let mut vector = |scale: f64| Vec3(std::array::from_fn(|_| number(scale)));
            let one = |_| RigidCotangent {
                position: vector(scales[0]),
                rotation: vector(scales[1]),
                velocity: vector(scales[2]),
                angular_velocity: vector(scales[3]),
            };
            Direction::Rigid((0..bodies).map(one).collect())
        };
        vec![
            ("controls", Direction::Controls(controls)),
            ("position", rigid([0.002, 0.0, 0.0, 0.0])),
            ("rotation", rigid([0.0, 0.1, 0.0, 0.0])),
            ("velocity", rigid([0.0, 0.0, 1.0, 0.0])),
            ("angular velocity", rigid([0.0, 0.0, 0.0, 10.0])),
            ("density", Direction::Density(vec![0.7, -0.4])),
        ]
    }

    fn along(&self, derivative: &Derivative, direction: &Direction) -> f64 {
        match direction {
            Direction::Controls(by) => {
                by.iter().zip(&derivative.controls).map(|(a, b)| a * b).sum()
            }
            Direction::Rigid(by) => {
                let dot = |(by, bar): (&RigidCotangent<f64>, &RigidDerivative)| {
                    by.position.dot(bar.motion.position)
                        + by.rotation.dot(bar.motion.rotation)
                        + by.velocity.dot(bar.motion.velocity)
                        + by.angular_velocity.dot(bar.motion.angular_velocity)
                };
                by.iter().zip(&derivative.rigid).map(dot).sum()
            }
            Direction::Density(by) => {
                let bodies = self.model.rigid_bodies.iter().zip(&derivative.rigid);
                let dot = |((body, bar), by): ((&RigidBody, &RigidDerivative), &f64)| {
                    by * (body.mass * bar.mass.mass + body.inertia.double_dot(bar.mass.inertia))
                };
                bodies.zip(by).map(dot).sum()
            }
        }
    }
}

fn check(material: &str, rest: &str) {
    let case = case(material, rest);
    let derivative = case.derivative(DEFAULT_MEMORY_BYTES);
    for (name, direction) in case.directions() {
        let exact = case.along(&derivative, &direction);
        let differences = STEPS.map(|step| {
            (case.moved(&direction, step).value() - case.moved(&direction, -step).value())
                / (2.0 * step)
        });
        let error = |d: &f64| (d - exact).abs() / exact.abs();
        let best = differences.iter().map(error).fold(f64::INFINITY, f64::min);
        assert!(
            best < TOLERANCE,
            "{material}, {name}: {exact} against {differences:?} ({best:.1e})"
        );
    }
}

#[test]
fn a_body_carried_by_liquid_has_the_derivatives_that_central_differences_see() {
    check("bound_water", BOUND_WATER);
}

#[test]
fn a_body_carried_by_jelly_has_the_derivatives_that_central_differences_see() {
    check("jelly", "");
}

#[test]
fn a_body_carried_by_sand_has_the_derivatives_that_central_differences_see() {
    check("dry-sand", "");
}

#[test]
fn a_rollout_with_bodies_replays_bitwise_from_few_checkpoints() {
    let case = case("jelly", "");
    let state_bytes = simulator(&case.model, Precision::F64).unwrap().state_bytes();
    let observations = 10 * 48 * case.initial.particle_count() as u64;
    let reference = case.derivative(u64::MAX);
    let few = case.derivative(observations + 5 * state_bytes);
    assert!(few.replayed_substeps > 0);
    assert_eq!(few.controls, reference.controls);
    assert_eq!(few.rigid, reference.rigid);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let case = case("dry-sand", "");
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.derivative(DEFAULT_MEMORY_BYTES))
    };
    let (one, three) = (run(1), run(3));
    assert_eq!(one.rigid, three.rigid);
    assert_eq!(one.controls, three.controls);
}

#[test]
fn material_and_bodies_together_keep_their_momentum() {
    // Sums of f32 over some thousand nodes a substep.
    const F32_DRIFT: f64 = 1e-5;
    let text = scene("jelly", "").replace("[world]\n", "[world]\ngravity = [0.0, 0.0, 0.0]\n");
    let cut = text.find("[[collider]]").unwrap();
    let model = model_of(&text[..cut]);
    let start = totals(&model, &model.initial);
    let scale: f64 = model.rigid_bodies.iter().map(|body| body.mass).sum();
    for (precision, bound) in [(Precision::F64, 1e-13), (Precision::F32, F32_DRIFT)] {
        let mut twin = simulator(&model, precision).unwrap();
        twin.drive(&softscape::agents::drive(&model, &[], 10)).unwrap();
        twin.forward(0..10 * model.substeps_per_control).unwrap();
        let state = twin.read().unwrap();
        let end = totals(&model, &state);
        let given = state.rigid[0].velocity - model.initial.rigid[0].velocity;
        assert!(given.norm_squared().sqrt() > 0.1, "the box met nothing: {given:?}");
        for a in 0..3 {
            let drift = (end.momentum[a] - start.momentum[a]).abs();
            assert!(drift < bound * scale, "{precision:?}, axis {a}: {drift:e} kg m/s");
        }
    }
}

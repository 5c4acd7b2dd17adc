//! The gradient of a whole rollout on the f64 twin: every objective term, every input, against
//! central differences; Taylor remainders; every checkpoint budget the same bits.

use crate::common::rng;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use softscape::model::{Model, compile};
use softscape::mpm::state::{State, split_position};
use softscape::mpm::twin::{Precision, simulator};
use softscape::rollout::*;
use softscape::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

/// Against central differences in f64 (numerics.md 4).
const TOLERANCE: f64 = 1e-6;
/// Steps of the differences relative to the scale of an input; the best counts: a larger one bends
/// with the curve, a smaller one drowns in round-off.
const STEPS: [f64; 3] = [1e-4, 1e-5, 1e-6];

/// A block that falls on rough ground while a soft sphere, driven in four ways, pushes it.
fn scene(material: &str, rest: &str) -> String {
    format!(
        r#"
format = 1
name = "pushed {material}"
[world]
cell_width = 0.02
control_secs = 0.01
[[body]]
name = "block"
material = "{material}"
shape = {{ type = "box", size = [0.08, 0.08, 0.08] }}
position = [0.0, 0.0, 0.045]
velocity = [0.0, 0.1, -0.5]
angular_velocity = [1.0, -0.5, 2.0]
[[collider]]
name = "floor"
shape = {{ type = "half_space" }}
contact = {{ type = "separate", friction = 0.4 }}
[[collider]]
name = "pusher"
shape = {{ type = "capsule", radius = 0.03, length = 0.04 }}
position = [-0.075, 0.02, 0.045]
contact = {{ type = "separate", friction = 0.5 }}
softness = 0.02
[[effector]]
collider = "pusher"
vx = {{ min = -2.0, max = 2.0 }}
vy = {{ min = -2.0, max = 2.0 }}
wx = {{ min = -20.0, max = 20.0 }}
wz = {{ min = -20.0, max = 20.0 }}
{rest}
"#
    )
}

const MUSCLE: &str = r#"
[[muscle]]
name = "side"
body = "block"
region = { type = "box", size = [0.04, 0.08, 0.08] }
position = [0.02, 0.0, 0.045]
fibre = [0.0, 0.6, 0.8]
activation = { min = -1e4, max = 1e4 }
"#;

/// Water that resists tension: without, every particle starts at the kink of its law, where
/// differences see the mean of two slopes (the pointwise tests cover both).
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
    objective: Objective,
}

/// Seven control steps. The block's first contact with pusher and floor is among them.
fn case(material: &str, rest: &str, objective: impl FnOnce(&Model) -> Objective) -> Case {
    let scene = Scene::parse(Path::new("test.toml"), &scene(material, rest)).unwrap();
    let model = Arc::new(compile(&scene, Fidelity::Standard).unwrap());
    let mut rng = rng(7);
    let mut controls = Controls::zeros(7, model.actions.len());
    for (i, value) in controls.values_mut().iter_mut().enumerate() {
        let channel = &model.actions[i % model.actions.len()];
        *value = 0.4 * channel.upper * rng.random_range(-1.0..1.0);
        if channel.name.ends_with("vx") {
            *value = 0.6;
        }
    }
    let objective = objective(&model);
    Case { initial: model.initial.clone(), model, controls, objective }
}

fn terms(model: &Model) -> Vec<Term> {
    let count = model.particles.mass.len();
    let initial = |p| model.initial.world_position(p, model.cell_width, model.origin);
    let targets: Vec<_> = (0..count)
        .map(|p| {
            let [x, y, z] = initial(p);
            [x + 0.03, y - z, z + 0.2 * x]
        })
        .collect();
    let density = DensityTarget::from_points(
        [-0.1, -0.1, -0.04],
        0.02,
        [12, 12, 9],
        &targets,
        &model.particles.mass,
    );
    let state = |name: &str, measure, when| Term {
        name: name.into(),
        weight: 1.3,
        kind: TermKind::State { measure, particles: 0..count, when },
    };
    let scale: Vec<_> = model.actions.iter().map(|a| a.upper).collect();
    let point = Measure::CentreToPoint { point: [0.1, 0.02, 0.04], axes: [true; 3] };
    let velocity = Measure::CentreVelocity { direction: [0.6, 0.8, 0.0] };
    let way = Measure::CentreDisplacement { from: [0.0, 0.01, 0.0], direction: [0.8, 0.0, -0.6] };
    let targets = Measure::ParticlesToTargets { targets };
    let controls = |name: &str, measure| Term {
        name: name.into(),
        weight: 0.7,
        kind: TermKind::Controls(measure),
    };
    vec![
        state("centre at the end", point.clone(), When::End),
        state("centre along the way", point, When::Along),
        state("velocity at the end", velocity.clone(), When::End),
        state("velocity along the way", velocity, When::Along),
        state("way at the end", way.clone(), When::End),
        state("way along the way", way, When::Along),
        state("targets", targets, When::Along),
        state("density", Measure::Density(density), When::End),
        controls("energy", ControlMeasure::Energy { scale: scale.clone() }),
        controls("smoothness", ControlMeasure::Smoothness { scale }),
    ]
}

/// Scales at which the terms are about equally large.
fn all_terms(model: &Model) -> Objective {
    let mut terms = terms(model);
    for (term, weight) in
        terms.iter_mut().zip([90.0, 70.0, 1.0, 2.0, 5.0, 5.0, 100.0, 0.5, 0.3, 0.2])
    {
        term.weight = weight;
    }
    Objective { terms }
}

impl Case {
    fn rollout(&self) -> Rollout<'_> {
        Rollout {
            model: &self.model,
            initial: &self.initial,
            controls: &self.controls,
            objective: &self.objective,
        }
    }

    fn value(&self) -> f64 {
        let mut simulator = simulator(&self.model, Precision::F64).unwrap();
        evaluate(simulator.as_mut(), self.rollout(), &mut Settings::default()).unwrap().value
    }

    fn gradient(&self, memory_bytes: u64) -> (Outcome, Derivative) {
        let mut simulator = simulator(&self.model, Precision::F64).unwrap();
        let mut settings = Settings { memory_bytes, check_replay: true, ..Settings::default() };
        differentiate(simulator.as_mut(), self.rollout(), &mut settings).unwrap()
    }

    fn moved(&self, direction: &Direction, step: f64) -> Case {
        let mut model = Model::clone(&self.model);
        let (mut initial, mut controls) = (self.initial.clone(), self.controls.clone());
        for (value, d) in controls.values_mut().iter_mut().zip(&direction.controls) {
            *value += step * d;
        }
        for p in 0..initial.particle_count() {
            for a in 0..3 {
                let cells = initial.offset[p][a] + step * direction.x[p][a] / model.cell_width;
                let (carry, offset) = split_position(cells);
                initial.cell[p][a] += carry;
                initial.offset[p][a] = offset;
                initial.v[p][a] += step * direction.v[p][a];
            }
        }
        for (material, by) in model.materials.iter_mut().zip(&direction.materials) {
            for (parameter, by) in material.law.parameters().iter().zip(by) {
                let value = parameter.value + step * by;
                material.law = material.law.with_parameter(parameter.name, value).unwrap();
            }
        }
        Case { model: Arc::new(model), initial, controls, objective: self.objective.clone() }
    }

    /// Derivative along a direction: from the gradient, and the central differences.
    fn along(&self, derivative: &Derivative, direction: &Direction) -> (f64, Vec<f64>) {
        let difference = |step: f64| {
            (self.moved(direction, step).value() - self.moved(direction, -step).value())
                / (2.0 * step)
        };
        (direction.dot(derivative), STEPS.map(difference).to_vec())
    }
}

/// A direction in all inputs, scaled so that a step of one is large for each of them.
struct Direction {
    controls: Vec<f64>,
    x: Vec<[f64; 3]>,
    v: Vec<[f64; 3]>,
    materials: Vec<Vec<f64>>,
}

impl Direction {
    fn zero(case: &Case) -> Self {
        let count = case.initial.particle_count();
        Self {
            controls: vec![0.0; case.controls.values().len()],
            x: vec![[0.0; 3]; count],
            v: vec![[0.0; 3]; count],
            materials: case
                .model
                .materials
                .iter()
                .map(|m| vec![0.0; m.law.parameters().len()])
                .collect(),
        }
    }

    fn dot(&self, derivative: &Derivative) -> f64 {
        let flat = |list: &[[f64; 3]], bar: &[[f64; 3]]| -> f64 {
            list.iter().flatten().zip(bar.iter().flatten()).map(|(a, b)| a * b).sum()
        };
        let controls: f64 =
            self.controls.iter().zip(&derivative.controls).map(|(a, b)| a * b).sum();
        let parameters = self.materials.iter().flatten();
        let bars = derivative.materials.iter().flatten();
        controls
            + flat(&self.x, &derivative.initial_x)
            + flat(&self.v, &derivative.initial_v)
            + parameters.zip(bars).map(|(a, b)| a * b.value).sum::<f64>()
    }
}

/// One direction in each kind of input.
fn directions(case: &Case) -> Vec<(&'static str, Direction)> {
    let mut rng = rng(11);
    let vectors = |rng: &mut ChaCha8Rng, scale: f64| -> Vec<[f64; 3]> {
        let count = case.initial.particle_count();
        (0..count).map(|_| std::array::from_fn(|_| scale * rng.random_range(-1.0..1.0))).collect()
    };
    let width = case.model.actions.len();
    let controls = (0..case.controls.values().len())
        .map(|i| case.model.actions[i % width].upper * rng.random_range(-1.0..1.0))
        .collect();
    let mut list = vec![
        ("controls", Direction { controls, ..Direction::zero(case) }),
        (
            "initial x",
            Direction {
                x: vectors(&mut rng, 0.1 * case.model.cell_width),
                ..Direction::zero(case)
            },
        ),
        ("initial v", Direction { v: vectors(&mut rng, 1.0), ..Direction::zero(case) }),
    ];
    for (m, material) in case.model.materials.iter().enumerate() {
        for (k, parameter) in material.law.parameters().iter().enumerate() {
            // At zero it stands at the end of its range and has no scale to step by.
            if parameter.value == 0.0 {
                continue;
            }
            let mut direction = Direction::zero(case);
            direction.materials[m][k] = parameter.value;
            list.push((parameter.name, direction));
        }
    }
    list
}

fn check(case: &Case, what: &str) {
    let (_, derivative) = case.gradient(DEFAULT_MEMORY_BYTES);
    for (name, direction) in directions(case) {
        let (exact, differences) = case.along(&derivative, &direction);
        let error = |d: &f64| (d - exact).abs() / exact.abs();
        let best = differences.iter().map(error).fold(f64::INFINITY, f64::min);
        assert!(best < TOLERANCE, "{what}, {name}: {exact} against {differences:?} ({best:.1e})");
    }
}

#[test]
fn every_term_has_the_derivative_that_central_differences_see() {
    let everything = case("jelly", MUSCLE, |model| Objective { terms: terms(model) });
    for term in &everything.objective.terms {
        let objective = Objective { terms: vec![term.clone()] };
        let one = case("jelly", MUSCLE, |_| objective);
        let (_, derivative) = one.gradient(DEFAULT_MEMORY_BYTES);
        let is_state = matches!(term.kind, TermKind::State { .. });
        for (name, direction) in directions(&one) {
            if !is_state && name != "controls" {
                assert_eq!(direction.dot(&derivative), 0.0, "{} by {name}", term.name);
                continue;
            }
            let (exact, differences) = one.along(&derivative, &direction);
            let error = |d: &f64| (d - exact).abs() / exact.abs();
            let best = differences.iter().map(error).fold(f64::INFINITY, f64::min);
            assert!(
                best < TOLERANCE,
                "{} by {name}: {exact} against {differences:?} ({best:.1e})",
                term.name
            );
        }
    }
}

#[test]
fn a_liquid_has_the_derivatives_that_central_differences_see() {
    check(&case("bound_water", BOUND_WATER, all_terms), "liquid");
}

#[test]
fn sand_has_the_derivatives_that_central_differences_see() {
    check(&case("wet-sand", "", all_terms), "sand");
}

#[test]
fn the_remainder_of_the_linearisation_shrinks_with_the_square_of_the_step() {
    let case = case("jelly", MUSCLE, all_terms);
    let (outcome, derivative) = case.gradient(DEFAULT_MEMORY_BYTES);
    let (_, direction) = directions(&case).swap_remove(0);
    let slope = direction.dot(&derivative);
    let remainder =
        |step: f64| (case.moved(&direction, step).value() - outcome.value - step * slope).abs();
    let steps = [1e-4, 5e-5, 2.5e-5, 1.25e-5];
    let remainders = steps.map(remainder);
    for pair in remainders.windows(2) {
        let order = (pair[0] / pair[1]).log2();
        assert!((order - 2.0).abs() < 0.1, "order {order} in {remainders:?}");
    }
    // Control: with a wrong slope the remainder is of first order.
    let wrong = |step: f64| (remainder(step) - 1e-4 * step * slope).abs();
    let order = (wrong(5e-5) / wrong(2.5e-5)).log2();
    assert!((order - 2.0).abs() > 0.1, "a wrong slope passes with order {order}");
}

#[test]
fn every_checkpoint_budget_gives_the_same_bits() {
    let case = case("jelly", MUSCLE, all_terms);
    let state_bytes = simulator(&case.model, Precision::F64).unwrap().state_bytes();
    let observations = 10 * 48 * case.initial.particle_count() as u64;
    let (outcome, reference) = case.gradient(u64::MAX);
    assert_eq!(reference.replayed_substeps, 0);
    let mut previous = 0;
    for states in [24, 9, 4] {
        let (value, derivative) = case.gradient(observations + states * state_bytes);
        assert_eq!(value.value.to_bits(), outcome.value.to_bits());
        assert_eq!(derivative.controls, reference.controls, "{states} states");
        assert_eq!(derivative.initial_x, reference.initial_x, "{states} states");
        assert_eq!(derivative.initial_v, reference.initial_v, "{states} states");
        assert_eq!(derivative.materials, reference.materials, "{states} states");
        assert!(derivative.replayed_substeps > previous);
        previous = derivative.replayed_substeps;
    }
}

//! The search for parameters held against the adjoint, and against a motion that has many minima.

use softscape::identify::{Laboratory, Observed, Parameter, Search, Seen, identify, predict};
use softscape::model::{Model, compile};
use softscape::mpm::twin::{Precision, simulator};
use softscape::rollout::{
    Controls, Measure, Objective, Rollout, Settings, Term, TermKind, When, differentiate,
};
use softscape::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

/// A cube of 64 particles that is thrown with spin; it rings many times while it is observed.
const SCENE: &str = r#"
format = 1
[world]
cell_width = 0.1
control_secs = 0.01
substep_secs = 1e-3
duration_secs = 0.5
gravity = [0.0, 0.0, 0.0]
[[material]]
name = "flesh"
density = 1000.0
law = { type = "elastic", young_modulus = 1e5, poisson_ratio = 0.3 }
[[body]]
name = "cube"
material = "flesh"
shape = { type = "box", size = [0.2, 0.2, 0.2] }
angular_velocity = [0.0, 0.0, 15.0]
"#;

fn model() -> Arc<Model> {
    let scene = Scene::parse(Path::new("thrown.toml"), SCENE).unwrap();
    Arc::new(compile(&scene, Fidelity::Standard).unwrap())
}

fn laboratory<'a>(model: &'a Model, controls: &'a Controls) -> Laboratory<'a> {
    Laboratory {
        model,
        controls,
        make: &|model| simulator(model, Precision::F64),
        substep_fixed: true,
        max_speed: None,
        cancel: None,
    }
}

fn observed(laboratory: &Laboratory, steps: Vec<usize>) -> Observed {
    let seen = Seen::all(laboratory.model);
    let values = predict(laboratory, laboratory.model.clone(), &seen, &steps).unwrap().unwrap();
    Observed { seen, steps, values }
}

#[test]
fn a_vibration_of_many_periods_is_fitted_through_its_beginning() {
    let model = model();
    let controls = Controls::zeros(50, 0);
    let laboratory = laboratory(&model, &controls);
    let observed = observed(&laboratory, (0..=50).collect());
    let parameters = [Parameter::find(&model, "young_modulus").unwrap()];
    for guess in [3e4, 4e5] {
        let search = Search {
            parameters: &parameters,
            guess: &[guess],
            intervals: &[[1e3, 5e5]],
            noise: 1e-5,
            difference: 1e-4,
            iterations: 30,
        };
        let mut stages = Vec::new();
        let fitted =
            identify(&laboratory, &observed, &search, &mut |p| stages.push(p.looks)).unwrap();
        assert!((fitted.values[0] / 1e5 - 1.0).abs() < 1e-4, "from {guess}: {:?}", fitted.values);
        assert!(stages[0] < 30, "from {guess}: the first stage saw {} looks", stages[0]);
    }
}

#[test]
fn the_differences_of_a_motion_agree_with_its_adjoint() {
    let model = model();
    let steps = 8;
    let controls = Controls::zeros(steps, 0);
    let laboratory = laboratory(&model, &controls);
    let targets: Vec<[f64; 3]> =
        (0..64).map(|p| [0.01 * f64::from(p % 7), 0.02, -0.01 * f64::from(p % 3)]).collect();
    let objective = Objective {
        terms: vec![Term {
            name: "misfit".into(),
            weight: 1.0,
            kind: TermKind::State {
                measure: Measure::ParticlesToTargets { targets: targets.clone() },
                particles: 0..64,
                when: When::End,
            },
        }],
    };
    let rollout = Rollout {
        model: &model,
        initial: &model.initial,
        controls: &controls,
        objective: &objective,
    };
    let mut twin = simulator(&model, Precision::F64).unwrap();
    let (_, derivative) = differentiate(twin.as_mut(), rollout, &mut Settings::default()).unwrap();

    // The same misfit from predictions, as the search computes it.
    let parameter = Parameter::find(&model, "flesh.young_modulus").unwrap();
    let misfit = |factor: f64| {
        let mut other = Model::clone(&model);
        parameter.set(&mut other, factor * parameter.value(&model));
        let seen = predict(&laboratory, other, &Seen::all(&model), &[steps]).unwrap().unwrap();
        let squares = seen[0].iter().zip(targets.iter().flatten()).map(|(a, b)| (a - b).powi(2));
        squares.sum::<f64>() / 64.0
    };
    const STEP: f64 = 1e-4;
    let by_differences = (misfit(1.0 + STEP) - misfit(1.0 - STEP)) / (2.0 * STEP);
    let by_adjoint = derivative.materials[0][0].value * parameter.value(&model);
    // Central differences at this step: curvature gives about STEP².
    assert!(
        (by_differences / by_adjoint - 1.0).abs() < 1e-5,
        "{by_differences} against {by_adjoint}"
    );
}

#[test]
fn an_angle_is_sought_in_the_unit_of_its_name() {
    let sand = SCENE.replace(
        "\"elastic\", young_modulus = 1e5, poisson_ratio = 0.3",
        "\"sand\", young_modulus = 1e5, poisson_ratio = 0.3, friction_angle_deg = 30.0",
    );
    let scene = Scene::parse(Path::new("sand.toml"), &sand).unwrap();
    let mut model = compile(&scene, Fidelity::Standard).unwrap();
    let degrees = Parameter::find(&model, "flesh.friction_angle_deg").unwrap();
    let radians = Parameter::find(&model, "friction_angle").unwrap();
    assert!((degrees.value(&model) - 30.0).abs() < 1e-12);
    degrees.set(&mut model, 45.0);
    assert!((radians.value(&model) - std::f64::consts::FRAC_PI_4).abs() < 1e-12);
    let back = degrees.from_coordinate(degrees.to_coordinate(45.0));
    assert!((back - 45.0).abs() < 1e-10);
}

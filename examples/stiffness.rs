//! A material from what it did: the stiffness of a jelly cube, found from where its particles went.

use softscape::model::{Law, Model, compile};
use softscape::mpm::simulator::Observation;
use softscape::mpm::twin::Twin;
use softscape::rollout::{
    Controls, Measure, Objective, Rollout, Settings, Term, TermKind, When, differentiate, evaluate,
};
use softscape::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

const TRUE_MODULUS: f64 = 2e4;
/// Shorter than a vibration: over more of it, a softer cube in another phase looks alike.
const CONTROL_STEPS: usize = 4;

/// A cube that is let go while it stretches and shears.
fn cube(young_modulus: f64) -> Result<Model, Box<dyn std::error::Error>> {
    let text = r#"
format = 1
[world]
cell_width = 0.04
gravity = [0.0, 0.0, 0.0]
control_secs = 0.01
substep_secs = 0.0005
[[body]]
name = "cube"
material = "jelly"
shape = { type = "box", size = [0.2, 0.2, 0.2] }
velocity_gradient = [[2.0, 0.0, 1.0], [0.0, -1.0, 0.0], [0.0, 0.5, -1.0]]
"#;
    let scene = Scene::parse(Path::new("cube.toml"), text)?;
    let mut model = compile(&scene, Fidelity::Standard)?;
    model.materials[0].law = Law::Elastic { young_modulus, poisson_ratio: 0.3 };
    Ok(model)
}

/// Runs with a modulus: the objective, its derivative by the modulus, and where everything ended.
fn run(
    modulus: f64,
    goal: &Objective,
) -> Result<(f64, f64, Observation), Box<dyn std::error::Error>> {
    let model = Arc::new(cube(modulus)?);
    let controls = Controls::zeros(CONTROL_STEPS, 0);
    let rollout =
        Rollout { model: &model, initial: &model.initial, controls: &controls, objective: goal };
    let mut twin = Twin::<f64>::new(&model)?;
    if goal.terms.is_empty() {
        return Ok((0.0, 0.0, evaluate(&mut twin, rollout, &mut Settings::default())?.last));
    }
    let (outcome, derivative) = differentiate(&mut twin, rollout, &mut Settings::default())?;
    Ok((outcome.value, derivative.materials[0][0].value, outcome.last))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (_, _, seen) = run(TRUE_MODULUS, &Objective::default())?;
    let measure = Measure::ParticlesToTargets { targets: seen.x };
    let particles = 0..cube(TRUE_MODULUS)?.particles.mass.len();
    let kind = TermKind::State { measure, particles, when: When::End };
    let goal = Objective { terms: vec![Term { name: "match".into(), weight: 1.0, kind }] };

    // The derivative vanishes at the minimum: the secant method looks for its zero.
    let (mut before, mut modulus) = (1e4, 1.2e4);
    let mut slope_before = run(before, &goal)?.1;
    for iteration in 0..12 {
        let (value, slope, _) = run(modulus, &goal)?;
        println!("{iteration}: modulus {modulus:.1} Pa, misfit {value:.2e} m²");
        if (modulus - before).abs() < 1e-6 * modulus {
            break;
        }
        let next = modulus - slope * (modulus - before) / (slope - slope_before);
        (before, slope_before, modulus) = (modulus, slope, next.clamp(2e3, 1e5));
    }
    assert!((modulus / TRUE_MODULUS - 1.0).abs() < 1e-3, "the modulus is found to a permille");
    Ok(())
}

//! A task through the gradient: ten steps of Adam on the motion of a sphere that pushes a cube.

use softscape::model::compile;
use softscape::mpm::twin::Twin;
use softscape::optim::{Adam, AdamOptions, Evaluation, Optimizer};
use softscape::rollout::{Rollout, Settings, differentiate};
use softscape::scene::{Fidelity, Scene};
use softscape::task::Task;
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenes = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes");
    let scene = Scene::load(&scenes.join("push-cube.toml"))?;
    let model = Arc::new(compile(&scene, Fidelity::Preview)?);
    let task = Task::compile(&scene, &model)?;
    let mut simulator = Twin::<f32>::new(&model)?;

    let space = task.search_space(&model);
    let mut adam = Adam::new(&space.start(), space.bounds(), AdamOptions::default())?;
    let mut values = Vec::new();
    for iteration in 0..10 {
        let point = adam.ask().remove(0);
        let controls = space.controls(&point);
        let rollout = Rollout {
            model: &model,
            initial: &model.initial,
            controls: &controls,
            objective: &task.objective,
        };
        // Forward, then back through time: the derivative by every action.
        let (outcome, derivative) =
            differentiate(&mut simulator, rollout, &mut Settings::default())?;
        println!("iteration {iteration}: objective {:.4}", outcome.value);
        values.push(outcome.value);
        let gradient = space.controls_adj(&derivative.controls);
        adam.tell(&[Evaluation { value: outcome.value, gradient: Some(gradient) }])?;
    }
    let best = values.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(best < 0.5 * values[0], "ten steps take the cube well towards its goal");
    Ok(())
}

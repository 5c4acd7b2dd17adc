//! A nozzle that swings over a block on a floor, and two sinks that both fall into.

use super::rng;
use rand::Rng;
use softscape::agents::{Drive, drive};
use softscape::model::{Model, compile};
use softscape::rollout::Controls;
use softscape::scene::{Fidelity, Scene};
use std::path::Path;

pub const CONTROL_STEPS: usize = 7;

/// Paste from a square nozzle, and a block of the same on rough ground. One sink takes the lowest of
/// the block, the other a part of the stream.
pub const SCENE: &str = r#"
format = 1
[world]
cell_width = 0.02
control_secs = 0.01
substep_secs = 5e-4
[[material]]
name = "paste"
density = 1000.0
law = { type = "elastic", young_modulus = 3e4, poisson_ratio = 0.3 }
[[body]]
name = "block"
material = "paste"
shape = { type = "box", size = [0.08, 0.08, 0.04] }
position = [0.0, 0.0, 0.025]
velocity = [0.0, 0.1, -0.5]
[[emitter]]
name = "nozzle"
material = "paste"
opening = { type = "rectangle", size = [0.04, 0.06] }
position = [0.0, 0.0, 0.1]
direction = [0.28, 0.0, -0.96]
speed = 1.5
stop_secs = 0.06
jitter = 0.3
seed = 3
velocity = [0.1, 0.0, 0.0]
angular_velocity = [0.0, 1.0, 0.5]
[[sink]]
name = "drain"
region = { type = "box", size = [1.0, 1.0, 0.1] }
position = [0.0, 0.0, -0.044]
[[sink]]
name = "ball"
region = { type = "sphere", radius = 0.02 }
position = [0.02, 0.04, 0.07]
[[collider]]
name = "floor"
shape = { type = "half_space" }
contact = { type = "separate", friction = 0.4 }
[[collider]]
name = "pusher"
shape = { type = "sphere", radius = 0.03 }
position = [-0.075, 0.0, 0.04]
contact = { type = "separate", friction = 0.5 }
softness = 0.02
[[effector]]
emitter = "nozzle"
vx = { min = -2.0, max = 2.0 }
vz = { min = -1.0, max = 1.0 }
wx = { min = -10.0, max = 10.0 }
wz = { min = -10.0, max = 10.0 }
[[effector]]
collider = "pusher"
vx = { min = -1.0, max = 1.0 }
"#;

pub fn model_of(text: &str) -> Model {
    let scene = Scene::parse(Path::new("test.toml"), text).unwrap();
    compile(&scene, Fidelity::Standard).unwrap()
}

pub fn model() -> Model {
    model_of(SCENE)
}

/// Every channel at random.
pub fn controls(model: &Model) -> Controls {
    let mut rng = rng(5);
    let mut controls = Controls::zeros(CONTROL_STEPS, model.actions.len());
    for (i, value) in controls.values_mut().iter_mut().enumerate() {
        *value = 0.5 * model.actions[i % model.actions.len()].upper * rng.random_range(-1.0..1.0);
    }
    controls
}

pub fn motion(model: &Model) -> Drive {
    drive(model, controls(model).values(), CONTROL_STEPS)
}

/// The same world, by some cells elsewhere.
pub fn shifted(model: &Model, cells: [i32; 3]) -> Model {
    let mut moved = model.clone();
    moved.origin = std::array::from_fn(|a| model.origin[a] + cells[a]);
    for p in model.initial.present() {
        moved.initial.cell[p] = std::array::from_fn(|a| model.initial.cell[p][a] + cells[a]);
    }
    moved
}

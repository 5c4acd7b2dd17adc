//! Meshes and ground on the GPU against the f64 twin, forward and back, and bit by bit repeated.

use crate::common::meshes::{ball, obj};
use crate::device_rigid::{compare, repeats};
use softscape::model::{Model, compile};
use softscape::scene::{Fidelity, Scene};
use std::sync::{Arc, OnceLock};

/// Jelly falls on hilly ground, a rigid mesh on both, and a soft mesh that moves and turns pushes
/// them. The mesh is an octahedron with its edges halved once: it has edges to round off. The marble
/// lies off the lines y = 0 and x = 0.075, where the ground's curvature jumps: on them round-off
/// decides which side a derivative takes.
const SCENE: &str = r#"
format = 1
[world]
cell_width = 0.02
control_secs = 0.01
[[body]]
name = "jelly"
material = "jelly"
shape = { type = "box", size = [0.16, 0.12, 0.06] }
position = [0.0, 0.0, 0.06]
velocity = [0.0, 0.05, -0.4]
[[rigid_body]]
name = "rock"
density = 800.0
shape = { type = "mesh", file = "rock.obj", scale = 0.4 }
position = [0.01, 0.0, 0.133]
velocity = [0.1, 0.0, -0.6]
angular_velocity = [1.0, -1.5, 0.5]
contact = { type = "separate", friction = 0.4 }
[[rigid_body]]
name = "marble"
mass = 0.3
shape = { type = "sphere", radius = 0.03 }
position = [0.16, 0.013, 0.042]
velocity = [-0.2, 0.0, -0.5]
contact = { type = "separate", friction = 0.3 }
[[collider]]
name = "ground"
contact = { type = "separate", friction = 0.4 }
shape = { type = "height_field", size = [0.6, 0.4], heights = { type = "rows", rows = [
    [0.0, 0.01, 0.0, -0.01], [0.01, 0.02, 0.01, 0.0], [0.0, 0.02, 0.0, 0.0],
    [0.01, 0.01, 0.0, 0.0], [0.0, -0.01, 0.01, 0.0]] } }
[[collider]]
name = "pusher"
shape = { type = "mesh", file = "rock.obj", scale = 0.3 }
position = [-0.125, 0.0, 0.06]
velocity = [0.8, 0.0, 0.0]
angular_velocity = [0.0, 3.0, 1.0]
contact = { type = "separate", friction = 0.5 }
softness = 0.02
"#;

fn model() -> Arc<Model> {
    static MODEL: OnceLock<Arc<Model>> = OnceLock::new();
    let compiled = || {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rock.obj"), obj(&ball([0.01, 0.0, 0.0], 0.1, 1)))
            .unwrap();
        let scene = Scene::parse(&folder.path().join("test.toml"), SCENE).unwrap();
        Arc::new(compile(&scene, Fidelity::Standard).unwrap_or_else(|e| panic!("{e}")))
    };
    Arc::clone(MODEL.get_or_init(compiled))
}

#[test]
fn a_few_substeps_with_meshes_and_ground_are_the_twins_forward_and_back() {
    compare(&model(), 1, 1e-5, 1e-4);
    compare(&model(), 4, 1e-5, 1e-4);
}

#[test]
fn forty_substeps_with_meshes_and_ground_are_the_twins_forward_and_back() {
    compare(&model(), 40, 1e-4, 1e-3);
}

#[test]
fn runs_with_meshes_and_ground_repeat_bit_by_bit() {
    repeats(&model(), 20);
}

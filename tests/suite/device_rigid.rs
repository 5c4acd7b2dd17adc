//! Free rigid bodies on the GPU against the f64 twin, forward and back, and bit by bit repeated.

use crate::adapter;

use crate::common::models::relative_error;
use softscape::agents::drive;
use softscape::math::Vec3;
use softscape::model::{Model, compile};
use softscape::mpm::device::GpuSimulator;
use softscape::mpm::simulator::{Gradient, ObservationCotangent, Simulator};
use softscape::mpm::state::{RigidCotangent, RigidMotion, State};
use softscape::mpm::twin::{self, Precision};
use softscape::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

const SUBSTEPS: usize = 40;
/// Relative; f32 round-off over the substeps, contact among solids included.
const FORWARD: f64 = 1e-4;
/// What the project asks of a gradient over 100 substeps.
const GRADIENT: f64 = 1e-3;

/// A box with a shifted centre of mass falls on jelly, a ball on the box, a cylinder on the floor; a
/// soft capsule pushes the jelly.
const SCENE: &str = r#"
format = 1
[world]
cell_width = 0.02
control_secs = 0.01
[[body]]
name = "bed"
material = "jelly"
shape = { type = "box", size = [0.16, 0.12, 0.06] }
position = [0.0, 0.0, 0.03]
velocity = [0.0, 0.05, -0.1]
[[rigid_body]]
name = "box"
density = 800.0
shape = { type = "box", size = [0.07, 0.06, 0.05] }
position = [0.0, 0.0, 0.0855]
center_of_mass = [0.004, -0.003, -0.005]
velocity = [0.1, 0.0, -0.6]
angular_velocity = [1.0, -1.5, 0.5]
contact = { type = "separate", friction = 0.4 }
[[rigid_body]]
name = "ball"
mass = 0.05
shape = { type = "sphere", radius = 0.02 }
position = [0.012, 0.005, 0.131]
velocity = [0.0, 0.1, -0.9]
contact = { type = "separate", friction = 0.3 }
[[rigid_body]]
name = "drum"
mass = 0.3
shape = { type = "cylinder", radius = 0.03, length = 0.05 }
position = [0.15, 0.0, 0.0325]
rotation = { axis = [1.0, 0.0, 0.0], angle_deg = 85.0 }
velocity = [-0.2, 0.0, -0.5]
contact = { type = "separate", friction = 0.3 }
[[collider]]
name = "floor"
shape = { type = "half_space" }
contact = { type = "separate", friction = 0.4 }
[[collider]]
name = "pusher"
shape = { type = "capsule", radius = 0.02, length = 0.06 }
position = [-0.105, 0.0, 0.03]
rotation = { axis = [1.0, 0.0, 0.0], angle_deg = 90.0 }
velocity = [0.8, 0.0, 0.0]
contact = { type = "separate", friction = 0.5 }
softness = 0.02
"#;

fn model() -> Arc<Model> {
    let scene = Scene::parse(Path::new("test.toml"), SCENE).unwrap();
    Arc::new(compile(&scene, Fidelity::Standard).unwrap_or_else(|e| panic!("{e}")))
}

fn run(model: &Model, simulator: &mut dyn Simulator, substeps: usize) -> (State<f64>, Gradient) {
    let control_steps = substeps.div_ceil(model.substeps_per_control);
    simulator.drive(&drive(model, &[], control_steps)).unwrap();
    simulator.forward_recorded(0..substeps).unwrap();
    let state = simulator.read().unwrap();
    simulator.begin_reverse().unwrap();
    let n = state.particle_count();
    let noise = |i: usize| ((i as f64 + 1.0) * 12.9898).sin();
    let vector = |i: usize| Vec3(std::array::from_fn(|a| noise(3 * i + a)));
    let seed = ObservationCotangent {
        x: (0..n).map(|p| (vector(p) * 0.02).0).collect(),
        v: vec![[0.0; 3]; n],
        rigid: (0..state.rigid.len())
            .map(|b| RigidCotangent {
                position: vector(7 * b),
                rotation: vector(7 * b + 1) * 0.1,
                velocity: vector(7 * b + 2) * 0.1,
                angular_velocity: vector(7 * b + 3) * 0.01,
            })
            .collect(),
    };
    simulator.seed(&seed).unwrap();
    simulator.reverse(0..substeps).unwrap();
    (state, simulator.gradient().unwrap())
}

fn motion_numbers(model: &Model, motions: &[RigidMotion<f64>]) -> [Vec<f64>; 4] {
    let h = model.cell_width;
    [
        motions.iter().flat_map(|m| m.world_position(h, model.origin)).collect(),
        motions.iter().flat_map(|m| m.rotation).collect(),
        motions.iter().flat_map(|m| m.velocity.0).collect(),
        motions.iter().flat_map(|m| m.angular_velocity.0).collect(),
    ]
}

fn gradient_numbers(g: &Gradient) -> Vec<(&'static str, Vec<f64>)> {
    let rigid = &g.initial.rigid;
    let moving = g.drive.poses.iter().skip(1).step_by(2);
    vec![
        ("x", g.initial.x.iter().flat_map(|v| v.0).collect()),
        ("v", g.initial.v.iter().flat_map(|v| v.0).collect()),
        ("body position", rigid.iter().flat_map(|b| b.position.0).collect()),
        ("body rotation", rigid.iter().flat_map(|b| b.rotation.0).collect()),
        ("body velocity", rigid.iter().flat_map(|b| b.velocity.0).collect()),
        ("body spin", rigid.iter().flat_map(|b| b.angular_velocity.0).collect()),
        ("mass", g.rigid.iter().map(|b| b.mass).collect()),
        ("inertia", g.rigid.iter().flat_map(|b| b.inertia.0).flatten().collect()),
        ("collider position", moving.clone().flat_map(|p| p.position.0).collect()),
        ("collider velocity", moving.flat_map(|p| p.velocity.0).collect()),
    ]
}

/// Runs a model, of whose two colliders the second moves, on both; relative errors are below the
/// bounds.
pub fn compare(model: &Arc<Model>, substeps: usize, forward: f64, backward: f64) {
    let Some(gpu) = adapter::gpu() else { return };
    let mut twin = twin::simulator(model, Precision::F64).unwrap();
    let (expected, expected_gradient) = run(model, twin.as_mut(), substeps);
    let mut device = GpuSimulator::new(model, &gpu).unwrap();
    let (state, gradient) = run(model, &mut device, substeps);
    let names = ["position", "rotation", "velocity", "spin"];
    let ours = motion_numbers(model, &state.rigid);
    let theirs = motion_numbers(model, &expected.rigid);
    for ((name, a), b) in names.into_iter().zip(ours).zip(theirs) {
        let error = relative_error(a, b);
        println!("{substeps} substeps, {name}: {error:.1e}");
        assert!(error < forward, "{name} differs by {error:.1e}");
    }
    let pairs = gradient_numbers(&gradient).into_iter().zip(gradient_numbers(&expected_gradient));
    for ((name, a), (_, b)) in pairs {
        let error = relative_error(a, b);
        println!("    d/d {name}: {error:.1e}");
        assert!(error < backward, "d/d {name} differs by {error:.1e}");
    }
}

#[test]
fn a_few_substeps_of_bodies_are_the_twins_forward_and_back() {
    compare(&model(), 1, 1e-5, 1e-4);
    compare(&model(), 4, 1e-5, 1e-4);
}

#[test]
fn bodies_on_material_and_floor_and_each_other_are_the_twins_forward_and_back() {
    compare(&model(), SUBSTEPS, FORWARD, GRADIENT);
}

/// Two runs of a model give the same bits, forward and back.
pub fn repeats(model: &Arc<Model>, substeps: usize) {
    let Some(gpu) = adapter::gpu() else { return };
    let once = || run(model, &mut GpuSimulator::new(model, &gpu).unwrap(), substeps);
    let (first, second) = (once(), once());
    assert_eq!(first.0, second.0);
    assert_eq!(first.1, second.1);
}

#[test]
fn runs_with_bodies_repeat_bit_by_bit() {
    repeats(&model(), SUBSTEPS);
}

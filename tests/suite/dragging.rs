//! An effector that is dragged through ground without end, as the window does it but without one:
//! resolution follows it, it keeps to its bounds, and a reset brings back what the scene does by itself.

use crate::adapter;
use glam::DVec3;
use softscape::model::{ActionTarget, Model, compile};
use softscape::mpm::device::GpuSimulator;
use softscape::mpm::simulator::Simulator;
use softscape::mpm::state::{Chunk, State};
use softscape::mpm::twin::{Precision, simulator};
use softscape::render::{Paint, Quantity, Show};
use softscape::scene::{Fidelity, Scene};
use softscape::viewer::Playback;
use softscape::viewer::drag::{Plane, Ray, channels_of_agents};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Sand without end below a box that touches none of its nodes and moves along x by itself; chunks are
/// 32 cm wide.
const SCENE: &str = r#"format = 1
[world]
cell_width = 0.02
control_secs = 0.0125
duration_secs = 0.05
max_speed = 2.0
[[material]]
name = "sand"
density = 1600.0
law = { type = "sand", young_modulus = 2e5, poisson_ratio = 0.2, friction_angle_deg = 32.0 }
[terrain]
bottom = -0.24
particles_per_cell = 8
[[terrain.layer]]
name = "ground"
material = "sand"
[[collider]]
name = "tool"
shape = { type = "box", size = [0.04, 0.04, 0.08] }
position = [0.05, 0.0, 0.121]
velocity = [0.3, 0.0, 0.0]
contact = { type = "sticky" }
[[collider]]
name = "floor"
shape = { type = "half_space" }
position = [0.0, 0.0, -0.12]
contact = { type = "sticky" }
[levels]
count = 3
agents = ["tool"]
ahead = 0.0
bands = [{ start = 0.08, width = 0.08 }, { start = 0.18, width = 0.12 }]
"#;
const FASTEST: f64 = 2.0;
/// How far it is dragged [m]: more than a chunk.
const WAY: f64 = 0.5;

fn model() -> Model {
    let scene = Scene::parse(Path::new("ground.toml"), SCENE).expect("the scene is good");
    compile(&scene, Fidelity::Standard).expect("the scene compiles")
}

fn on_cpu(model: &Arc<Model>) -> Box<dyn Simulator> {
    simulator(model, Precision::F32).expect("the model is good")
}

fn playback(make: &dyn Fn(&Arc<Model>) -> Box<dyn Simulator>) -> Playback {
    let model = Arc::new(model());
    let substeps = (0.05 / model.substep_secs).round() as usize;
    let mut show = Show::new(model, &[], substeps);
    show.add_channels(channels_of_agents(&show.model, FASTEST));
    let simulator = make(&show.model);
    Playback::new(show, simulator, None, FASTEST).expect("the model starts")
}

/// Straight down on a place.
fn above([x, y]: [f64; 2]) -> Ray {
    Ray { start: DVec3::new(x, y, 3.0), direction: -DVec3::Z }
}

fn grab(playback: &mut Playback, ray: &Ray) -> bool {
    let paint = Paint::new(Quantity::Level, &playback.show.model);
    let frame = playback.show.frame(playback.state(), playback.substep(), &paint);
    playback.grab(&frame.solids, ray)
}

fn tool(playback: &Playback) -> [f64; 3] {
    let grip = &playback.grips()[0];
    let at = grip.position(&playback.show, playback.substep()).expect("something is driven");
    at.to_array()
}

/// Distances along y of the particles of the finest level from a place, the nearest and the farthest.
fn finest(model: &Model, state: &State<f64>, y: f64) -> [f64; 2] {
    let level = &state.particles_or(&model.particles).level;
    let fine = (0..state.particle_count()).filter(|&p| level[p] == 0);
    let away = fine.map(|p| (state.world_position(p, model.cell_width, model.origin)[1] - y).abs());
    away.fold([f64::INFINITY, 0.0], |[near, far], d| [near.min(d), far.max(d)])
}

/// Plays until it is within a millimetre of where it is dragged to; how many control steps that took.
fn play(playback: &mut Playback, goal: [f64; 2]) -> usize {
    let before = playback.substep();
    let per_control = playback.show.model.substeps_per_control;
    while (tool(playback)[1] - goal[1]).abs() > 1e-3 {
        playback.pass(Duration::from_millis(50));
        assert_eq!(playback.failure(), None);
        assert!(playback.substep() - before < 100 * per_control, "it does not get there");
    }
    (playback.substep() - before) / per_control
}

fn follow(make: &dyn Fn(&Arc<Model>) -> Box<dyn Simulator>) {
    let mut playback = playback(make);
    let model = playback.show.model.clone();
    let recorded = playback.show.drive.clone();
    assert!(!grab(&mut playback, &above([0.05, 0.1])), "there is nothing to take hold of");
    assert!(grab(&mut playback, &above([0.05, 0.0])));
    playback.pull(&above([0.05, WAY]), Plane::Level);
    let steps = play(&mut playback, [0.05, WAY]);

    // It went no faster than it may, so that it took its time, and in its plane.
    let control_secs = model.substep_secs * model.substeps_per_control as f64;
    assert!(steps as f64 * control_secs > WAY / FASTEST, "{steps} control steps");
    assert!(playback.substep() > recorded.substeps(), "a drag has no end");
    for substep in 0..playback.substep() {
        let pose = playback.show.drive.poses_at(substep)[0];
        let speed = pose.velocity.norm_squared().sqrt();
        assert!(speed <= FASTEST * (1.0 + 1e-12), "{speed} m/s at substep {substep}");
        assert!(pose.velocity[2].abs() < 1e-9, "{:?}", pose.velocity);
    }
    // The fine sand is around it now, and no longer where it was.
    let state = playback.state();
    let [nearest, farthest] = finest(&model, state, WAY);
    assert!(nearest < 0.04, "the nearest fine particle is {nearest} m away");
    assert!(farthest < WAY - 0.1, "a fine particle was left behind, {farthest} m away");
    let sleep = model.levels.sleep.as_ref().expect("it has terrain");
    let edge = f64::from(sleep.chunk_cells) * model.cell_width;
    let key = [0.05, WAY].map(|x: f64| (x / edge).floor() as i32);
    assert_ne!(key, [0, 0], "it is another chunk than it began in");
    assert!(matches!(state.chunks.get(&key), Some(Chunk::Awake { .. })), "{:?}", state.chunks);

    // Let go, it does as the scene says; it was not playing before.
    playback.release();
    assert!(!playback.playing && playback.dragged().is_none());
    playback.reset();
    assert_eq!(playback.show.drive, recorded);
    playback.step(model.substeps_per_control);
    let mut alone = make(&model);
    alone.drive(&recorded).expect("it fits the model");
    alone.forward(0..model.substeps_per_control).expect("the scene runs");
    assert_eq!(playback.state(), &alone.read().expect("it can be read"));
}

#[test]
fn finer_particles_follow_an_effector_that_is_dragged_over_more_than_a_chunk() {
    follow(&on_cpu);
}

#[test]
fn finer_particles_follow_it_on_the_device_too() {
    let Some(gpu) = adapter::gpu() else { return };
    follow(&|model| Box::new(GpuSimulator::new(model, &gpu).expect("the model is good")));
}

#[test]
fn what_is_let_go_goes_on_with_what_the_scene_says() {
    let mut playback = playback(&on_cpu);
    let model = playback.show.model.clone();
    let per_control = model.substeps_per_control;
    assert!(grab(&mut playback, &above([0.05, 0.0])));
    // Up: the plane is upright, and seen along y.
    let ray = Ray { start: DVec3::new(0.05, -2.0, 0.25), direction: DVec3::Y };
    playback.pull(&ray, Plane::Upright(DVec3::Y));
    playback.step(per_control);
    playback.release();
    playback.step(per_control);
    let velocity = |substep: usize| playback.show.drive.poses_at(substep)[0].velocity.0;
    let [dragged, left] = [velocity(0), velocity(per_control)];
    assert!(dragged[2] > 0.1 && dragged[0].abs() < 0.1, "{dragged:?}");
    assert_eq!(left, [0.3, 0.0, 0.0]);
}

#[test]
fn a_nozzle_is_dragged_within_its_channels_and_what_it_pours_comes_from_where_it_is() {
    let scene = Scene::load(Path::new("scenes/pour.toml")).expect("the scene ships");
    let model = Arc::new(compile(&scene, Fidelity::Preview).expect("the scene compiles"));
    let show = Show::new(model.clone(), &[], model.substeps_per_control);
    let twin = simulator(&model, Precision::F32).expect("the model is good");
    let mut playback = Playback::new(show, twin, None, FASTEST).expect("the model starts");
    let start = model.emitters[0].pose.position.0;
    assert!(grab(&mut playback, &above([start[0], start[1]])), "{start:?}");
    playback.pull(&above([start[0] + 1.0, start[1]]), Plane::Level);
    let per_control = model.substeps_per_control;
    playback.step(4 * per_control);
    assert_eq!(playback.failure(), None);
    let most: f64 = model
        .actions
        .iter()
        .filter(|a| a.target == ActionTarget::EmitterVelocity { emitter: 0, axis: 0 })
        .map(|a| a.upper)
        .sum();
    let drive = &playback.show.drive;
    let went = drive.nozzles_at(4 * per_control - 1)[0];
    assert!((went.velocity[0] - most).abs() < 1e-12 && most > 0.0, "{:?} of {most}", went.velocity);
    let control_secs = model.substep_secs * per_control as f64;
    let position = playback.grips()[0].position(&playback.show, playback.substep());
    let moved = position.expect("it is driven").x - start[0];
    // The pose after the last substep is a substep old.
    let expected = most * (4.0 * control_secs - model.substep_secs);
    assert!((moved - expected).abs() < 1e-9, "{moved} m of {expected}");
}

#[test]
fn a_pusher_that_is_dragged_pushes_on_both_backends_alike() {
    let Some(gpu) = adapter::gpu() else { return };
    let scene = Scene::load(Path::new("scenes/push-cube.toml")).expect("the scene ships");
    let model = Arc::new(compile(&scene, Fidelity::Preview).expect("the scene compiles"));
    let pushed = |simulator: Box<dyn Simulator>| {
        let show = Show::new(model.clone(), &[], 2 * model.substeps_per_control);
        let mut playback = Playback::new(show, simulator, None, FASTEST).expect("it starts");
        assert!(grab(&mut playback, &above([-0.12, 0.0])));
        playback.pull(&above([0.4, 0.0]), Plane::Level);
        // By parts of control steps, beyond the end of the show.
        for _ in 0..7 {
            assert!(playback.step(model.substeps_per_control * 2 / 3));
        }
        assert_eq!(playback.failure(), None);
        let state = playback.state();
        let x = |p: usize| state.world_position(p, model.cell_width, model.origin)[0];
        (0..state.particle_count()).map(x).sum::<f64>() / state.particle_count() as f64
    };
    let cpu = pushed(on_cpu(&model));
    let device = pushed(Box::new(GpuSimulator::new(&model, &gpu).expect("the model is good")));
    assert!(cpu > 2e-3, "the cube stands at {cpu} m");
    assert!((cpu - device).abs() < 1e-5, "{cpu} m and {device} m");
}

//! What is drawn over pictures: lines against what they cross, and the borders of chunks against the
//! state that they are of.

use glam::{DMat3, DVec3};
use softscape::agents::drive;
use softscape::model::{Model, Shape, compile};
use softscape::mpm::state::{Chunk, State, count_chunks};
use softscape::mpm::twin::{Precision, simulator};
use softscape::render::{
    Bounds, Camera, End, Frame, Line, Overlay, Show, Solid, THREE_QUARTER, picture,
};
use softscape::scene::{Fidelity, Scene};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const CELL_WIDTH: f64 = 0.02;
const SIZE: [u32; 2] = [160, 120];
const RED: [u8; 4] = [255, 0, 0, 255];

fn line(from: DVec3, to: DVec3) -> Line {
    let [from, to] = [from, to].map(|x| End::at([0; 3], (x / CELL_WIDTH).to_array()));
    Line { from, to, colour: RED }
}

/// A ball as a solid, and some lines.
fn frame(lines: Vec<Line>) -> Frame {
    let ball = Solid {
        shape: Shape::Sphere { radius: 0.1 },
        cell: [0; 3],
        offset: DVec3::ZERO,
        rotation: DMat3::IDENTITY,
        colour: [120, 120, 130],
    };
    Frame { cell_width: CELL_WIDTH, origin: [0; 3], balls: vec![], solids: vec![ball], lines }
}

/// How red the picture is in the two pixels around its middle, together of at most 510: a line there is a
/// pixel wide.
fn redness(lines: Vec<Line>) -> i32 {
    let frame = frame(lines);
    let mut camera =
        Camera::framing(&Bounds::of(&frame), THREE_QUARTER.0, THREE_QUARTER.1, 4.0 / 3.0);
    camera.target = DVec3::ZERO;
    let picture = picture(&frame, &camera, SIZE);
    let red = |row: u32| {
        let [r, g, ..] = picture.get_pixel(SIZE[0] / 2, row).0;
        i32::from(r) - i32::from(g)
    };
    red(SIZE[1] / 2 - 1) + red(SIZE[1] / 2)
}

#[test]
fn a_line_in_front_covers_a_hidden_one_shows_through_faintly_and_one_behind_the_eye_not_at_all() {
    let (azimuth, elevation) = THREE_QUARTER;
    let towards = DVec3::new(
        elevation.cos() * azimuth.cos(),
        elevation.cos() * azimuth.sin(),
        elevation.sin(),
    );
    let right = DVec3::new(-azimuth.sin(), azimuth.cos(), 0.0);
    let across = |depth: f64| {
        let middle = towards * depth;
        vec![line(middle - right, middle + right)]
    };
    let (none, front, behind) = (redness(vec![]), redness(across(0.15)), redness(across(-0.2)));
    assert!(front > 200, "in front {front}");
    assert!(behind > none + 10 && behind < front / 2, "hidden {behind}, without {none}");
    assert_eq!(redness(across(9.0)), none, "behind the eye");
    // One that begins behind the eye and ends in front of it is drawn as far as it can be seen.
    let through = vec![line(towards * 9.0 + right * 0.001, towards * 0.12)];
    assert!(redness(through) > 200);
}

const SCENE: &str = r#"format = 1
[world]
cell_width = 0.02
control_secs = 0.0125
max_speed = 1.0
origin_cells = [160, -320, 16]
[[material]]
name = "sand"
density = 1600.0
law = { type = "sand", young_modulus = 2e5, poisson_ratio = 0.2, friction_angle_deg = 32.0 }
[terrain]
bottom = -0.24
[[terrain.layer]]
name = "ground"
material = "sand"
[[terrain.relief]]
type = "noise"
amplitude = 0.02
wavelength = 0.8
[[collider]]
name = "tool"
shape = { type = "box", size = [0.04, 0.04, 0.08] }
position = [0.05, 0.0, 0.121]
contact = { type = "sticky" }
[[collider]]
name = "floor"
shape = { type = "half_space" }
position = [0.0, 0.0, -0.12]
contact = { type = "sticky" }
[levels]
count = 3
agents = ["tool"]
"#;

fn model() -> Arc<Model> {
    let scene = Scene::parse(Path::new("ground.toml"), SCENE).expect("the scene is good");
    Arc::new(compile(&scene, Fidelity::Standard).expect("the scene compiles"))
}

fn after_a_control_step(model: &Arc<Model>) -> State<f64> {
    let mut simulator = simulator(model, Precision::F32).expect("the model is good");
    simulator.drive(&drive(model, &[], 1)).expect("it fits the model");
    simulator.forward(0..model.substeps_per_control).expect("the scene runs");
    simulator.read().expect("the CPU reads")
}

/// The middles of lines [m, world], with their colours.
fn middles(model: &Model, lines: &[Line]) -> Vec<([f64; 3], [u8; 4])> {
    let middle = |line: &Line| {
        let at = |end: &End, a: usize| {
            f64::from(end.cell[a] - model.origin[a]) + f64::from(end.offset[a])
        };
        std::array::from_fn(|a| 0.5 * (at(&line.from, a) + at(&line.to, a)) * model.cell_width)
    };
    lines.iter().map(|line| (middle(line), line.colour)).collect()
}

#[test]
fn every_chunk_has_its_border_in_the_colour_of_what_it_is() {
    let model = model();
    let state = after_a_control_step(&model);
    let show = Show::new(model.clone(), &[], model.substeps_per_control);
    let overlay = Overlay { chunks: true, levels: false };
    let lines = overlay.lines(&show, &state, model.substeps_per_control);
    let marks = overlay.legend(&model, &state);
    let colour = |name: &str| {
        let mark = marks.iter().find(|mark| mark.name.starts_with(name)).expect("it has a name");
        let [r, g, b] = mark.colour;
        [r, g, b, 255]
    };
    let sleep = model.levels.sleep.as_ref().expect("it has terrain");
    let terrain = sleep.terrain.as_ref().expect("it has terrain");
    let edge = f64::from(sleep.chunk_cells) * model.cell_width;
    let mut found = [0; 3];
    for (place, drawn) in middles(&model, &lines) {
        if drawn == colour("kept awake") {
            continue;
        }
        let key = [0, 1].map(|a| (place[a] / edge).floor() as i32);
        let (kind, expected) = match state.chunks.get(&key) {
            Some(Chunk::Awake { .. }) => (0, "awake"),
            Some(Chunk::Held { .. }) => (1, "held"),
            Some(Chunk::Asleep(_)) => panic!("nothing had time to fall asleep"),
            None => (2, "virgin"),
        };
        assert_eq!(drawn, colour(expected), "chunk {key:?}");
        found[kind] += 1;
        // On the surface, but for the posts.
        let surface = terrain.height(place[0], place[1]).0;
        let above = place[2] - surface;
        assert!(above < 0.02, "{above} m above the ground");
        assert!(above > 0.0 || (kind < 2 && place[2] > terrain.bottom), "{above} m");
    }
    // Four edges in eight parts each, and four posts.
    let count = count_chunks(&state.chunks);
    assert_eq!(found[..2], [36 * count.awake, 36 * count.held]);
    assert!(found[2] > 0 && found[2] % 32 == 0);
    assert!(marks[0].name.contains(&count.awake.to_string()), "{marks:?}");
}

#[test]
fn levels_are_said_to_end_where_the_particles_of_the_next_begin() {
    let model = model();
    let show = Show::new(model.clone(), &[], model.substeps_per_control);
    let overlay = Overlay { chunks: false, levels: true };
    let lines = overlay.lines(&show, &model.initial, 0);
    assert!(lines.len() > 40, "{} lines", lines.len());
    // The box stands above the ground, its lower face at 0.081: every end is a curve around it, at a
    // distance that a band says.
    let ends: Vec<f64> = model.levels.bands.iter().map(|band| band.start + band.width).collect();
    let agent = model.levels.agents[0];
    for (place, _) in middles(&model, &lines) {
        let gap =
            |a: usize, middle: f64| ((place[a] - middle).abs() - agent.half_extents[a]).max(0.0);
        let below = (0.081 - place[2]).max(0.0) * agent.depth_weight;
        let distance = (gap(0, 0.05).powi(2) + gap(1, 0.0).powi(2) + below.powi(2)).sqrt();
        let off = ends.iter().map(|end| (end - distance).abs()).fold(f64::INFINITY, f64::min);
        assert!(off < 0.01, "{distance} m from the agent, of {ends:?}");
    }
}

#[test]
fn an_overlay_that_a_scene_does_not_have_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (scene, overlay, said) in [
        ("scenes/plough.toml", "chunks", "nothing sleeps"),
        ("scenes/dam-break.toml", "levels", "one level of resolution"),
    ] {
        let out = folder.path().join("pic.png");
        let run = Command::new(env!("CARGO_BIN_EXE_softscape"))
            .args(["render", scene, "--device", "cpu", "--fidelity", "preview", "--substeps", "0"])
            .args(["--overlay", overlay, "--out"])
            .arg(&out)
            .output()
            .expect("the program starts");
        let text = String::from_utf8_lossy(&run.stderr).replace('\n', " ");
        assert!(!run.status.success() && text.contains(said), "{text}");
        assert!(!out.exists());
    }
}

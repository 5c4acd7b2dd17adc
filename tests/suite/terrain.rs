//! Ground without end: what it is made of, that it stays at rest, that it is the same anywhere, what is
//! refused; and the driver's gradient through ground that comes and goes.

use softscape::agents::drive;
use softscape::math::Vec3;
use softscape::model::{Model, compile, ground, summary};
use softscape::mpm::state::{Chunk, State, count_chunks};
use softscape::mpm::twin::{Precision, simulator};
use softscape::rollout::{
    Controls, Measure, Objective, Rollout, Settings, Term, TermKind, When, differentiate, evaluate,
};
use softscape::scene::{Fidelity, Scene, SceneError};
use std::path::Path;
use std::sync::Arc;

/// Sand without end below a box that touches none of its nodes; three levels.
const GOOD: &str = r#"format = 1
[world]
cell_width = 0.02
control_secs = 0.0125
max_speed = 1.0
[[material]]
name = "sand"
density = 1600.0
law = { type = "sand", young_modulus = 2e5, poisson_ratio = 0.2, friction_angle_deg = 32.0 }
[terrain]
bottom = -0.32
carve = ["tool"]
particles_per_cell = 8
[[terrain.layer]]
name = "cover"
material = "sand"
thickness = 0.08
[[terrain.layer]]
name = "ground"
material = "sand"
[[collider]]
name = "tool"
shape = { type = "box", size = [0.04, 0.04, 0.08] }
position = [0.05, 0.0, 0.071]
velocity = [0.3, 0.0, 0.0]
contact = { type = "sticky" }
[[collider]]
name = "floor"
shape = { type = "half_space" }
position = [0.0, 0.0, -0.2]
contact = { type = "sticky" }
[levels]
count = 3
agents = ["tool"]
ahead = 0.0
bands = [{ start = 0.08, width = 0.08 }, { start = 0.18, width = 0.12 }]
"#;

fn compiled(text: &str) -> Result<Model, SceneError> {
    Scene::parse(Path::new("ground.toml"), text).and_then(|s| compile(&s, Fidelity::Standard))
}

fn run(model: &Arc<Model>, control_steps: usize) -> State<f64> {
    let mut twin = simulator(model, Precision::F32).unwrap();
    twin.drive(&drive(model, &[], control_steps)).unwrap();
    twin.forward(0..control_steps * model.substeps_per_control).unwrap();
    twin.read().unwrap()
}

#[test]
fn ground_is_made_of_its_layers_down_to_its_bottom() {
    let model = compiled(GOOD).unwrap();
    let names: Vec<&str> = model.bodies.iter().map(|body| body.name.as_str()).collect();
    assert_eq!(names, ["cover", "ground"]);
    let chunks = count_chunks(&model.initial.chunks);
    assert!(chunks.awake > 0 && chunks.held > chunks.awake / 2 && chunks.asleep == 0, "{chunks:?}");
    let edge = 0.32;
    let area = edge * edge * (chunks.awake + chunks.held) as f64;
    for (body, thickness) in model.bodies.iter().zip([0.08, 0.24]) {
        // The present volume, from that at rest.
        let volume: f64 = body
            .particles
            .clone()
            .map(|p| model.particles.volume[p] * model.initial.f[p].determinant())
            .sum();
        assert!((volume / (area * thickness) - 1.0).abs() < 1e-12, "{}: {volume}", body.name);
        for p in body.particles.clone() {
            let depth = -model.initial.world_position(p, model.cell_width, model.origin)[2];
            assert_eq!(depth < 0.08, body.name == "cover", "{depth}");
        }
    }
}

/// Farthest that a particle is from a place of its level's lattice [m]: where ground at rest is, however
/// often it was split and merged.
fn off_lattice(model: &Model, state: &State<f64>) -> f64 {
    let particles = state.particles.as_ref().unwrap();
    let off = |p: usize| {
        let spacing = 0.5 * model.cell_width * f64::from(1u32 << particles.level[p]);
        let x = state.world_position(p, model.cell_width, model.origin);
        let off = x.map(|x| (x / spacing - 0.5 - (x / spacing - 0.5).round()) * spacing);
        off.iter().map(|x| x * x).sum::<f64>().sqrt()
    };
    (0..state.particle_count()).map(off).fold(0.0, f64::max)
}

#[test]
fn a_band_that_sweeps_through_ground_at_rest_leaves_it_at_rest() {
    // Three tenths of a second at three tenths of a metre per second.
    let model = Arc::new(compiled(GOOD).unwrap());
    assert!(off_lattice(&model, &model_state(&model)) < 1e-9);
    let state = run(&model, 24);
    let keys = |state: &State<f64>| state.chunks.keys().copied().collect::<Vec<_>>();
    assert_ne!(keys(&model.initial), keys(&state), "no chunk came");
    let off = off_lattice(&model, &state);
    assert!(off <= 2e-4, "{off} m");
    // A control: without the terms in the gradients of the shares it sinks.
    let mut wrong = (*model).clone();
    wrong.levels.coupled = false;
    let off = off_lattice(&wrong, &run(&Arc::new(wrong.clone()), 6));
    assert!(off > 1e-3, "control: {off} m");
}

fn model_state(model: &Model) -> State<f64> {
    let particles = Some(Arc::new(model.particles.clone()));
    State { particles, ..model.initial.clone() }
}

/// The scene with a relief, its bottom and its floor so deep [m], and a tool that stands still.
fn with_relief(relief: &str, [bottom, floor]: [f64; 2]) -> String {
    let before = "[[collider]]\nname = \"tool\"";
    GOOD.replace(before, &format!("{relief}{before}"))
        .replace("bottom = -0.32", &format!("bottom = {bottom}"))
        .replace("position = [0.0, 0.0, -0.2]", &format!("position = [0.0, 0.0, {floor}]"))
        .replace("[0.3, 0.0, 0.0]", "[0.0, 0.0, 0.0]")
}

/// Evenly up along x by so much over six metres, through the origin: over the whole of what is awake.
fn slope(height: f64) -> String {
    format!(
        "[[terrain.relief]]\ntype = \"ramp\"\nfrom = [-3.0, 0.0]\nto = [3.0, 0.0]\nheight = {height}\n\
         [[terrain.relief]]\ntype = \"level\"\nheight = {}\n",
        -0.5 * height
    )
}

/// Largest speed after some control steps [m/s].
fn fastest(model: Model, control_steps: usize) -> f64 {
    let model = Arc::new(model);
    let state = run(&model, control_steps);
    state.v.iter().map(|v| v.norm_squared().sqrt()).fold(0.0, f64::max)
}

#[test]
fn slopes_and_hills_of_sand_stay_where_they_are() {
    // Five centimetres up and down around a level below the tool.
    let hills = "[[terrain.relief]]\ntype = \"noise\"\namplitude = 0.05\nwavelength = 1.0\n\
                 [[terrain.relief]]\ntype = \"level\"\nheight = -0.05\n";
    for (name, relief, depths) in [
        ("5 degrees", slope(0.525), [-0.52, -0.4]),
        ("16.7 degrees", slope(1.8), [-1.12, -1.0]),
        ("hills", hills.to_owned(), [-0.52, -0.4]),
    ] {
        // Three tenths of a second.
        let speed = fastest(compiled(&with_relief(&relief, depths)).unwrap(), 24);
        println!("{name}: {:.2} mm/s", 1e3 * speed);
        assert!(speed < 2e-3, "{name}: {speed} m/s");
    }
}

#[test]
fn a_slope_of_sand_does_not_stay_with_the_stress_of_level_ground() {
    let mut model = compiled(&with_relief(&slope(1.8), [-1.12, -1.0])).unwrap();
    // The vertical column's stress: F without its shear.
    for f in &mut model.initial.f {
        let straight = |i: usize, j: usize| if i == j { f[(i, j)] } else { 0.0 };
        *f = softscape::math::Mat3::from_fn(straight);
    }
    // Soon: what slides wakes ever more of it.
    let speed = fastest(model, 6);
    println!("{:.0} mm/s", 1e3 * speed);
    assert!(speed > 2e-2, "{speed} m/s");
}

#[test]
fn steps_of_a_picture_stand_where_its_pixels_are() {
    let folder = tempfile::tempdir().unwrap();
    // As it is seen, +x to the right and +y up: no two are alike, so that no axis can be turned round.
    let rows = [[0u8, 50], [100, 150], [250, 200]];
    let grey = |column: u32, row: u32| image::Luma([rows[row as usize][column as usize]]);
    image::GrayImage::from_fn(2, 3, grey).save(folder.path().join("steps.png")).unwrap();
    // A millimetre to a grey value.
    let relief = "[[terrain.relief]]\ntype = \"heights\"\nsize = [0.16, 0.32]\nposition = [0.04, -0.02]\n\
                  stepped = true\n\
                  heights = { type = \"picture\", file = \"steps.png\", white = 0.255 }\n";
    let text = with_relief(relief, [-0.32, -0.2]);
    let scene = Scene::parse(&folder.path().join("ground.toml"), &text).unwrap();
    let model = compile(&scene, Fidelity::Standard).unwrap();
    let terrain = model.levels.sleep.as_ref().and_then(|sleep| sleep.terrain.clone()).unwrap();
    for (n, grey) in rows.into_iter().flatten().enumerate() {
        let (column, row) = (n % 2, n / 2);
        let node = [-0.04 + 0.16 * column as f64, 0.14 - 0.16 * row as f64];
        let height = 1e-3 * f64::from(grey);
        // Nearly to all sides of its square.
        for by in [[0.07, 0.07], [-0.07, 0.07], [0.07, -0.07], [-0.07, -0.07]] {
            let (found, slope) = terrain.height(node[0] + by[0], node[1] + by[1]);
            assert!((found - height).abs() < 1e-12, "{node:?}: {found} m, not {height} m");
            assert_eq!(slope, [0.0; 2]);
        }
        // The particles reach up to it: the highest is less than a coarse one's spacing below.
        let above = (0..model.initial.particle_count())
            .map(|p| model.initial.world_position(p, model.cell_width, model.origin))
            .filter(|x| (0..2).all(|a| (x[a] - node[a]).abs() < 0.07))
            .map(|x| x[2])
            .fold(f64::NEG_INFINITY, f64::max);
        assert!(above < height && above > height - 0.04, "{node:?}: {above} m, {height} m");
    }
    // Beyond its edge it goes on level.
    for ([x, y], height) in [([-5.0, 5.0], 0.0), ([5.0, -5.0], 0.2), ([-5.0, -5.0], 0.25)] {
        assert!((terrain.height(x, y).0 - height).abs() < 1e-12, "{x}, {y}");
    }
}

#[test]
fn ten_kilometres_away_every_bit_is_the_same() {
    let far = GOOD.replace("control_secs", "origin_cells = [1048576, -524288, 64]\ncontrol_secs");
    let deep = |text: &str| text.replace("0.0, 0.071]", "0.0, 0.021]").replace("[0.3,", "[0.9,");
    let [near, far] = [GOOD, &far].map(|text| {
        let model = Arc::new(compiled(&deep(text)).unwrap());
        let mut state = run(&model, 16);
        for cell in &mut state.cell {
            *cell = std::array::from_fn(|a| cell[a] - model.origin[a]);
        }
        let chunks = count_chunks(&state.chunks);
        state.chunks = Arc::default();
        (state, (chunks.awake, chunks.held, chunks.asleep, chunks.asleep_particles))
    });
    assert!(near == far, "other bits far away");
}

#[test]
fn a_state_that_was_read_goes_on_as_if_it_had_not_been() {
    let text = GOOD.replace("[0.3,", "[4.0,").replace("cell = 8", "cell = 1");
    let model = Arc::new(compiled(&text).unwrap());
    let substeps = 40 * model.substeps_per_control;
    let motion = drive(&model, &[], 40);
    let mut twin = simulator(&model, Precision::F64).unwrap();
    twin.drive(&motion).unwrap();
    twin.forward(0..substeps / 2 + 5).unwrap();
    let read = twin.read().unwrap();
    assert!(read.chunks.values().any(|chunk| matches!(chunk, Chunk::Asleep(_))), "none asleep");
    twin.forward(substeps / 2 + 5..substeps).unwrap();
    let mut other = simulator(&model, Precision::F64).unwrap();
    other.load(&read).unwrap();
    other.drive(&motion).unwrap();
    other.forward(substeps / 2 + 5..substeps).unwrap();
    assert_eq!(twin.fingerprint().unwrap(), other.fingerprint().unwrap());
}

#[test]
fn the_drivers_gradient_goes_through_ground_that_comes_and_goes() {
    let table = "[levels]\nsleep = { quiet_speed = 1.0, wake_speed = 2.0, quiet_secs = 0.01, radius = 0.3 }";
    let sand =
        "{ type = \"sand\", young_modulus = 2e5, poisson_ratio = 0.2, friction_angle_deg = 32.0 }";
    let elastic = "{ type = \"elastic\", young_modulus = 2e5, poisson_ratio = 0.2 }";
    // In the ground from the start and soft: no contact begins, where left and right derivatives differ.
    let text = GOOD
        .replace("[levels]", table)
        .replace("cell = 8", "cell = 1")
        .replace(sand, elastic)
        .replace("0.0, 0.071]", "0.0, -0.02]")
        .replace("[0.3, 0.0, 0.0]", "[1.5, 0.0, 0.0]");
    let mut model = compiled(&text).unwrap();
    model.colliders[0].contact.softness = 0.04;
    // Not from rest, where the least motion changes what is merged first.
    let number = |n: usize| (n as f64 * 1.3).cos();
    for (p, v) in model.initial.v.iter_mut().enumerate() {
        if !model.particles.is_held(p) {
            *v = Vec3::from_fn(|a| 0.02 * number(7 * p + a));
        }
    }
    let model = Arc::new(model);
    let steps = 40;
    let controls = Controls::zeros(steps, model.actions.len());
    let particles = 0..model.particles.mass.len();
    let measure = Measure::CentreVelocity { direction: [0.6, 0.0, 0.8] };
    let kind = TermKind::State { measure, particles, when: When::Along };
    let objective = Objective { terms: vec![Term { name: "speed".into(), weight: 1e3, kind }] };
    // By the initial velocities of what is awake: how poses move the levels is left out of gradients.
    let direction = |p: usize| match model.particles.is_held(p) {
        true => [0.0; 3],
        false => [number(3 * p), number(3 * p + 1), number(3 * p + 2)],
    };
    let value = |step: f64| {
        let mut initial = model.initial.clone();
        for (p, v) in initial.v.iter_mut().enumerate() {
            let d = direction(p);
            (0..3).for_each(|a| v[a] += step * d[a]);
        }
        let mut twin = simulator(&model, Precision::F64).unwrap();
        let (controls, initial) = (&controls, &initial);
        let rollout = Rollout { model: &model, initial, controls, objective: &objective };
        let outcome = evaluate(twin.as_mut(), rollout, &mut Settings::default()).unwrap();
        let chunks = count_chunks(&twin.read().unwrap().chunks);
        assert!(chunks.asleep > 0, "{chunks:?}");
        outcome.value
    };
    let mut twin = simulator(&model, Precision::F64).unwrap();
    // So little that it replays from several checkpoints; their states have to come out the same.
    let mut settings =
        Settings { memory_bytes: 120_000_000, check_replay: true, ..Settings::default() };
    let (initial, controls) = (&model.initial, &controls);
    let rollout = Rollout { model: &model, initial, controls, objective: &objective };
    let (_, derivative) = differentiate(twin.as_mut(), rollout, &mut settings).unwrap();
    assert!(derivative.replayed_substeps > 0, "nothing was replayed");
    let exact: f64 = (0..initial.particle_count())
        .map(|p| (0..3).map(|a| direction(p)[a] * derivative.initial_v[p][a]).sum::<f64>())
        .sum();
    let apart = [1e-3, 1e-4, 1e-5].map(|step| {
        let (one, two) = (value(step) - value(-step), value(2.0 * step) - value(-2.0 * step));
        ((8.0 * one - two) / (12.0 * step) - exact).abs() / exact.abs()
    });
    assert!(apart.iter().any(|&apart| apart < 1e-6), "{exact}: {apart:?}");
}

#[test]
fn a_summary_says_what_is_awake_held_asleep_and_virgin() {
    let scene = Scene::parse(Path::new("ground.toml"), GOOD).unwrap();
    let model = compile(&scene, Fidelity::Standard).unwrap();
    let said = summary(&scene, &model).ground.unwrap();
    let present = said.awake.particle_count + said.held.particle_count;
    assert_eq!(present, model.initial.particle_count());
    // Down to 1.5 fine cells below the floor, at -0.23 m.
    let of_chunk = 32 * 32 * 23;
    assert_eq!(said.virgin.as_ref().unwrap().uniform_particles_per_chunk, of_chunk);
    let chunks = (said.awake.chunks + said.held.chunks) as u64;
    assert_eq!(said.uniform_particle_count, chunks * of_chunk);
    assert_eq!(said.uniform_state_bytes, chunks * of_chunk * 112);
    assert_eq!(said.uniform_ratio, (chunks * of_chunk) as f64 / present as f64);
    // The same of a state later on.
    let model = Arc::new(compiled(&GOOD.replace("[0.3,", "[2.0,")).unwrap());
    let state = run(&model, 40);
    let later = ground(&model, &state).unwrap();
    let AsleepCount { chunks, particles } = AsleepCount::of(&state);
    assert_eq!((later.asleep.chunks, later.asleep.particle_count), (chunks, particles));
    assert!(chunks > 0 && later.asleep.memory_bytes > 0 && later.asleep.disk_bytes == 0);
    let known = (later.awake.chunks + later.held.chunks + later.asleep.chunks) as f64;
    let apart = later.uniform_particle_count as f64 / (known * of_chunk as f64) - 1.0;
    // But for what the wheel moved, which was looked at through the particles' own places.
    assert!(apart.abs() < 0.02, "{apart}");
}

struct AsleepCount {
    chunks: usize,
    particles: u64,
}

impl AsleepCount {
    fn of(state: &State<f64>) -> Self {
        let mut count = Self { chunks: 0, particles: 0 };
        for chunk in state.chunks.values() {
            if let Chunk::Asleep(archived) = chunk {
                count.chunks += 1;
                count.particles += archived.particles::<f64>().unwrap().particle_count() as u64;
            }
        }
        count
    }
}

#[test]
fn wrong_ground_is_refused_where_it_stands() {
    let relief = |line: &str| format!("[[terrain.relief]]\n{line}\n[[collider]]\nname = \"tool\"");
    let picture = "type = \"heights\"\nsize = [1.0, 1.0]\n\
                   heights = { type = \"picture\", file = \"none.png\", white = 0.1 }";
    let before = "[[collider]]\nname = \"tool\"";
    let [noise, picture, ramp, steps, high, endless] = [
        "type = \"noise\"\namplitude = 0.1\nwavelength = -1.0",
        picture,
        "type = \"ramp\"\nfrom = [1.0, 0.0]\nto = [1.0, 0.0]\nheight = 1.0",
        "type = \"steps\"\nfrom = [1.0, 0.0]\nto = [2.0, 0.0]\nheight = 1.0\ncount = 0",
        "type = \"level\"\nheight = -1.0",
        "type = \"level\"\nheight = 1e12",
    ]
    .map(relief);
    for (found, replacement, words) in [
        ("bottom =", "botom =", vec!["ground.toml:11:1", "unknown key `botom`", "`bottom`?"]),
        (
            "thickness = 0.08",
            "thickness = -0.08",
            vec!["ground.toml:17:13", "`thickness` is -0.08"],
        ),
        ("thickness = 0.08\n", "", vec!["ground.toml:14", "missing key `thickness`", "last layer"]),
        (
            "name = \"ground\"",
            "name = \"ground\"\nthickness = 1.0",
            vec!["goes down to the bottom"],
        ),
        ("thickness = 0.08", "thickness = 8.0", vec!["`ground` is nowhere", "8.000 m", "0.320 m"]),
        ("name = \"ground\"", "name = \"cover\"", vec!["`cover` is taken"]),
        ("bottom = -0.32", "bottom = -0.1", vec!["`bottom` is -0.1 m", "0.100 m away"]),
        ("bottom = -0.32", "bottom = -0.5", vec!["0.300 m inside", "0.160 m"]),
        ("[0.0, 0.0, -0.2]", "[0.0, 0.0, 0.2]", vec!["all of the ground", "inside a collider"]),
        // No node of the coarsest level lies between the floor and the bottom.
        (
            "bottom = -0.32",
            "bottom = -0.22",
            vec!["at (0.050, 0.000) m", "0.08 m apart", "-0.22 m"],
        ),
        (
            "type = \"half_space\"",
            "type = \"box\", size = [1.0, 1.0, 0.4]",
            vec!["nothing carries it"],
        ),
        (before, &endless, vec!["takes more than 33554432 particles"]),
        (
            "position = [0.05, 0.0, 0.071]",
            "position = [1e8, 0.0, 0.071]",
            vec!["ground.toml:34:11", "5.000e9 cells"],
        ),
        ("ahead = 0.0", "ahead = 1e9", vec!["1.000e9 m around", "at most 256"]),
        ("cell = 8", "cell = 27", vec!["`particles_per_cell` is 27", "1, 8 or 64"]),
        ("carve = [\"tool\"]", "carve = [\"tol\"]", vec!["unknown collider `tol`", "`tool`?"]),
        (before, &noise, vec!["`wavelength` is -1 m", "greater than zero"]),
        (before, &picture, vec!["ground.toml:24:", "cannot read the picture", "none.png"]),
        (before, &ramp, vec!["`from` and `to` are both [1.0, 0.0]"]),
        (before, &steps, vec!["`count` is 0"]),
        (before, &high, vec!["`bottom` is -0.32 m", "goes down to -1 m"]),
        (
            "ahead = 0.0",
            "ahead = 0.0\nsleep = { radius = 0.1 }",
            vec!["`radius` is 0.1 m", "0.3 m or more"],
        ),
        (
            "ahead = 0.0",
            "sleep = { wake_speed = 1e-4 }",
            vec!["`wake_speed` is 0.0001 m/s", "0.005"],
        ),
        ("ahead = 0.0", "sleep = { chunk_blocks = 0 }", vec!["`chunk_blocks` is 0", "64"]),
        ("ahead = 0.0", "sleep = { chunk = 1 }", vec!["unknown key `chunk`"]),
        ("control_secs", "origin_cells = [8, 0, 0]\ncontrol_secs", vec!["multiples of 16"]),
        (
            "control_secs",
            "gravity = [0.0, 1.0, -9.0]\ncontrol_secs",
            vec!["gravity that points down"],
        ),
    ] {
        assert_eq!(GOOD.matches(found).count(), 1, "`{found}` must name one place");
        let error = compiled(&GOOD.replace(found, replacement)).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "no `{word}` in: {error}");
        }
    }
    let one = GOOD.split("bands").next().unwrap().replace("count = 3", "count = 1");
    let error = compiled(&one).unwrap_err().to_string();
    assert!(error.contains("`count` is 1") && error.contains("two or more"), "{error}");
    let alone = GOOD.split("[levels]").next().unwrap();
    let error = compiled(alone).unwrap_err().to_string();
    assert!(error.contains("needs `[levels]`"), "{error}");
    let soft = GOOD
        .replace("young_modulus = 2e5", "young_modulus = 2e2")
        .replace("sand\", y", "elastic\", y");
    let error = compiled(&soft.replace(", friction_angle_deg = 32.0", "")).unwrap_err().to_string();
    assert!(error.contains("would crush it to nothing"), "{error}");
}

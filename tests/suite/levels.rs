//! Scenes with levels of resolution: what they are filled with, and what is refused.

use crate::adapter;
use softscape::agents::drive;
use softscape::model::{Model, compile, summary};
use softscape::mpm::device::GpuSimulator;
use softscape::mpm::simulator::Simulator;
use softscape::scene::{Fidelity, Scene, SceneError};
use std::path::Path;
use std::sync::Arc;

/// A bed around a small box, three levels.
const GOOD: &str = r#"format = 1
[world]
cell_width = 0.01
max_speed = 1.0
[[body]]
name = "bed"
material = "dry-sand"
shape = { type = "box", size = [0.64, 0.64, 0.32] }
position = [0.0, 0.0, -0.16]
particles_per_cell = 8
carve = ["tool"]
[[collider]]
name = "tool"
shape = { type = "box", size = [0.04, 0.08, 0.08] }
contact = { type = "sticky" }
[[collider]]
name = "floor"
shape = { type = "half_space" }
position = [0.0, 0.0, -0.32]
contact = { type = "sticky" }
[levels]
count = 3
agents = ["tool"]
"#;

fn compiled(text: &str) -> Result<Model, SceneError> {
    Scene::parse(Path::new("bed.toml"), text).and_then(|s| compile(&s, Fidelity::Standard))
}

#[test]
fn coarse_particles_fill_what_fine_ones_leave() {
    let model = compiled(GOOD).unwrap();
    let uniform = compiled(GOOD.split("[levels]").next().unwrap()).unwrap();
    let volume = |model: &Model| model.particles.volume.iter().sum::<f64>();
    let ratio = volume(&model) / volume(&uniform);
    // A sum over some hundred thousand particles.
    assert!((ratio - 1.0).abs() < 1e-10, "volume {ratio} of the uniform bed's");
    let count = |level| model.particles.level.iter().filter(|&&l| l == level).count();
    assert!(count(0) > 0 && count(1) > 0 && count(2) > 0);
    assert!(4 * model.initial.particle_count() < uniform.initial.particle_count());
    // Where the finest level takes part there are none but its own particles.
    for p in 0..model.initial.particle_count() {
        let x = model.initial.world_position(p, model.cell_width, model.origin);
        let gap = |a: usize, half: f64| (x[a].abs() - half).max(0.0);
        let down = (-x[2] - 0.04).max(0.0);
        let distance = (gap(0, 0.02).powi(2) + gap(1, 0.04).powi(2) + down * down).sqrt();
        assert!(model.particles.level[p] == 0 || distance > 0.06, "coarse at {distance} m");
    }
}

#[test]
fn a_summary_counts_each_level_and_what_a_uniform_grid_would_need() {
    let scene = Scene::parse(Path::new("bed.toml"), GOOD).unwrap();
    let model = compile(&scene, Fidelity::Standard).unwrap();
    let uniform = compiled(GOOD.split("[levels]").next().unwrap()).unwrap();
    let summary = summary(&scene, &model);
    assert_eq!(summary.levels.len(), 3);
    let total: usize = summary.levels.iter().map(|level| level.particle_count).sum();
    assert_eq!(total, summary.particle_count);
    let fine = summary.uniform;
    let count = uniform.initial.particle_count();
    assert_eq!((fine.particle_count, fine.state_bytes), (count as u64, 112 * count as u64));
    assert_eq!(fine.ratio, count as f64 / summary.particle_count as f64);
    // Eight particles to a cell, but for what the tool takes.
    assert!(fine.cells.abs_diff(count as u64 / 8) <= 1, "{fine:?}");
    for level in &summary.levels {
        let per_cell = level.particle_count as f64 / level.occupied_cells as f64;
        assert!(per_cell > 4.0 && per_cell < 8.5, "{level:?}");
    }
}

#[test]
fn wrong_levels_are_refused_where_they_stand() {
    for (found, replacement, words) in [
        ("count = 3", "count = 0", vec!["bed.toml:22:9", "`count` is 0", "between 1 and 8"]),
        ("count = 3", "count = 9", vec!["`count` is 9"]),
        ("agents = [\"tool\"]", "agents = []", vec!["nothing says where the world is fine"]),
        ("agents = [\"tool\"]", "agents = [\"tol\"]", vec!["unknown collider `tol`", "`tool`?"]),
        ("agents = [\"tool\"]", "agents = [\"floor\"]", vec!["`floor` has no end"]),
        ("agents = [\"tool\"]", "agents = [\"tool\", \"tool\"]", vec!["`tool` is named twice"]),
        (
            "count = 3",
            "count = 2\nbands = [{ start = 0.1, width = inf }]",
            vec!["`width` is inf", "finite"],
        ),
        ("cell = 8", "cell = 27", vec!["`particles_per_cell` is 27", "1, 8 or 64"]),
        ("carve = [\"tool\"]", "carve = [\"tl\"]", vec!["unknown collider `tl`"]),
        ("count = 3", "count = 3\ntrail = -1.0", vec!["`trail` is -1", "0 or greater"]),
        ("count = 3", "count = 3\nlinger_secs = -1.0", vec!["`linger_secs` is -1", "0 or greater"]),
        ("count = 3", "count = 3\nbands = [{ start = 0.1, width = 0.1 }]", vec!["1 bands", "2"]),
        (
            "count = 3",
            "count = 2\nbands = [{ start = 0.1, width = 0.01 }]",
            vec!["`width` is 0.01 m", "0.02 m or more"],
        ),
        (
            "count = 3",
            "count = 3\nbands = [{ start = 0.1, width = 0.1 }, { start = 0.15, width = 0.1 }]",
            vec!["ends at 0.2 m", "bands do not overlap"],
        ),
    ] {
        assert_eq!(GOOD.matches(found).count(), 1, "`{found}` must name one place");
        let error = compiled(&GOOD.replace(found, replacement)).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "no `{word}` in: {error}");
        }
    }
}

const MAP: &str = "[levels.map]
size = [0.64, 0.6]
distances = { type = \"rows\", rows = [[0.0, 0.0], [0.32, 0.32]] }
";

#[test]
fn a_map_says_where_the_world_is_fine() {
    // Distances grow along x alone, and there is no agent.
    let text = GOOD.replace("agents = [\"tool\"]", "agents = []") + MAP;
    let model = compiled(&text).unwrap();
    let mut seen = [0usize; 3];
    let [first, second] = [0, 1].map(|l| model.levels.bands[l].start + model.levels.bands[l].width);
    for p in 0..model.initial.particle_count() {
        let [x, ..] = model.initial.world_position(p, model.cell_width, model.origin);
        let distance = 0.5 * (x + 0.32);
        let level = model.particles.level[p] as usize;
        seen[level] += 1;
        // Within the width of the coarsest particles.
        for (above, end) in [(1, first), (2, second)] {
            let margin = 4.0 * model.cell_width;
            assert!(level >= above || distance < end + margin, "{level} at x = {x}");
            assert!(level < above || distance > end - margin, "{level} at x = {x}");
        }
    }
    assert!(seen.iter().all(|&n| n > 100), "{seen:?}");
    let with = |found: &str, replacement: &str| {
        assert_eq!(MAP.matches(found).count(), 1, "{found}");
        compiled(&(GOOD.to_string() + &MAP.replace(found, replacement))).unwrap_err().to_string()
    };
    for (found, replacement, words) in [
        ("[0.64, 0.6]", "[0.64, 0.0]", ["`size` is [0.64, 0.0] m", "greater than zero"]),
        ("[0.32, 0.32]", "[1.6, 1.6]", ["grow by up to 2.50 m in a metre", "at most 2"]),
        ("[0.32, 0.32]", "[0.5]", ["row 2", "1"]),
        ("size", "position = [0.0, nan]\nsize", ["`position`", "finite"]),
    ] {
        let error = with(found, replacement);
        for word in words {
            assert!(error.contains(word), "no `{word}` in: {error}");
        }
    }
}

#[test]
fn a_device_says_what_it_does_not_do() {
    let Some(gpu) = adapter::gpu() else { return };
    let refused = |text: &str| {
        let model = Arc::new(compiled(text).unwrap());
        GpuSimulator::new(&model, &gpu).err().expect("an error").to_string()
    };
    // Four tools whose ways count, each in nine parts.
    let mut many = GOOD.replace("agents = [\"tool\"]", "agents = [\"tool\", \"a\", \"b\", \"c\"]");
    for name in ["a", "b", "c"] {
        let tool = "shape = { type = \"sphere\", radius = 0.02 }\nposition = [0.0, 0.0, 0.5]\ncontact = { type = \"sticky\" }";
        let tool = format!("[[collider]]\nname = \"{name}\"\n{tool}\n[levels]");
        many = many.replace("[levels]", &tool);
    }
    let many = refused(&many.replace("count = 3", "count = 3\nlinger_secs = 0.1"));
    assert!(many.contains("40 needed, 30 available"), "{many}");
}

/// A particle in a band is in two blocks at the least.
#[test]
fn one_particle_in_a_band_has_room_on_a_device() {
    let Some(gpu) = adapter::gpu() else { return };
    let one = GOOD
        .replace("size = [0.64, 0.64, 0.32]", "size = [0.01, 0.01, 0.01]")
        .replace("[0.0, 0.0, -0.16]", "[0.005, 0.005, -0.095]")
        .replace("particles_per_cell = 8\ncarve = [\"tool\"]", "particles_per_cell = 1");
    let model = Arc::new(compiled(&one).unwrap());
    assert_eq!(model.initial.particle_count(), 1);
    let mut device = GpuSimulator::new(&model, &gpu).unwrap();
    device.drive(&drive(&model, &[], 2)).unwrap();
    device.forward(0..2 * model.substeps_per_control).unwrap();
    let fallen = device.read().unwrap().world_position(0, model.cell_width, model.origin)[2];
    assert!(fallen < -0.095, "it is at {fallen} m");
}

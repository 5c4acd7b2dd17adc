//! Law 11: sand that is poured slowly makes a heap as steep as its friction angle.
//!
//! Half of a heap in a channel, two cells thick: the nozzle is a slit along a smooth wall, which is
//! where the other half would be.

use super::check::{Check, Plot, Report};
use super::lab::{Lab, fit_line};
use crate::bench::setup::channel_friction;
use crate::model::{Model, compile};
use crate::mpm::simulator::SimulationError;
use crate::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

const CELL_WIDTH: f64 = 0.005;
const GRAVITY: f64 = 9.81;
const DENSITY: f64 = 1600.0;
const ANGLE_DEG: f64 = 30.0;
const TOLERANCE_DEG: f64 = 3.0;
/// Width of the slit and thickness of the channel [cells].
const SLIT: f64 = 4.0;
const THICK: f64 = 2.0;
/// Height of the slit above the floor [cells], of the heap in the end, about, and how fast sand leaves
/// the slit [m/s].
const DROP: f64 = 22.0;
const HEAP: f64 = 16.0;
const SPEED: f64 = 0.05;

/// A pour that ends when the heap is as high as it should be, and how long it takes [s].
fn pour(friction_angle: f64, heap: f64) -> (Arc<Model>, f64) {
    let (thick, slit) = (THICK * CELL_WIDTH, SLIT * CELL_WIDTH);
    let area = 0.5 * (heap * CELL_WIDTH).powi(2) / ANGLE_DEG.to_radians().tan();
    let secs = area / (slit * SPEED);
    let text = format!(
        r#"
format = 1
[world]
cell_width = {CELL_WIDTH}
gravity = [0.0, 0.0, -{GRAVITY}]
duration_secs = {secs}
[[material]]
name = "sand"
density = {DENSITY}
law = {{ type = "sand", young_modulus = 1e5, poisson_ratio = 0.3, friction_angle_deg = {angle} }}
[[emitter]]
name = "slit"
material = "sand"
opening = {{ type = "rectangle", size = [{slit}, {thick}] }}
position = [{x}, {y}, {z}]
speed = {SPEED}
jitter = 0.5
[[collider]]
name = "floor"
shape = {{ type = "half_space" }}
contact = {{ type = "sticky" }}
[[collider]]
name = "middle"
shape = {{ type = "half_space", normal = [1.0, 0.0, 0.0] }}
contact = {{ type = "slip" }}
[[collider]]
name = "left"
shape = {{ type = "half_space", normal = [0.0, 1.0, 0.0] }}
contact = {{ type = "slip" }}
[[collider]]
name = "right"
shape = {{ type = "half_space", normal = [0.0, -1.0, 0.0] }}
position = [0.0, {thick}, 0.0]
contact = {{ type = "slip" }}
"#,
        angle = friction_angle.to_degrees(),
        x = 0.5 * slit,
        y = 0.5 * thick,
        z = DROP * CELL_WIDTH,
    );
    let scene = Scene::parse(Path::new("repose.toml"), &text).expect("a scene without mistakes");
    let model = compile(&scene, Fidelity::Standard).expect("a scene that compiles");
    (Arc::new(model), secs)
}

struct Heap {
    /// Of its flank, above the horizontal.
    angle_deg: f64,
    profile: Vec<[f64; 2]>,
}

fn heap(lab: &Lab, friction_angle: f64) -> Result<Heap, SimulationError> {
    let heap = if lab.quick { 0.75 * HEAP } else { HEAP };
    let (model, pour_secs) = pour(friction_angle, heap);
    // What still falls and slides when the slit closes comes to rest.
    let secs = pour_secs + 0.3;
    let mut experiment = lab.experiment(model, secs)?;
    experiment.run_until(secs)?;
    let mut volume: Vec<f64> = Vec::new();
    for (p, x) in experiment.positions()?.iter().enumerate() {
        let column = (x[0] / CELL_WIDTH).max(0.0) as usize;
        if volume.len() <= column {
            volume.resize(column + 1, 0.0);
        }
        volume[column] += experiment.model.particles.volume[p];
    }
    let heights: Vec<f64> =
        volume.iter().map(|v| v / (THICK * CELL_WIDTH * CELL_WIDTH)).collect();
    let profile: Vec<[f64; 2]> = heights
        .iter()
        .enumerate()
        .map(|(i, h)| [(i as f64 + 0.5) * CELL_WIDTH, *h])
        .collect();
    // The flank: without the top, where sand lands, and the foot, a layer of a cell.
    let top = heights.iter().copied().fold(0.0, f64::max);
    let low = (0.15 * top).max(1.5 * CELL_WIDTH);
    let flank: Vec<[f64; 2]> =
        profile.iter().filter(|[_, h]| (low..0.8 * top).contains(h)).copied().collect();
    let [slope, _] = fit_line(&flank);
    Ok(Heap { angle_deg: (-slope).atan().to_degrees(), profile })
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let right = heap(lab, channel_friction(ANGLE_DEG))?;
    let steep = heap(lab, channel_friction(40.0))?;
    let angle = |heap: &Heap| {
        let (low, high) = (ANGLE_DEG - TOLERANCE_DEG, ANGLE_DEG + TOLERANCE_DEG);
        Check::within("angle of the flank [deg]", heap.angle_deg, low, high)
    };
    let wrong = "a friction angle of 40 degrees";
    Ok(Report {
        checks: vec![angle(&right), angle(&steep).control(wrong)],
        remarks: Vec::new(),
        plot: Some(
            Plot::new("Half of a heap of sand", "x [m]", "height [m]")
                .line("30 degrees", right.profile)
                .line(wrong, steep.profile),
        ),
    })
}

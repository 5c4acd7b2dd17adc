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
/// Height of the slit above the floor [cells]; of a heap of this angle, were it as dense as its sand;
/// how fast sand leaves the slit [m/s]; and what it has to come to rest afterwards [s].
const DROP: f64 = 16.8;
const HEAP: f64 = 12.0;
const SPEED: f64 = 0.1;
const REST_SECS: f64 = 0.5;

/// A pour that ends when the heap is as high as it should be, and how long it takes [s].
fn pour(friction_angle: f64) -> (Arc<Model>, f64) {
    let (thick, slit) = (THICK * CELL_WIDTH, SLIT * CELL_WIDTH);
    let area = 0.5 * (HEAP * CELL_WIDTH).powi(2) / ANGLE_DEG.to_radians().tan();
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
    /// Rest volume over the volume below its surface.
    packing: f64,
    surface: Vec<[f64; 2]>,
}

fn heap(lab: &Lab, friction_angle: f64) -> Result<Heap, SimulationError> {
    // As small a heap as has a flank: there is no quicker one.
    let (model, pour_secs) = pour(friction_angle);
    let volume: f64 = model.particles.volume.iter().sum();
    let secs = pour_secs + REST_SECS;
    let mut experiment = lab.experiment(model, secs)?;
    experiment.run_until(secs)?;
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for x in experiment.positions()? {
        let column = (x[0] / CELL_WIDTH).max(0.0) as usize;
        if columns.len() <= column {
            columns.resize(column + 1, Vec::new());
        }
        columns[column].push(x[2]);
    }
    let surface: Vec<[f64; 2]> = columns
        .iter_mut()
        .enumerate()
        .map(|(i, heights)| [(i as f64 + 0.5) * CELL_WIDTH, surface_height(heights)])
        .collect();
    // The flank: without the top, where sand lands, and the foot, a layer of a cell.
    let top = surface.iter().map(|[_, z]| *z).fold(0.0, f64::max);
    let flank: Vec<[f64; 2]> = surface
        .iter()
        .filter(|[_, z]| (1.5 * CELL_WIDTH..0.85 * top).contains(z))
        .copied()
        .collect();
    let [slope, _] = fit_line(&flank);
    let below: f64 = surface.iter().map(|[_, z]| z * CELL_WIDTH * THICK * CELL_WIDTH).sum();
    Ok(Heap { angle_deg: (-slope).atan().to_degrees(), packing: volume / below, surface })
}

/// Where the surface is in a column of cells: at the third particle from above, since single grains
/// may lie on it.
fn surface_height(heights: &mut [f64]) -> f64 {
    heights.sort_by(|a, b| b.total_cmp(a));
    heights.get(2).or(heights.last()).copied().unwrap_or(0.0)
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
        remarks: vec![format!(
            "The heap is {:.2} times as dense as its sand: what falls apart on its way down lies loosely.",
            right.packing
        )],
        plot: Some(
            Plot::new("Half of a heap of sand", "x [m]", "height [m]")
                .line("30 degrees", right.surface)
                .line(wrong, steep.surface),
        ),
    })
}

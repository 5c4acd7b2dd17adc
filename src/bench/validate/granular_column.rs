//! Law 9: a column of sand against a wall collapses in a channel. For sand the run-out is
//! (L_end - L0)/L0 = 1.2 a below an aspect ratio a of 1.8 and 1.9 a^(2/3) above 2.8 (Lube et al.
//! 2005), for beads 1.8 a below 3 (Lajeunesse et al. 2005).

use super::check::{Check, Plot, Report};
use super::lab::Lab;
use crate::bench::setup::{SLIP, STICKY, Setup, channel_friction};
use crate::model::{Law, Model};
use crate::mpm::simulator::SimulationError;
use std::sync::Arc;

/// Width of the column [m] and its height over the width.
const WIDTH: f64 = 0.1;
const ASPECT: f64 = 2.0;
/// Cells across the column. Ten are too few: the front, a layer of one cell, stops early.
const CELLS: f64 = 16.0;
const GRAVITY: f64 = 9.81;
const DENSITY: f64 = 1600.0;
/// At a = 2: from sand to beads.
const RUN_OUT: [f64; 2] = [2.4, 3.6];
const HEIGHT: [f64; 2] = [0.8, 1.7];

fn column(friction_angle: f64) -> Arc<Model> {
    let law = Law::Sand { young_modulus: 2e5, poisson_ratio: 0.3, friction_angle, cohesion: 0.0 };
    let cell_width = WIDTH / CELLS;
    let thick = 2.0 * cell_width;
    Setup::new("granular column", cell_width)
        .gravity([0.0, 0.0, -GRAVITY])
        .body(DENSITY, law, [[0.0; 3], [WIDTH, thick, ASPECT * WIDTH]], |_| true)
        .plane([0.0, 0.0, 1.0], [0.0; 3], STICKY)
        .plane([1.0, 0.0, 0.0], [0.0; 3], SLIP)
        .plane([0.0, 1.0, 0.0], [0.0; 3], SLIP)
        .plane([0.0, -1.0, 0.0], [0.0, thick, 0.0], SLIP)
        .build(2.0 * (GRAVITY * ASPECT * WIDTH).sqrt())
}

struct Deposit {
    /// (L_end - L0)/L0
    run_out: f64,
    /// H_end/L0
    height: f64,
    profile: Vec<[f64; 2]>,
}

fn collapse(lab: &Lab, model: Arc<Model>) -> Result<Deposit, SimulationError> {
    // Everything has come to rest after about four times sqrt(H/g).
    let secs = if lab.quick { 4.0 } else { 6.0 } * (ASPECT * WIDTH / GRAVITY).sqrt();
    let width = model.cell_width;
    let mut experiment = lab.experiment(model, secs)?;
    experiment.run_until(secs)?;
    // Height of the deposit in each column of cells, from the volume in it.
    let mut volume: Vec<f64> = Vec::new();
    for (p, x) in experiment.positions()?.iter().enumerate() {
        let column = (x[0] / width).max(0.0) as usize;
        if volume.len() <= column {
            volume.resize(column + 1, 0.0);
        }
        volume[column] += experiment.model.particles.volume[p];
    }
    let heights: Vec<f64> = volume.iter().map(|v| v / (width * 2.0 * width)).collect();
    // The deposit ends where it is thinner than half a cell; single grains may lie ahead.
    let end = heights.iter().take_while(|h| **h >= 0.5 * width).count() as f64 * width;
    Ok(Deposit {
        run_out: (end - WIDTH) / WIDTH,
        height: heights[0] / WIDTH,
        profile: heights
            .iter()
            .enumerate()
            .map(|(i, h)| [(i as f64 + 0.5) * width / WIDTH, h / WIDTH])
            .collect(),
    })
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let right = collapse(lab, column(channel_friction(30.0)))?;
    let stiff = collapse(lab, column(65f64.to_radians()))?;
    let run_out =
        |d: &Deposit| Check::within("run-out (L - L0)/L0", d.run_out, RUN_OUT[0], RUN_OUT[1]);
    let height = |d: &Deposit| Check::within("height H/L0", d.height, HEIGHT[0], HEIGHT[1]);
    let wrong = "a friction angle of 65 degrees";
    Ok(Report {
        checks: vec![run_out(&right), height(&right), run_out(&stiff).control(wrong)],
        remarks: Vec::new(),
        plot: Some(
            Plot::new("Deposit of a sand column", "x/L0", "height/L0")
                .line("30 degrees", right.profile)
                .line(wrong, stiff.profile),
        ),
    })
}

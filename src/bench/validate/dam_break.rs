//! Law 10: a column of liquid, twice as high as wide, falls apart on a smooth floor; the position
//! of its front against the measurements of Martin and Moyce (1952), n² = 2.

use super::check::{Check, Plot, Report};
use super::lab::Lab;
use crate::bench::setup::{SLIP, Setup};
use crate::model::{Law, Model};
use crate::mpm::simulator::SimulationError;
use std::sync::Arc;

/// Time t sqrt(2 g/a) and front x/a.
const MEASURED: [[f64; 2]; 15] = [
    [0.41, 1.11],
    [0.84, 1.22],
    [1.19, 1.44],
    [1.43, 1.67],
    [1.63, 1.89],
    [1.83, 2.11],
    [1.98, 2.33],
    [2.20, 2.56],
    [2.32, 2.78],
    [2.51, 3.00],
    [2.65, 3.22],
    [2.83, 3.44],
    [2.98, 3.67],
    [3.11, 3.89],
    [3.33, 4.11],
];

const GRAVITY: f64 = 9.81;
const DENSITY: f64 = 1000.0;
/// Width of the column [m]; it is twice as high.
const WIDTH: f64 = 0.1;
/// Speed of sound over the largest speed of the front, so that compression does not matter.
const STIFFNESS: f64 = 10.0;
const TOLERANCE: f64 = 0.10;
/// The gate of the experiment takes time to open: how far its clock may be shifted.
const GATE: f64 = 0.5;

fn dam(cell_width: f64, gravity: f64) -> Arc<Model> {
    let speed = 2.0 * (GRAVITY * 2.0 * WIDTH).sqrt();
    let law = Law::Liquid { bulk_modulus: DENSITY * (STIFFNESS * speed).powi(2), tension: false };
    let thick = 2.0 * cell_width;
    Setup::new("dam break", cell_width)
        .gravity([0.0, 0.0, -gravity])
        .body(DENSITY, law, [[0.0; 3], [WIDTH, thick, 2.0 * WIDTH]], |_| true)
        .plane([0.0, 0.0, 1.0], [0.0; 3], SLIP)
        .plane([1.0, 0.0, 0.0], [0.0; 3], SLIP)
        .plane([0.0, 1.0, 0.0], [0.0; 3], SLIP)
        .plane([0.0, -1.0, 0.0], [0.0, thick, 0.0], SLIP)
        .build(speed)
}

/// The front over time, in the units of the experiment.
fn front(lab: &Lab, model: Arc<Model>) -> Result<Vec<[f64; 2]>, SimulationError> {
    let unit = (WIDTH / (2.0 * GRAVITY)).sqrt();
    let secs = (MEASURED[MEASURED.len() - 1][0] + GATE) * unit;
    let quarter = 0.25 * model.cell_width;
    let mut experiment = lab.experiment(model, secs)?;
    let seen = experiment.watch(secs, 80, |e| {
        let mut x: Vec<f64> = e.positions()?.iter().map(|x| x[0]).collect();
        // Not the farthest drop: half a percent of the liquid may be ahead.
        let rank = x.len() - 1 - x.len() / 200;
        let (_, front, _) = x.select_nth_unstable_by(rank, f64::total_cmp);
        Ok((*front + quarter) / WIDTH)
    })?;
    Ok(seen.into_iter().map(|(t, x)| [t / unit, x]).collect())
}

/// Largest relative distance from the experiment, at the best shift of its clock.
fn misfit(front: &[[f64; 2]]) -> f64 {
    let at = |shift: f64| {
        let error = |&[t, z]: &[f64; 2]| (interpolate(front, t + shift) / z - 1.0).abs();
        MEASURED.iter().map(error).fold(0.0, f64::max)
    };
    let shifts = (-50..=50).map(|i| GATE * f64::from(i) / 50.0);
    shifts.map(at).fold(f64::INFINITY, f64::min)
}

fn interpolate(curve: &[[f64; 2]], t: f64) -> f64 {
    let after = curve.partition_point(|p| p[0] < t).clamp(1, curve.len() - 1);
    let ([t0, z0], [t1, z1]) = (curve[after - 1], curve[after]);
    z0 + (z1 - z0) * (t - t0) / (t1 - t0)
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let cell_width = WIDTH / if lab.quick { 12.0 } else { 20.0 };
    let right = front(lab, dam(cell_width, GRAVITY))?;
    let weak = front(lab, dam(cell_width, 0.5 * GRAVITY))?;
    let check = |curve: &[[f64; 2]]| {
        Check::at_most("largest distance from the experiment, relative", misfit(curve), TOLERANCE)
    };
    let wrong = "half the gravity";
    Ok(Report {
        checks: vec![check(&right), check(&weak).control(wrong)],
        remarks: Vec::new(),
        plot: Some(
            Plot::new("Dam break", "t sqrt(2 g/a)", "front x/a")
                .dots("Martin and Moyce 1952", MEASURED.to_vec())
                .line("measured", right)
                .line(wrong, weak),
        ),
    })
}

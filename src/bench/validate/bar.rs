//! Law 5: longitudinal vibration of a bar, fixed at one end and free at the other, without lateral
//! contraction: omega = pi/(2 L) sqrt(E/rho).

use super::check::{Check, Plot, Report};
use super::lab::{Lab, fit_oscillation};
use crate::bench::setup::{STICKY, Setup};
use crate::model::{Law, Model};
use crate::mpm::simulator::SimulationError;
use std::f64::consts::FRAC_PI_2;
use std::sync::Arc;

const YOUNG: f64 = 1e5;
const DENSITY: f64 = 1000.0;
const LENGTH: f64 = 1.0;
/// Cells along the bar: what the tolerance belongs to.
const CELLS: f64 = 32.0;
const TOLERANCE: f64 = 0.01;
/// Largest speed over the speed of sound: small strain, far above round-off.
const MACH: f64 = 2e-3;

/// The bar from x = 0 to `length`, vibrating in its first mode. It goes on behind the plane x = 0,
/// where the grid stands still, so that the nodes there carry material on both sides.
fn vibrating(length: f64) -> Arc<Model> {
    let width = LENGTH / CELLS;
    let law = Law::Elastic { young_modulus: YOUNG, poisson_ratio: 0.0 };
    let (sound, wave) = ((YOUNG / DENSITY).sqrt(), FRAC_PI_2 / length);
    let speed = MACH * sound;
    Setup::new("bar", width)
        .body(DENSITY, law, [[-2.0 * width, 0.0, 0.0], [length, 4.0 * width, 4.0 * width]], |_| {
            true
        })
        .moving(
            |[x, ..]| [if x > 0.0 { speed * (wave * x).sin() } else { 0.0 }, 0.0, 0.0],
            |[x, ..]| {
                let slope = if x > 0.0 { speed * wave * (wave * x).cos() } else { 0.0 };
                [[slope, 0.0, 0.0], [0.0; 3], [0.0; 3]]
            },
        )
        .plane([1.0, 0.0, 0.0], [0.0; 3], STICKY)
        .build(speed)
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let reference = 4.0 * LENGTH / (YOUNG / DENSITY).sqrt();
    let periods = if lab.quick { 1.5 } else { 3.0 };
    let right = measure(lab, vibrating(LENGTH), periods * reference)?;
    let longer = measure(lab, vibrating(LENGTH * (1.0 + 1.0 / CELLS)), periods * reference)?;
    let check = |period| Check::near("period [s]", period, reference, TOLERANCE);
    let curve: Vec<[f64; 2]> = right.points.clone();
    Ok(Report {
        checks: vec![
            check(right.period),
            check(longer.period).control("a bar that is one cell longer"),
        ],
        remarks: vec![format!("amplitude lost in a period: {:.2} %", 100.0 * right.loss)],
        plot: Some(
            Plot::new("Bar, fixed and free", "time [s]", "displacement of the first mode [m]")
                .line("measured", curve),
        ),
    })
}

struct Vibration {
    period: f64,
    /// Share of the amplitude lost in one period.
    loss: f64,
    points: Vec<[f64; 2]>,
}

fn measure(lab: &Lab, model: Arc<Model>, secs: f64) -> Result<Vibration, SimulationError> {
    let start: Vec<f64> = (0..model.initial.particle_count())
        .map(|p| model.initial.world_position(p, model.cell_width, model.origin)[0])
        .collect();
    let mode: Vec<f64> =
        start.iter().map(|x| if *x > 0.0 { (FRAC_PI_2 * x / LENGTH).sin() } else { 0.0 }).collect();
    let norm: f64 = mode.iter().map(|m| m * m).sum();
    let mut experiment = lab.experiment(model, secs)?;
    let seen = experiment.watch(secs, 120, |e| {
        let x = e.positions()?;
        let projected: f64 = (0..mode.len()).map(|p| mode[p] * (x[p][0] - start[p])).sum();
        Ok(projected / norm)
    })?;
    let points: Vec<[f64; 2]> = seen.into_iter().map(|(t, u)| [t, u]).collect();
    let omega = FRAC_PI_2 / LENGTH * (YOUNG / DENSITY).sqrt();
    let fit = |part: &[[f64; 2]]| fit_oscillation(part, 0.8 * omega, 1.2 * omega);
    let (early, late) = points.split_at(points.len() / 2);
    let ratio = fit(late).amplitude / fit(early).amplitude;
    let period = std::f64::consts::TAU / fit(&points).omega;
    Ok(Vibration { period, loss: 1.0 - ratio.powf(period / (0.5 * secs)), points })
}

//! Law 6: a clamped beam under a small gravity. Let go, it swings about its static deflection
//! rho g A L⁴/(8 E I) (and shear), at its first frequency (1.875²/2 pi) sqrt(E I/(rho A L⁴)).

use super::check::{Check, Plot, Report};
use super::lab::{Lab, fit_oscillation};
use crate::bench::setup::{STICKY, Setup};
use crate::model::{Law, Model};
use crate::mpm::simulator::SimulationError;
use std::f64::consts::TAU;
use std::sync::Arc;

const YOUNG: f64 = 1e5;
const DENSITY: f64 = 1000.0;
const LENGTH: f64 = 1.0;
/// Depth over length: slender, so that beam theory holds to a percent.
const SLENDERNESS: f64 = 0.1;
/// Cells through the depth.
const CELLS_DEEP: f64 = 6.0;
/// Static deflection over length.
const DEFLECTION: f64 = 0.01;
const TOLERANCE: f64 = 0.05;
/// First root of cos(k) cosh(k) = -1.
const FIRST_ROOT: f64 = 1.875_104_068_7;
/// Shear coefficient of a rectangular section.
const SHEAR: f64 = 5.0 / 6.0;

/// What beam theory says, per unit width.
struct Theory {
    gravity: f64,
    deflection: f64,
    omega: f64,
}

impl Theory {
    fn of(depth: f64) -> Self {
        let (area, inertia) = (depth, depth.powi(3) / 12.0);
        let bending = DENSITY * area * LENGTH.powi(4) / (8.0 * YOUNG * inertia);
        // Without lateral contraction the shear modulus is E/2.
        let shear = DENSITY * LENGTH * LENGTH / (2.0 * SHEAR * YOUNG / 2.0);
        let gravity = DEFLECTION * LENGTH / (bending + shear);
        let omega =
            FIRST_ROOT.powi(2) * (YOUNG * inertia / (DENSITY * area * LENGTH.powi(4))).sqrt();
        Self { gravity, deflection: gravity * (bending + shear), omega }
    }
}

/// A beam along x, clamped where x <= 0, of this many cells through its depth (along z).
fn beam(cell_width: f64, cells_deep: f64, gravity: f64) -> Arc<Model> {
    let law = Law::Elastic { young_modulus: YOUNG, poisson_ratio: 0.0 };
    let depth = cells_deep * cell_width;
    let bounds = [[-2.0 * cell_width, 0.0, 0.0], [LENGTH, 2.0 * cell_width, depth]];
    Setup::new("cantilever", cell_width)
        .gravity([0.0, 0.0, -gravity])
        .body(DENSITY, law, bounds, |_| true)
        .plane([1.0, 0.0, 0.0], [0.0; 3], STICKY)
        .build(0.1)
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let cell_width = SLENDERNESS * LENGTH / CELLS_DEEP;
    let theory = Theory::of(SLENDERNESS * LENGTH);
    let right = swing(lab, beam(cell_width, CELLS_DEEP, theory.gravity), &theory)?;
    let thin = swing(lab, beam(cell_width, CELLS_DEEP - 1.0, theory.gravity), &theory)?;
    let deflection =
        |d| Check::near("static deflection of the tip [m]", d, theory.deflection, TOLERANCE);
    let frequency =
        |omega| Check::near("first frequency [Hz]", omega / TAU, theory.omega / TAU, TOLERANCE);
    let wrong = "a beam that is one cell thinner";
    Ok(Report {
        checks: vec![
            deflection(right.deflection),
            frequency(right.omega),
            deflection(thin.deflection).control(wrong),
            frequency(thin.omega).control(wrong),
        ],
        remarks: Vec::new(),
        plot: Some(
            Plot::new("Cantilever let go under gravity", "time [s]", "deflection of the tip [m]")
                .line("measured", right.points)
                .line(wrong, thin.points)
                .line("theory", theory_curve(&theory)),
        ),
    })
}

struct Swing {
    deflection: f64,
    omega: f64,
    points: Vec<[f64; 2]>,
}

fn swing(lab: &Lab, model: Arc<Model>, theory: &Theory) -> Result<Swing, SimulationError> {
    let periods = if lab.quick { 0.7 } else { 1.2 };
    let secs = periods * TAU / theory.omega;
    let start: Vec<[f64; 3]> = (0..model.initial.particle_count())
        .map(|p| model.initial.world_position(p, model.cell_width, model.origin))
        .collect();
    // The last layer of particles: at a quarter of a cell from the end.
    let tip: Vec<usize> =
        (0..start.len()).filter(|&p| start[p][0] > LENGTH - 0.5 * model.cell_width).collect();
    let mut experiment = lab.experiment(model, secs)?;
    let seen = experiment.watch(secs, 150, |e| {
        let x = e.positions()?;
        let sunk: f64 = tip.iter().map(|&p| start[p][2] - x[p][2]).sum();
        Ok(sunk / tip.len() as f64)
    })?;
    let points: Vec<[f64; 2]> = seen.into_iter().map(|(t, d)| [t, d]).collect();
    let fit = fit_oscillation(&points, 0.5 * theory.omega, 1.5 * theory.omega);
    Ok(Swing { deflection: fit.mean, omega: fit.omega, points })
}

fn theory_curve(theory: &Theory) -> Vec<[f64; 2]> {
    let sample = |i: i32| 1.2 * TAU / theory.omega * f64::from(i) / 150.0;
    (0..=150)
        .map(sample)
        .map(|t| [t, theory.deflection * (1.0 - (theory.omega * t).cos())])
        .collect()
}

//! Law 12: a plate is pushed into a bed of sand, slowly: the force on it grows linearly with the depth,
//! as the pressure around it does [Li, Zhang and Goldman 2013]. In a clay, which yields at one
//! stress whatever the pressure, it does not.

use super::check::{Check, Plot, Report};
use super::lab::{Lab, fit_line};
use crate::bench::setup::{SLIP, STICKY, Setup, rough};
use crate::math::Vec3;
use crate::model::{Law, Model, Shape};
use crate::mpm::simulator::SimulationError;
use crate::mpm::state::State;
use glam::DQuat;
use std::sync::Arc;

const GRAVITY: f64 = 9.81;
const DENSITY: f64 = 1600.0;
const YOUNG_MODULUS: f64 = 1e6;
/// Half the width of the bed, and its depth [m]: so far that what the plate pushes aside does not meet
/// the walls. In a bed as wide as the quick one the force drops by a sixth from 4 cm on, on cells of 7.5 mm.
const BED: [f64; 2] = [0.3, 0.24];
/// The same where a result has to be quick: on cells of 1 cm it still serves.
const QUICK_BED: [f64; 2] = [0.2, 0.16];
/// Half the width of the plate, and how tall it is [m]: it stays above the surface.
const PLATE: [f64; 2] = [0.03, 0.1];
/// How deep it is pushed [m] and how fast [m/s].
const DEPTH: f64 = 0.06;
const SPEED: f64 = 0.15;
/// Depth from which the force is looked at [m]: the plate's edges have cut in.
const FIRST: f64 = 0.01;
/// Measurements over the whole way.
const LOOKS: usize = 60;
/// Least R² of the line.
const LINEAR: f64 = 0.98;
/// Time for the bed to come to rest [s].
const SETTLE_SECS: f64 = 0.3;

fn sand() -> Law {
    Law::Sand {
        young_modulus: YOUNG_MODULUS,
        poisson_ratio: 0.2,
        friction_angle: 32f64.to_radians(),
        cohesion: 0.0,
    }
}

fn clay() -> Law {
    Law::Plasticine {
        young_modulus: YOUNG_MODULUS,
        poisson_ratio: 0.2,
        yield_stress: 2e3,
        hardening_modulus: 0.0,
    }
}

/// The bed between smooth walls, two cells thick; the plate hangs at its surface and moves down at
/// a speed [m/s].
fn bed(lab: &Lab, law: Law, speed: f64) -> Arc<Model> {
    let h = if lab.quick { 0.01 } else { 0.0075 };
    let thick = 2.0 * h;
    let [half, depth] = if lab.quick { QUICK_BED } else { BED };
    let plate = Shape::Box { half_extents: Vec3([PLATE[0], thick, 0.5 * PLATE[1]]) };
    let contact = rough(0.3);
    let model = Setup::new("intrusion", h)
        .gravity([0.0, 0.0, -GRAVITY])
        .body(DENSITY, law, [[-half, 0.0, -depth], [half, thick, 0.0]], |_| true)
        .driven_collider(
            plate,
            [0.0, 0.5 * thick, 0.5 * PLATE[1]],
            DQuat::IDENTITY,
            contact,
            [0.0, 0.0, -speed],
        )
        .plane([0.0, 0.0, 1.0], [0.0, 0.0, -depth], STICKY)
        .plane([1.0, 0.0, 0.0], [-half, 0.0, 0.0], SLIP)
        .plane([-1.0, 0.0, 0.0], [half, 0.0, 0.0], SLIP)
        .plane([0.0, 1.0, 0.0], [0.0; 3], SLIP)
        .plane([0.0, -1.0, 0.0], [0.0, thick, 0.0], SLIP)
        .build(1.0);
    let substeps_per_control =
        (DEPTH / SPEED / LOOKS as f64 / model.substep_secs).ceil().max(1.0) as usize;
    Arc::new(Model { substeps_per_control, ..Model::clone(&model) })
}

/// Depth [m] and force per area [Pa] along the way.
fn push(lab: &Lab, law: Law) -> Result<Vec<[f64; 2]>, SimulationError> {
    // The plate stands still until the bed does.
    let mut waiting = lab.experiment(bed(lab, law, 0.0), SETTLE_SECS)?;
    waiting.settle(2e-3, SETTLE_SECS)?;
    let rest: State<f64> = waiting.state()?;
    let model = bed(lab, law, SPEED);
    let secs = DEPTH / SPEED;
    let mut experiment = lab.experiment(model.clone(), secs)?;
    experiment.rewrite(|state| *state = rest)?;
    experiment.sense_wrenches()?;
    experiment.run_until(secs)?;
    let step = model.substeps_per_control as f64 * model.substep_secs;
    let area = 2.0 * PLATE[0] * 2.0 * model.cell_width;
    let colliders = model.colliders.len();
    let wrenches = experiment.wrenches()?;
    let whole = (secs / step).floor() as usize;
    let points: Vec<[f64; 2]> = wrenches
        .chunks(colliders)
        .take(whole)
        .enumerate()
        .map(|(i, row)| [SPEED * (i as f64 + 0.5) * step, row[0].force[2] / area])
        .collect();
    // The force ripples as the plate passes from node to node: means over one cell of its way.
    let looks = (model.cell_width / (SPEED * step)).round().max(1.0) as usize;
    let mean = |of: &[[f64; 2]], a: usize| of.iter().map(|p| p[a]).sum::<f64>() / of.len() as f64;
    let means = points.windows(looks).map(|w| [mean(w, 0), mean(w, 1)]);
    Ok(means.filter(|[depth, _]| *depth >= FIRST).collect())
}

/// R² of the least-squares line.
fn linearity(points: &[[f64; 2]]) -> f64 {
    let [slope, intercept] = fit_line(points);
    let mean = points.iter().map(|p| p[1]).sum::<f64>() / points.len() as f64;
    let off: f64 = points.iter().map(|[x, y]| (y - intercept - slope * x).powi(2)).sum();
    let all: f64 = points.iter().map(|[_, y]| (y - mean).powi(2)).sum();
    1.0 - off / all
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let right = push(lab, sand())?;
    let wrong = push(lab, clay())?;
    let [slope, intercept] = fit_line(&right);
    let linear =
        |points: &[[f64; 2]]| Check::at_least("R² of force over depth", linearity(points), LINEAR);
    let name = "clay instead of sand";
    let line = |depth: f64| [depth, intercept + slope * depth];
    Ok(Report {
        checks: vec![
            linear(&right),
            Check::at_least("growth of the force per area [Pa/m]", slope, DENSITY * GRAVITY),
            linear(&wrong).control(name),
        ],
        remarks: vec![format!(
            "the force per area grows {:.0} times as fast as the weight of the sand above",
            slope / (DENSITY * GRAVITY)
        )],
        plot: Some(
            Plot::new("A plate pushed into sand", "depth [m]", "force per area [Pa]")
                .line("straight line", vec![line(FIRST), line(DEPTH)])
                .dots("sand", right)
                .line(name, wrong),
        ),
    })
}

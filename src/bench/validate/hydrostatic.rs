//! Law 8: a liquid at rest in a tank: the pressure is rho g z, and nothing moves.
//!
//! Asked twice: a liquid that starts without pressure has to find it, and one that starts with it has to
//! keep it. The first is not held against the law in the two layers of cells at the floor. The grid
//! holds every node at and below the floor, where a liquid without end would mirror the motion above: as
//! the column settles, what lies within half a cell of the floor is strained a quarter too little above
//! it and a quarter too much below, and the pressure, whose mean over a node has to be right,
//! alternates from layer to layer. That is what a wall does in this method, at any resolution. What
//! starts at rest does not settle: it is held against the law in every layer down to the floor.

use super::check::{Check, Plot, Report};
use super::lab::{Experiment, Lab, fit_line};
use crate::bench::setup::{SLIP, Setup};
use crate::math::Mat3;
use crate::model::{Law, Model};
use crate::mpm::simulator::SimulationError;
use std::sync::Arc;

const DENSITY: f64 = 1000.0;
const DEPTH: f64 = 1.0;
const GRAVITY: f64 = 9.81;
/// Compresses by one percent at the bottom.
const BULK: f64 = 100.0 * DENSITY * GRAVITY * DEPTH;
const TOLERANCE: f64 = 0.02;
/// Layers of cells at the floor that are not held against the law where the liquid settles. (The layer
/// at the surface is half empty.)
const AT_FLOOR: usize = 2;
/// How long the liquid is watched once it rests [s]: half the time of a fall through its depth.
const WATCHED: f64 = 0.5;
/// Residual speed over sqrt(g H).
const REST: f64 = 1e-3;

/// The tank. The liquid goes on 1.5 cells below the floor, where the grid holds it, so that the
/// nodes of the floor carry material on both sides: else the kernels smear the pressure there.
fn column(cell_width: f64, gravity: f64) -> Arc<Model> {
    let side = 4.0 * cell_width;
    let low = [0.0, 0.0, -1.5 * cell_width];
    let law = Law::Liquid { bulk_modulus: BULK, tension: false };
    Setup::new("hydrostatic column", cell_width)
        .gravity([0.0, 0.0, -gravity])
        .body(DENSITY, law, [low, [side, side, DEPTH]], |_| true)
        .plane([0.0, 0.0, 1.0], [0.0; 3], SLIP)
        .plane([1.0, 0.0, 0.0], [0.0; 3], SLIP)
        .plane([-1.0, 0.0, 0.0], [side, 0.0, 0.0], SLIP)
        .plane([0.0, 1.0, 0.0], [0.0; 3], SLIP)
        .plane([0.0, -1.0, 0.0], [0.0, side, 0.0], SLIP)
        .build(0.5)
}

/// The same tank, its liquid at rest under this gravity: Cauchy stress lambda (J - 1) at density rho/J, so
/// that `J² = 1 - 2 rho g z/lambda` at depth z, below the floor too.
fn at_rest(cell_width: f64, gravity: f64, pressed_by: f64) -> Arc<Model> {
    let mut model = Model::clone(&column(cell_width, gravity));
    for p in 0..model.particles.mass.len() {
        let z = model.initial.world_position(p, cell_width, model.origin)[2];
        let j = (1.0 - 2.0 * DENSITY * pressed_by * (DEPTH - z) / BULK).sqrt();
        model.initial.f[p] = Mat3::identity() * j.cbrt();
        model.particles.mass[p] /= j;
        model.particles.volume[p] /= j;
    }
    Arc::new(model)
}

/// What becomes of a liquid that starts at rest: the largest deviation of any layer down to the floor from
/// rho g z, over the pressure at the bottom, and the speed [m/s].
fn stay(lab: &Lab, model: Arc<Model>) -> Result<[f64; 2], SimulationError> {
    let mut experiment = lab.experiment(Arc::clone(&model), WATCHED)?;
    experiment.run_until(WATCHED)?;
    let layers = layers(&model, &mut experiment)?;
    let surface = surface(&model, &mut experiment)?;
    let worst = layers[..layers.len() - 1].iter().map(|layer| deviation(surface, layer));
    Ok([worst.fold(0.0, f64::max), rms_speed(&mut experiment)?])
}

/// From rho g z below a surface, over the pressure at the bottom.
fn deviation(surface: f64, &[z, pressure]: &[f64; 2]) -> f64 {
    let weight = DENSITY * GRAVITY;
    (pressure - weight * (surface - z)).abs() / (weight * DEPTH)
}

struct Rest {
    /// Mean over each layer of cells: height [m], pressure [Pa].
    layers: Vec<[f64; 2]>,
    /// Pressure gained per depth [Pa/m].
    gradient: f64,
    /// Largest deviation from rho g z in any layer, over the pressure at the bottom.
    deviation: f64,
    /// The same in the layers at the floor.
    floor_deviation: f64,
    /// Root mean square [m/s] after the last damping, and half a second later.
    speeds: [f64; 2],
}

fn settle(lab: &Lab, model: Arc<Model>) -> Result<Rest, SimulationError> {
    let sound = (BULK / DENSITY).sqrt();
    // A fraction of the time that sound takes through the column.
    let look = 0.2 * DEPTH / sound;
    let settled = 30.0 * DEPTH / sound;
    let mut experiment = lab.experiment(Arc::clone(&model), settled + WATCHED)?;
    experiment.settle(look, settled)?;
    let early = rms_speed(&mut experiment)?;
    experiment.run_until(settled + WATCHED)?;
    let late = rms_speed(&mut experiment)?;
    let layers = layers(&model, &mut experiment)?;
    let inside = &layers[AT_FLOOR..layers.len() - 1];
    let surface = surface(&model, &mut experiment)?;
    let worst = |layers: &[[f64; 2]]| {
        layers.iter().map(|layer| deviation(surface, layer)).fold(0.0, f64::max)
    };
    Ok(Rest {
        gradient: -fit_line(inside)[0],
        deviation: worst(inside),
        floor_deviation: worst(&layers[..AT_FLOOR]),
        layers,
        speeds: [early, late],
    })
}

fn rms_speed(experiment: &mut Experiment) -> Result<f64, SimulationError> {
    let v = experiment.state()?.v;
    Ok((v.iter().map(|v| v.norm_squared()).sum::<f64>() / v.len() as f64).sqrt())
}

/// Height of the free surface [m]: half a particle above the highest.
fn surface(model: &Model, experiment: &mut Experiment) -> Result<f64, SimulationError> {
    let x = experiment.positions()?;
    Ok(x.iter().map(|x| x[2]).fold(0.0, f64::max) + 0.25 * model.cell_width)
}

fn layers(model: &Model, experiment: &mut Experiment) -> Result<Vec<[f64; 2]>, SimulationError> {
    let state = experiment.state()?;
    let mut sums: Vec<[f64; 3]> = Vec::new();
    for p in 0..state.particle_count() {
        let z = state.world_position(p, model.cell_width, model.origin)[2];
        if z < 0.0 {
            continue;
        }
        let layer = (z / model.cell_width) as usize;
        if sums.len() <= layer {
            sums.resize(layer + 1, [0.0; 3]);
        }
        // Cauchy stress: lambda (J - 1), in compression only.
        let pressure = BULK * (1.0 - state.f[p].determinant()).max(0.0);
        sums[layer] = [sums[layer][0] + z, sums[layer][1] + pressure, sums[layer][2] + 1.0];
    }
    Ok(sums.into_iter().map(|[z, p, count]| [z / count, p / count]).collect())
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let cell_width = DEPTH / if lab.quick { 16.0 } else { 24.0 };
    let right = settle(lab, column(cell_width, GRAVITY))?;
    let light = settle(lab, column(cell_width, 0.95 * GRAVITY))?;
    let kept = stay(lab, at_rest(cell_width, GRAVITY, GRAVITY))?;
    let left = stay(lab, at_rest(cell_width, 0.95 * GRAVITY, GRAVITY))?;
    let gradient =
        |measured| Check::near("pressure per depth [Pa/m]", measured, DENSITY * GRAVITY, TOLERANCE);
    let settled = |measured| {
        Check::at_most("worst layer, over the pressure at the bottom", measured, TOLERANCE)
    };
    let wrong = "gravity 5 % too small";
    let scale = (GRAVITY * DEPTH).sqrt();
    let all_layers = |measured| {
        let what = "worst layer down to the floor, of a liquid that starts at rest";
        Check::at_most(what, measured, TOLERANCE)
    };
    let residual = |what: &str, speed: f64| {
        Check::at_most(&format!("residual speed over sqrt(g H){what}"), speed / scale, REST)
    };
    let theory = [[0.0, DENSITY * GRAVITY * DEPTH], [DEPTH, 0.0]];
    Ok(Report {
        checks: vec![
            gradient(right.gradient),
            settled(right.deviation),
            residual("", right.speeds[1]),
            all_layers(kept[0]),
            residual(", of a liquid that starts at rest", kept[1]),
            gradient(light.gradient).control(wrong),
            settled(light.deviation).control(wrong),
            all_layers(left[0]).control(wrong),
            residual(", of a liquid that starts at rest", left[1]).control(wrong),
        ],
        remarks: vec![
            format!(
                "rms speed {:.1e} m/s when settled, {:.1e} m/s half a second later",
                right.speeds[0], right.speeds[1]
            ),
            format!(
                "worst of the {AT_FLOOR} layers at the floor: {:.1} % of the pressure there",
                100.0 * right.floor_deviation
            ),
        ],
        plot: Some(
            Plot::new("Liquid at rest", "height [m]", "pressure [Pa]")
                .line("rho g z", theory.to_vec())
                .dots("mean of a layer", right.layers),
        ),
    })
}

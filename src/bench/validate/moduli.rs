//! Law 3: what a body answers to compression: the bulk modulus K = lambda + 2/3 mu when squeezed
//! from all sides, the confined modulus M = lambda + 2 mu under its own weight between smooth
//! walls, and there the lateral pressure K0 = nu/(1 - nu) times the vertical one.

use super::check::{Check, Plot, Report};
use super::lab::Lab;
use crate::bench::setup::{SLIP, Setup};
use crate::math::Mat3;
use crate::model::{Law, Model, Shape};
use crate::mpm::simulator::SimulationError;
use crate::mpm::twin::material::{Local, stress};
use glam::{DQuat, DVec3};
use std::sync::Arc;

const YOUNG: f64 = 1e5;
const POISSON: f64 = 0.3;
const DENSITY: f64 = 1000.0;
const TOLERANCE: f64 = 0.03;

fn elastic(poisson_ratio: f64) -> Law {
    Law::Elastic { young_modulus: YOUNG, poisson_ratio }
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let [mu, lambda, ..] = elastic(POISSON).constants();
    let bulk = |k| Check::near("bulk modulus [Pa]", k, lambda + 2.0 / 3.0 * mu, TOLERANCE);
    let confined = |m| Check::near("confined modulus [Pa]", m, lambda + 2.0 * mu, TOLERANCE);
    let lateral = |k0| {
        Check::near("lateral pressure over vertical", k0, POISSON / (1.0 - POISSON), TOLERANCE)
    };
    let right = column(lab, POISSON)?;
    let soft = column(lab, 0.25)?;
    let wrong = "a Poisson ratio of 0.25 instead of 0.3";
    Ok(Report {
        checks: vec![
            bulk(squeeze(lab, POISSON)?),
            confined(right.modulus),
            lateral(right.lateral),
            bulk(squeeze(lab, 0.25)?).control(wrong),
            confined(soft.modulus).control(wrong),
            lateral(soft.lateral).control(wrong),
        ],
        remarks: Vec::new(),
        plot: Some(
            Plot::new("Column under its own weight", "height [m]", "settlement [m]")
                .line("theory", right.theory)
                .dots("measured", right.settlement),
        ),
    })
}

/// Squeezes a cube by one percent between six smooth plates that move in, and divides the pressure
/// in it by the change of volume that the plates impose.
fn squeeze(lab: &Lab, poisson_ratio: f64) -> Result<f64, SimulationError> {
    const HALF_CELLS: f64 = 5.0;
    /// Edge lost, relative.
    const STRAIN: f64 = 0.01;
    let width = 0.02;
    let half = HALF_CELLS * width;
    let secs = 0.3;
    let speed = STRAIN * half / secs;
    let mut setup = Setup::new("squeeze", width).body(
        DENSITY,
        elastic(poisson_ratio),
        [[-half; 3], [half; 3]],
        |_| true,
    );
    for axis in [DVec3::X, DVec3::Y, DVec3::Z] {
        for normal in [axis, -axis] {
            let turn = DQuat::from_rotation_arc(DVec3::Z, normal);
            let (point, velocity) = ((-normal * half).to_array(), (normal * speed).to_array());
            setup = setup.driven_collider(Shape::HalfSpace, point, turn, SLIP, velocity);
        }
    }
    let model = setup.build(speed);
    let mut experiment = lab.experiment(Arc::clone(&model), secs)?;
    experiment.run_until(secs)?;
    let state = experiment.state()?;
    let shrunk = 1.0 - STRAIN * experiment.time_secs() / secs;
    let pressure = -mean_stress(&model, &state.f).trace() / 3.0;
    // First order in the strain, as the modulus is defined.
    Ok(pressure / (3.0 * (1.0 - shrunk)))
}

/// Mean Cauchy stress [Pa] over the particles.
fn mean_stress(model: &Model, deformations: &[Mat3<f64>]) -> Mat3<f64> {
    let law = &model.materials[0].law;
    let sum = deformations.iter().fold(Mat3::zero(), |sum, &f| {
        sum + stress(law.kind(), &law.constants(), &Local::of_f(f)) * f.determinant().recip()
    });
    sum * (1.0 / deformations.len() as f64)
}

struct Column {
    modulus: f64,
    lateral: f64,
    settlement: Vec<[f64; 2]>,
    theory: Vec<[f64; 2]>,
}

/// A column between smooth walls settles under its own weight by
/// `rho g (H z - z²/2)/M` at height z; the modulus is the one that fits.
fn column(lab: &Lab, poisson_ratio: f64) -> Result<Column, SimulationError> {
    let width = if lab.quick { 1.0 / 16.0 } else { 1.0 / 24.0 };
    let (height, side) = (1.0, 4.0 * width);
    let law = elastic(poisson_ratio);
    // One percent of settlement.
    let gravity = 0.02 * law.wave_modulus() / (DENSITY * height);
    let model = Setup::new("column", width)
        .gravity([0.0, 0.0, -gravity])
        .body(DENSITY, law, [[0.0; 3], [side, side, height]], |_| true)
        .plane([0.0, 0.0, 1.0], [0.0; 3], SLIP)
        .plane([1.0, 0.0, 0.0], [0.0; 3], SLIP)
        .plane([-1.0, 0.0, 0.0], [side, 0.0, 0.0], SLIP)
        .plane([0.0, 1.0, 0.0], [0.0; 3], SLIP)
        .plane([0.0, -1.0, 0.0], [0.0, side, 0.0], SLIP)
        .build(0.2);
    let crossing = height / (law.wave_modulus() / DENSITY).sqrt();
    let mut experiment = lab.experiment(Arc::clone(&model), 40.0 * crossing)?;
    experiment.settle(0.2 * crossing, 40.0 * crossing)?;
    let state = experiment.state()?;

    let place = |state: &crate::mpm::state::State<f64>, p| {
        state.world_position(p, model.cell_width, model.origin)[2]
    };
    // Least squares of the settlement on the profile of unit modulus.
    let profile = |z: f64| DENSITY * gravity * (height * z - 0.5 * z * z);
    let (mut product, mut square) = (0.0, 0.0);
    let mut settlement = Vec::new();
    for p in 0..state.particle_count() {
        let z = place(&model.initial, p);
        let sunk = z - place(&state, p);
        product += sunk * profile(z);
        square += profile(z) * profile(z);
        settlement.push([z, sunk]);
    }
    let sigma = mean_stress(&model, &state.f);
    Ok(Column {
        modulus: square / product,
        lateral: (sigma[(0, 0)] + sigma[(1, 1)]) / (2.0 * sigma[(2, 2)]),
        settlement,
        theory: (0..=50)
            .map(|i| f64::from(i) / 50.0 * height)
            .map(|z| [z, profile(z) / law.wave_modulus()])
            .collect(),
    })
}

//! Law 4: a manufactured solution. A neo-Hookean block is forced to swing as
//! `u_x = A sin(pi X) sin(c pi t)`, `u_y = A sin(pi Y) sin(c pi t + pi)`, by the body force that these
//! displacements need; how far the particles are from them falls with the square of the cell width.
//!
//! There are no walls: they would bring an error of their own. Particles of three layers of cells
//! around the block, all that its nodes and their particles reach, are put where the solution has them
//! before every substep. A substep is a leapfrog step: velocities are those half a substep earlier.
//!
//! What remains in the end is the floor of the particles: their sum is no exact integral once they have
//! moved against the grid, by an amount that depends on their number per cell alone and not on the
//! cells. More of them lower it, which is checked too.

use super::check::{Check, Plot, Report};
use super::lab::Lab;
use crate::bench::setup::Setup;
use crate::math::{Mat3, Vec3};
use crate::model::{Law, Model};
use crate::mpm::simulator::SimulationError;
use crate::mpm::state::{State, split_position};
use std::f64::consts::PI;
use std::sync::Arc;

const YOUNG_MODULUS: f64 = 1e7;
const POISSON_RATIO: f64 = 0.3;
const DENSITY: f64 = 1000.0;
/// Amplitude A [m], of a block one metre wide.
const AMPLITUDE: f64 = 0.05;
/// Of the motion, in periods 2/c: through the largest stretch and the largest compression.
const PERIODS: f64 = 0.8;
/// Layers of cells around the block.
const AROUND: f64 = 3.0;
/// What is asked of the order, down to a sixteenth of the block: there the particles' floor is near.
const ORDER: f64 = 1.8;
/// By how much 27 particles per cell instead of eight lower the error where it is the floor's: what they
/// miss of the integrals falls with their spacing.
const FLOOR_RATIO: f64 = 1.5;

/// The solution, and what it takes.
struct Solution {
    /// Speed of the wave c = sqrt(E/rho) [m/s].
    speed: f64,
    mu: f64,
    lambda: f64,
    /// Whether the body force is right.
    right: bool,
}

impl Solution {
    fn new(law: &Law, right: bool) -> Self {
        let [mu, lambda, ..] = law.constants();
        Self { speed: (YOUNG_MODULUS / DENSITY).sqrt(), mu, lambda, right }
    }

    /// Phase of the motion along an axis.
    fn phase(&self, axis: usize, t: f64) -> f64 {
        self.speed * PI * t + if axis == 0 { 0.0 } else { PI }
    }

    /// A number for each axis; nothing moves along z.
    fn plane(value: impl Fn(usize) -> f64) -> Vec3<f64> {
        Vec3([value(0), value(1), 0.0])
    }

    fn displacement(&self, x: Vec3<f64>, t: f64) -> Vec3<f64> {
        Self::plane(|a| AMPLITUDE * (PI * x[a]).sin() * self.phase(a, t).sin())
    }

    fn velocity(&self, x: Vec3<f64>, t: f64) -> Vec3<f64> {
        let rate = AMPLITUDE * self.speed * PI;
        Self::plane(|a| rate * (PI * x[a]).sin() * self.phase(a, t).cos())
    }

    /// The diagonal of F.
    fn stretch(&self, x: Vec3<f64>, t: f64) -> Vec3<f64> {
        let strain = AMPLITUDE * PI;
        Vec3([1.0; 3]) + Self::plane(|a| strain * (PI * x[a]).cos() * self.phase(a, t).sin())
    }

    /// Velocity gradient in space [1/s].
    fn rate(&self, x: Vec3<f64>, t: f64) -> Mat3<f64> {
        let (rate, stretch) = (AMPLITUDE * self.speed * PI * PI, self.stretch(x, t));
        let along = |a: usize| rate * (PI * x[a]).cos() * self.phase(a, t).cos() / stretch[a];
        Mat3::diagonal(Self::plane(along))
    }

    /// `b_a = pi² u_a ((mu (1 + 1/F²) + lambda (1 - ln J)/F²)/rho - c²)`, F the stretch along a [m/s²].
    fn body_force(&self, x: Vec3<f64>, t: f64) -> Vec3<f64> {
        let (u, f) = (self.displacement(x, t), self.stretch(x, t));
        let log = if self.right { (f[0] * f[1]).ln() } else { 0.0 };
        Self::plane(|a| {
            let square = f[a] * f[a];
            let stiffness = self.mu * (1.0 + 1.0 / square) + self.lambda * (1.0 - log) / square;
            PI * PI * u[a] * (stiffness / DENSITY - self.speed * self.speed)
        })
    }

    /// Puts a particle where it should be at t, with the velocity of half a substep before.
    fn place(&self, model: &Model, state: &mut State<f64>, p: usize, x: Vec3<f64>, t: f64) {
        let half = t - 0.5 * model.substep_secs;
        let at = x + self.displacement(x, t);
        for a in 0..3 {
            let (cell, offset) = split_position(at[a] / model.cell_width);
            state.cell[p][a] = cell + model.origin[a];
            state.offset[p][a] = offset;
        }
        state.v[p] = self.velocity(x, half);
        state.c[p] = self.rate(x, half);
        state.f[p] = Mat3::diagonal(self.stretch(x, t));
    }
}

/// The block, a metre wide and one cell thick, and what is around it, undeformed.
fn block(law: Law, cell_width: f64, particles_per_axis: i64) -> Arc<Model> {
    let margin = AROUND * cell_width;
    let bounds = [[-margin; 3], [1.0 + margin, 1.0 + margin, cell_width + margin]];
    let fastest = AMPLITUDE * PI * (YOUNG_MODULUS / DENSITY).sqrt();
    Setup::new("manufactured", cell_width)
        .particles_per_axis(particles_per_axis)
        .body(DENSITY, law, bounds, |_| true)
        .build(fastest)
}

/// Root mean square of the block's distance from the solution at the end, over the amplitude.
fn error(
    lab: &Lab,
    cells: f64,
    particles_per_axis: i64,
    right: bool,
) -> Result<f64, SimulationError> {
    let law = Law::NeoHookean { young_modulus: YOUNG_MODULUS, poisson_ratio: POISSON_RATIO };
    let solution = Solution::new(&law, right);
    let model = block(law, 1.0 / cells, particles_per_axis);
    let dt = model.substep_secs;
    let h = model.cell_width;
    let count = model.particles.mass.len();
    let rest: Vec<Vec3<f64>> =
        (0..count).map(|p| Vec3(model.initial.world_position(p, h, model.origin))).collect();
    let inside = |x: Vec3<f64>| {
        let within = |a: usize, width: f64| 0.0 < x[a] && x[a] < width;
        within(0, 1.0) && within(1, 1.0) && within(2, h)
    };
    let secs = PERIODS * 2.0 / solution.speed;
    let substeps = (secs / dt).round() as usize;
    let mut experiment = lab.experiment(Arc::clone(&model), secs + dt)?;
    for substep in 0..substeps {
        let t = substep as f64 * dt;
        experiment.rewrite(|state| {
            for (p, &x) in rest.iter().enumerate() {
                if substep == 0 || !inside(x) {
                    solution.place(&model, state, p, x, t);
                }
                state.v[p] += solution.body_force(x, t) * dt;
            }
        })?;
        experiment.run_until((substep + 1) as f64 * dt)?;
    }
    let (end, at) = (substeps as f64 * dt, experiment.positions()?);
    let (mut sum, mut number) = (0.0, 0.0);
    for (&x, at) in rest.iter().zip(at).filter(|(x, _)| inside(**x)) {
        sum += (Vec3(at) - x - solution.displacement(x, end)).norm_squared();
        number += 1.0;
    }
    Ok((sum / number).sqrt() / AMPLITUDE)
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let curve = |cells: &[f64], per_axis, right| -> Result<Vec<[f64; 2]>, SimulationError> {
        cells.iter().map(|&n| Ok([1.0 / n, error(lab, n, per_axis, right)?])).collect()
    };
    let coarse: &[f64] = if lab.quick { &[8.0, 16.0] } else { &[8.0, 12.0, 16.0] };
    let mut fine = curve(coarse, 3, true)?;
    let wrong = curve(coarse, 3, false)?;
    // From each width to the next; the smallest counts.
    let order = |curve: &[[f64; 2]]| {
        let orders = curve.windows(2).map(|p| (p[0][1] / p[1][1]).ln() / (p[0][0] / p[1][0]).ln());
        orders.fold(f64::INFINITY, f64::min)
    };
    let check = |curve: &[[f64; 2]]| {
        Check::at_least(
            "order of the displacement in the cell width, smallest",
            order(curve),
            ORDER,
        )
    };
    let mut checks = vec![
        check(&fine),
        check(&wrong).control("the body force of a material without ln J in its stiffness"),
    ];
    let floor: &[f64] = if lab.quick { &[16.0] } else { &[16.0, 32.0] };
    let few = curve(floor, 2, true)?;
    if !lab.quick {
        fine.extend(curve(&[32.0], 3, true)?);
        let ratio = few[few.len() - 1][1] / fine[fine.len() - 1][1];
        let what = "error with 8 particles per cell over that with 27, at 32 cells";
        checks.push(Check::at_least(what, ratio, FLOOR_RATIO));
    }
    let list = |curve: &[[f64; 2]]| -> String {
        curve.iter().map(|[h, e]| format!("  {h:.4} m: {e:.1e}")).collect()
    };
    let second: Vec<[f64; 2]> =
        fine.iter().map(|[h, _]| [*h, fine[0][1] * (h / fine[0][0]).powi(2)]).collect();
    Ok(Report {
        checks,
        remarks: vec![
            format!("error over the amplitude by cell width:{}", list(&fine)),
            format!("with 8 particles per cell:{}", list(&few)),
        ],
        plot: Some(
            Plot::new("Manufactured solution", "cell width [m]", "L2 error over the amplitude")
                .logarithmic()
                .dots("27 particles per cell", fine)
                .dots("8 particles per cell", few)
                .line("second order", second)
                .line("body force without ln J", wrong),
        ),
    })
}

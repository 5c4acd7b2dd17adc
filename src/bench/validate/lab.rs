//! Where a law is tried: a backend, and a model that runs on it.

use crate::agents::drive;
use crate::math::{Mat3, Vec3};
use crate::model::{Agent, Band, Levels, Model};
use crate::mpm::simulator::{SimulationError, Simulator, Wrench};
use crate::mpm::state::State;
use std::sync::Arc;

/// Makes a simulator for a model.
pub type MakeSimulator<'a> =
    &'a (dyn Fn(&Arc<Model>) -> Result<Box<dyn Simulator>, SimulationError> + Sync);

/// The backend under test, and how thoroughly to look.
pub struct Lab<'a> {
    pub make: MakeSimulator<'a>,
    /// Coarser and shorter.
    pub quick: bool,
}

/// Three levels of resolution that follow the last collider, a box of so much to each side [m], with bands
/// so narrow that a body of some twenty cells has them all; sizes are chosen anew every ten substeps.
pub fn follow_last_collider(model: &mut Model, half_extent: f64) {
    let h = model.cell_width;
    model.substeps_per_control = 10;
    model.levels = Levels {
        bands: vec![
            Band { start: 0.5 * h, width: 2.5 * h },
            Band { start: 3.5 * h, width: 4.0 * h },
        ],
        agents: vec![Agent {
            collider: model.colliders.len() - 1,
            half_extents: Vec3([half_extent; 3]),
            ahead: 0.0,
            trail: 0.0,
            depth_weight: 1.0,
        }],
        blend: h,
        hysteresis: 0.5 * h,
        per_axis: vec![2; model.bodies.len()],
        coupled: true,
        ..Levels::uniform()
    };
}

/// Checks that particles are split and merged while an agent moves along x: before the place where it is
/// half-way, coarse ones must become fewer, behind it more. Around that place all stay fine, so that none
/// gets from one side to the other but by being split or merged.
///
/// # Errors
/// It is not so, or the run fails.
pub fn check_split_and_merged(
    make: MakeSimulator,
    model: &Arc<Model>,
    substeps: usize,
) -> Result<(), SimulationError> {
    let drive = drive(model, &[], substeps.div_ceil(model.substeps_per_control));
    let collider = model.levels.agents[0].collider;
    let place = |substep: usize| {
        let pose = &drive.poses_at(substep)[collider];
        let cells = f64::from(pose.cell[0].wrapping_sub(model.origin[0]));
        cells * model.cell_width + pose.offset[0]
    };
    let middle = 0.5 * (place(0) + place(substeps - 1));
    // Volumes of coarse particles [m³], behind and before.
    let coarse = |state: &State<f64>| {
        let particles = state.particles_or(&model.particles);
        let mut sums = [0.0; 2];
        for p in (0..state.particle_count()).filter(|&p| particles.level[p] > 0) {
            let [x, ..] = state.world_position(p, model.cell_width, model.origin);
            sums[usize::from(x > middle)] += particles.volume[p];
        }
        sums
    };
    let mut simulator = make(model)?;
    simulator.load(&model.initial)?;
    simulator.drive(&drive)?;
    // Sizes that do not fit at the start are changed before the first substep.
    simulator.forward(0..1)?;
    let start = coarse(&simulator.read()?);
    simulator.forward(1..substeps)?;
    let end = coarse(&simulator.read()?);
    if !(end[0] > start[0] && end[1] < start[1]) {
        let problem = format!("no splitting and merging: coarse m³ {start:?}, then {end:?}");
        return Err(SimulationError::Device(problem));
    }
    Ok(())
}

/// A model on the bench, with its clock.
pub struct Experiment {
    pub model: Arc<Model>,
    simulator: Box<dyn Simulator>,
    substep: usize,
}

impl Lab<'_> {
    /// Sets up a model that will run for at most `secs`.
    pub fn experiment(&self, model: Arc<Model>, secs: f64) -> Result<Experiment, SimulationError> {
        let substeps = (secs / model.substep_secs).ceil() as usize + 1;
        let mut simulator = (self.make)(&model)?;
        simulator.load(&model.initial)?;
        simulator.drive(&drive(&model, &[], substeps.div_ceil(model.substeps_per_control)))?;
        Ok(Experiment { model, simulator, substep: 0 })
    }
}

impl Experiment {
    pub fn time_secs(&self) -> f64 {
        self.substep as f64 * self.model.substep_secs
    }

    /// Runs until `secs` after the start.
    pub fn run_until(&mut self, secs: f64) -> Result<(), SimulationError> {
        let end = (secs / self.model.substep_secs).round() as usize;
        let range = self.substep..end.max(self.substep);
        self.substep = range.end;
        self.simulator.forward(range)
    }

    pub fn state(&mut self) -> Result<State<f64>, SimulationError> {
        self.simulator.read()
    }

    /// Changes the state between two substeps.
    pub fn rewrite(&mut self, change: impl FnOnce(&mut State<f64>)) -> Result<(), SimulationError> {
        let mut state = self.state()?;
        change(&mut state);
        self.simulator.load(&state)
    }

    /// Sums what acts on each collider from now on.
    pub fn sense_wrenches(&mut self) -> Result<(), SimulationError> {
        self.simulator.sense_wrenches(true)
    }

    /// Mean wrench on every collider over each control step so far,
    /// `[control_step * collider_count + collider]`.
    pub fn wrenches(&mut self) -> Result<Vec<Wrench>, SimulationError> {
        self.simulator.wrenches()
    }

    /// World positions [m].
    pub fn positions(&mut self) -> Result<Vec<[f64; 3]>, SimulationError> {
        self.simulator.observe(0)?;
        Ok(self.simulator.observation(0)?.x)
    }

    /// Looks `count` times, at equal distances until `secs`, and collects what was seen with its
    /// time.
    pub fn watch<T>(
        &mut self,
        secs: f64,
        count: usize,
        mut look: impl FnMut(&mut Self) -> Result<T, SimulationError>,
    ) -> Result<Vec<(f64, T)>, SimulationError> {
        let start = self.time_secs();
        let mut seen = Vec::with_capacity(count);
        for i in 1..=count {
            self.run_until(start + (secs - start) * i as f64 / count as f64)?;
            let value = look(self)?;
            seen.push((self.time_secs(), value));
        }
        Ok(seen)
    }

    /// Brings the model to rest by kinetic damping: whenever the kinetic energy has passed a peak,
    /// all motion is taken out. Static positions do not depend on it. Looks every `interval_secs`,
    /// until `secs`.
    pub fn settle(&mut self, interval_secs: f64, secs: f64) -> Result<(), SimulationError> {
        let mut before = 0.0;
        let start = self.time_secs();
        let looks = ((secs - start) / interval_secs).floor() as usize;
        for i in 1..=looks {
            self.run_until(start + interval_secs * i as f64)?;
            let mut state = self.state()?;
            let kinetic: f64 = state.v.iter().map(|v| v.norm_squared()).sum();
            if kinetic < before {
                state.v.fill(Vec3::zero());
                state.c.fill(Mat3::zero());
                self.simulator.load(&state)?;
                before = 0.0;
            } else {
                before = kinetic;
            }
        }
        Ok(())
    }
}

/// Slope and intercept of the least-squares line through points.
pub fn fit_line(points: &[[f64; 2]]) -> [f64; 2] {
    let n = points.len() as f64;
    let mean = |a: usize| points.iter().map(|p| p[a]).sum::<f64>() / n;
    let (x, y) = (mean(0), mean(1));
    let covariance: f64 = points.iter().map(|p| (p[0] - x) * (p[1] - y)).sum();
    let variance: f64 = points.iter().map(|p| (p[0] - x).powi(2)).sum();
    let slope = covariance / variance;
    [slope, y - slope * x]
}

/// The oscillation `mean + a cos(omega t) + b sin(omega t)` that fits points best.
pub struct Oscillation {
    pub mean: f64,
    pub amplitude: f64,
    /// [rad/s]
    pub omega: f64,
}

/// Fits an oscillation whose angular frequency lies between `low` and `high` [rad/s].
pub fn fit_oscillation(points: &[[f64; 2]], low: f64, high: f64) -> Oscillation {
    // Golden-section search: the misfit has one minimum near the frequency sought.
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut a, mut b) = (low, high);
    for _ in 0..80 {
        let (c, d) = (b - golden * (b - a), a + golden * (b - a));
        if harmonic(points, c).1 < harmonic(points, d).1 {
            b = d;
        } else {
            a = c;
        }
    }
    let omega = 0.5 * (a + b);
    let [mean, cosine, sine] = harmonic(points, omega).0;
    Oscillation { mean, amplitude: cosine.hypot(sine), omega }
}

/// Least squares on 1, cos, sin at one frequency: the coefficients and the misfit.
fn harmonic(points: &[[f64; 2]], omega: f64) -> ([f64; 3], f64) {
    let basis = |t: f64| Vec3([1.0, (omega * t).cos(), (omega * t).sin()]);
    let mut normal = Mat3::<f64>::zero();
    let mut right = Vec3::<f64>::zero();
    for &[t, y] in points {
        normal += basis(t).outer(basis(t));
        right += basis(t) * y;
    }
    let fit = normal.inverse() * right;
    let misfit = points.iter().map(|&[t, y]| (fit.dot(basis(t)) - y).powi(2)).sum();
    (fit.0, misfit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_oscillation_is_found() {
        let wave = |t: f64| 0.3 + 2.0 * (5.0 * t + 0.7).sin();
        let points: Vec<[f64; 2]> =
            (0..100).map(|i| 0.02 * i as f64).map(|t| [t, wave(t)]).collect();
        let found = fit_oscillation(&points, 4.0, 6.0);
        assert!((found.omega - 5.0).abs() < 1e-6, "{}", found.omega);
        assert!((found.mean - 0.3).abs() < 1e-6 && (found.amplitude - 2.0).abs() < 1e-6);
    }

    #[test]
    fn a_line_is_fitted_exactly() {
        let [slope, intercept] = fit_line(&[[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]]);
        assert!((slope - 2.0).abs() < 1e-12 && (intercept - 1.0).abs() < 1e-12);
    }
}

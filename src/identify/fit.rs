//! The search: Levenberg-Marquardt over a growing part of the motion.
//!
//! The misfit of a long motion has many minima (a vibration fits as badly half a period late as a
//! whole one), that of its beginning has one. So the fit looks first at the motion up to where the
//! prediction has gone astray by a third of the most that it will, then at more of it from where that
//! leads, until all of it is predicted.

use super::information::Information;
use super::parameter::{self, Parameter};
use super::predict::{Laboratory, predict};
use super::{IdentifyError, Observed, check_unstressed};
use crate::optim::{Bounds, LeastSquaresOptions, Local, SumOfSquares, least_squares};

/// Where the prediction counts as astray, as a fraction of its largest misfit.
const ASTRAY: f64 = 1.0 / 3.0;
/// Least growth of the part that is looked at, as a factor.
const GROWTH: f64 = 1.5;
/// A misfit below this many standard deviations of the noise is no reason to look at a part only.
const NEAR: f64 = 3.0;
/// No parameter changes by more than this factor's logarithm in a step.
const LONGEST_STEP: f64 = 0.7;
/// Step of parts of the motion that end a stage.
const STAGE_TOLERANCE: f64 = 3e-3;
/// Step at which the whole fit has converged: relative change of a parameter.
const TOLERANCE: f64 = 1e-5;
/// A change of a parameter by a factor e that moves what is observed by less than this many cell
/// widths (root mean square) does nothing.
const LEAST_EFFECT: f64 = 1e-4;

/// What is sought and how.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    pub parameters: &'a [Parameter],
    /// Where the search starts, in the units of the parameters' names.
    pub guess: &'a [f64],
    /// The intervals that it stays within.
    pub intervals: &'a [[f64; 2]],
    /// Standard deviation of an observed number [m].
    pub noise: f64,
    /// Relative step of the differences: the parameters' change that a rollout's round-off allows.
    pub difference: f64,
    /// Most Jacobians of one stage.
    pub iterations: usize,
}

/// How far a search has come, after an accepted step or a finished stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub stage: usize,
    /// Accepted steps so far, of all stages.
    pub iteration: usize,
    /// Rollouts so far.
    pub rollouts: usize,
    /// Looks that the stage fits, of all.
    pub looks: usize,
    pub all_looks: usize,
    /// Root mean square residual over those looks [m].
    pub rms: f64,
    pub values: Vec<f64>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// In the units of the parameters' names.
    pub values: Vec<f64>,
    /// Standard deviations of the values.
    pub std: Vec<f64>,
    /// In logarithms of the parameters (of Poisson's ratio: its own coordinate).
    pub information: Information,
    /// Root mean square residual [m].
    pub rms: f64,
    /// What the uncertainty takes for the standard deviation of a residual [m]: the noise stated,
    /// or the residual if that is larger.
    pub residual_std: f64,
    pub converged: bool,
    pub stages: usize,
    pub iterations: usize,
    pub rollouts: usize,
    /// What the model is seen to do at the guess, and as fitted, `[look][value]`.
    pub at_guess: Vec<Vec<f64>>,
    pub predicted: Vec<Vec<f64>>,
}

/// Finds the parameters with which the model moves as observed.
///
/// # Errors
/// The guess cannot be simulated, the observation does not depend on a parameter there, the device
/// fails, or the search was cancelled.
pub fn identify(
    laboratory: &Laboratory,
    observed: &Observed,
    search: &Search,
    observe: &mut dyn FnMut(&Progress),
) -> Result<Fitted, IdentifyError> {
    check_unstressed(laboratory.model)?;
    let Search { parameters, guess, intervals, .. } = *search;
    let bounds = parameter::bounds(parameters, intervals);
    let mut x: Vec<f64> =
        parameters.iter().zip(guess).map(|(p, &value)| p.to_coordinate(value)).collect();
    let mut residuals = Residuals {
        laboratory,
        observed,
        search,
        bounds: &bounds,
        looks: observed.steps.len(),
        rollouts: 0,
        near: None,
    };
    check_dependence(&mut residuals, &x)?;
    let at_guess = residuals.prediction(&x)?;

    let (all_looks, mut looks, mut stage, mut iteration) = (observed.steps.len(), 0, 0, 0);
    let mut converged = false;
    while looks < all_looks {
        stage += 1;
        looks = residuals.next_horizon(&x, looks)?;
        let last = looks == all_looks;
        let options = LeastSquaresOptions {
            iterations: search.iterations,
            tolerance: if last { TOLERANCE } else { STAGE_TOLERANCE },
            longest_step: LONGEST_STEP,
        };
        let minimum =
            least_squares(&mut residuals, &x, &bounds, &options, &mut |residuals, step| {
                iteration += 1;
                observe(&Progress {
                    stage,
                    iteration,
                    rollouts: residuals.rollouts,
                    looks,
                    all_looks,
                    rms: step.value.sqrt(),
                    values: residuals.values_at(step.x),
                });
                Ok(())
            })?;
        converged = minimum.converged;
        x = minimum.x;
    }

    let rms = residuals.value(&x)?.sqrt();
    let predicted = residuals.prediction(&x)?;
    let local = residuals.local(&x)?;
    let count = observed.count(all_looks) as f64;
    let free = (count - parameters.len() as f64).max(1.0);
    let residual_std = search.noise.max(rms * (count / free).sqrt());
    // `local` is of the mean of squares.
    let sums: Vec<f64> = local.information.iter().map(|entry| entry * count).collect();
    let information = Information::new(&sums, residual_std);
    let values = residuals.values_at(&x);
    let slopes = parameters.iter().zip(&values).map(|(p, &value)| p.slope(value));
    Ok(Fitted {
        std: slopes.zip(&information.std).map(|(slope, std)| slope * std).collect(),
        values,
        information,
        rms,
        residual_std,
        converged,
        stages: stage,
        iterations: iteration,
        rollouts: residuals.rollouts,
        at_guess,
        predicted,
    })
}

/// Predicted minus observed, as a function of coordinates.
struct Residuals<'a> {
    laboratory: &'a Laboratory<'a>,
    observed: &'a Observed,
    search: &'a Search<'a>,
    bounds: &'a Bounds,
    /// Looks that count, from the first.
    looks: usize,
    rollouts: usize,
    /// The last prediction, with its coordinates: the local model of a point begins there.
    near: Option<(Vec<f64>, Vec<Vec<f64>>)>,
}

impl Residuals<'_> {
    fn values_at(&self, x: &[f64]) -> Vec<f64> {
        self.search.parameters.iter().zip(x).map(|(p, &u)| p.from_coordinate(u)).collect()
    }

    /// What would be seen, as far as it counts; `None` if it cannot be simulated.
    fn seen_at(&mut self, x: &[f64]) -> Result<Option<Vec<Vec<f64>>>, IdentifyError> {
        let values = self.values_at(x);
        let Some(model) = self.laboratory.model_with(self.search.parameters, &values) else {
            return Ok(None);
        };
        self.rollouts += 1;
        predict(self.laboratory, model, &self.observed.seen, &self.observed.steps[..self.looks])
    }

    /// The same where it must be possible.
    fn prediction(&mut self, x: &[f64]) -> Result<Vec<Vec<f64>>, IdentifyError> {
        if let Some((at, looks)) = &self.near
            && at == x
            && looks.len() >= self.looks
        {
            return Ok(looks[..self.looks].to_vec());
        }
        let seen = self.seen_at(x)?.ok_or_else(|| {
            let named = self.search.parameters.iter().zip(self.values_at(x));
            let named: Vec<_> = named.map(|(p, v)| format!("{} = {v:.4}", p.name)).collect();
            IdentifyError::Guess {
                cause: format!("it diverges or its substep is not stable at {}", named.join(", ")),
            }
        })?;
        self.near = Some((x.to_vec(), seen.clone()));
        Ok(seen)
    }

    /// Derivatives of what is seen by each coordinate.
    fn jacobian(&mut self, x: &[f64]) -> Result<Vec<Vec<f64>>, IdentifyError> {
        let base = self.prediction(x)?;
        let mut columns = Vec::with_capacity(x.len());
        for i in 0..x.len() {
            // Towards the inside of the box, or the other way where that cannot be simulated.
            let inward =
                if x[i] + self.search.difference > self.bounds.upper(i) { -1.0 } else { 1.0 };
            let mut column = None;
            for sign in [inward, -inward] {
                let mut moved = x.to_vec();
                moved[i] += sign * self.search.difference;
                if let Some(seen) = self.seen_at(&moved)? {
                    let step = moved[i] - x[i];
                    let pairs = seen.iter().flatten().zip(base.iter().flatten());
                    column = Some(pairs.map(|(a, b)| (a - b) / step).collect());
                    break;
                }
            }
            columns.push(column.ok_or_else(|| IdentifyError::Guess {
                cause: format!("neither side of `{}` can be", self.search.parameters[i].name),
            })?);
        }
        Ok(columns)
    }

    /// How many looks to fit next.
    fn next_horizon(&mut self, x: &[f64], before: usize) -> Result<usize, IdentifyError> {
        self.looks = self.observed.steps.len();
        let predicted = self.prediction(x)?;
        let misfits: Vec<f64> = predicted
            .iter()
            .zip(&self.observed.values)
            .map(|(a, b)| {
                let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
                (sum / b.len() as f64).sqrt()
            })
            .collect();
        let largest = misfits.iter().copied().fold(0.0, f64::max);
        if largest > NEAR * self.search.noise {
            let astray = misfits.iter().position(|&m| m > ASTRAY * largest);
            let least = (before as f64 * GROWTH).ceil() as usize;
            self.looks = astray.map_or(self.looks, |look| (look + 1).max(least).min(self.looks));
        }
        Ok(self.looks)
    }
}

impl SumOfSquares for Residuals<'_> {
    type Error = IdentifyError;

    /// Mean square residual [m²].
    fn value(&mut self, x: &[f64]) -> Result<f64, IdentifyError> {
        let known = self.near.as_ref().is_some_and(|(at, l)| at == x && l.len() >= self.looks);
        if !known {
            match self.seen_at(x)? {
                None => return Ok(f64::INFINITY),
                Some(seen) => self.near = Some((x.to_vec(), seen)),
            }
        }
        let predicted = self.prediction(x)?;
        let pairs = predicted.iter().flatten().zip(self.observed.values.iter().flatten());
        let sum: f64 = pairs.map(|(a, b)| (a - b).powi(2)).sum();
        Ok(sum / self.observed.count(self.looks) as f64)
    }

    fn local(&mut self, x: &[f64]) -> Result<Local, IdentifyError> {
        let predicted = self.prediction(x)?;
        let columns = self.jacobian(x)?;
        let observed = self.observed.values.iter().flatten();
        let residuals: Vec<f64> =
            predicted.iter().flatten().zip(observed).map(|(a, b)| a - b).collect();
        let count = residuals.len() as f64;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / count;
        Ok(Local {
            gradient: columns.iter().map(|column| dot(column, &residuals)).collect(),
            information: columns.iter().flat_map(|a| columns.iter().map(|b| dot(a, b))).collect(),
        })
    }
}

/// That every parameter has an effect on what is observed, at the guess.
fn check_dependence(residuals: &mut Residuals, x: &[f64]) -> Result<(), IdentifyError> {
    let columns = residuals.jacobian(x)?;
    let least = LEAST_EFFECT * residuals.laboratory.model.cell_width;
    let values = residuals.values_at(x);
    for ((parameter, &value), column) in
        residuals.search.parameters.iter().zip(&values).zip(&columns)
    {
        let rms = (column.iter().map(|d| d * d).sum::<f64>() / column.len() as f64).sqrt();
        if !(rms > least) {
            let parameter = parameter.name.clone();
            return Err(IdentifyError::NoEffect { parameter, value, least });
        }
    }
    Ok(())
}

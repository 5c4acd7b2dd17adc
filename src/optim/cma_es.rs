//! CMA-ES, active covariance update, from `fcmaes-core`.
//!
//! It works in coordinates in which the box is [-1, 1] a side, and knows no bounds there: points
//! outside are reflected at them. (Clamping them, as the crate would, stalls when the minimum is at
//! a bound: the samples beyond it are all one point.) What that crate holds cannot be
//! stored, but it is a function of its seed and of the values it was told: the state is that
//! history, and resuming plays it back, which costs no evaluation.

use super::{Bounds, Evaluation, Optimizer, OptimizerError, OptimizerState};
use fcmaes_core::{Cmaes, CmaesParams, Fitness};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CmaEsOptions {
    /// Points in a generation; `None` is `4 + 3 ln(dimension)`.
    pub population: Option<usize>,
    /// Standard deviation at the start, as a fraction of half a coordinate's range.
    pub sigma: f64,
    pub seed: u64,
}

impl Default for CmaEsOptions {
    fn default() -> Self {
        Self { population: None, sigma: 0.3, seed: 0 }
    }
}

/// A stored [`CmaEs`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CmaEsState {
    start: Vec<f64>,
    /// Values told, by generation.
    history: Vec<Vec<f64>>,
    options: CmaEsOptions,
    bounds: Bounds,
}

pub struct CmaEs {
    state: CmaEsState,
    inner: Cmaes,
    /// The generation asked for and not yet told, in the caller's coordinates.
    asked: Option<Vec<Vec<f64>>>,
}

/// Stands in the ranking for a point whose value is not finite: after all others.
const WORST: f64 = f64::MAX;

impl CmaEs {
    pub fn new(
        start: &[f64],
        bounds: Bounds,
        options: CmaEsOptions,
    ) -> Result<Self, OptimizerError> {
        Self::from_state(CmaEsState { start: start.to_vec(), history: Vec::new(), options, bounds })
    }

    pub(super) fn from_state(state: CmaEsState) -> Result<Self, OptimizerError> {
        let CmaEsState { start, history, options, bounds } = &state;
        let (found, expected) = (start.len(), bounds.dimension());
        if found != expected || found == 0 {
            return Err(OptimizerError::Shape {
                what: "coordinates of the start",
                found,
                expected,
            });
        }
        if !(options.sigma > 0.0 && options.sigma.is_finite()) {
            let allowed = "a finite number > 0 is allowed";
            return Err(OptimizerError::Option { option: "sigma", value: options.sigma, allowed });
        }
        // Fewer than four points leave no difference between good and bad ones to learn from.
        if let Some(population) = options.population.filter(|&p| p < 4) {
            let allowed = "4 or more are allowed";
            let value = population as f64;
            return Err(OptimizerError::Option { option: "population", value, allowed });
        }
        let mut point = start.clone();
        bounds.project(&mut point);
        let parameters = CmaesParams {
            popsize: options.population.map_or(0, |p| p as i32),
            seed: options.seed,
            // The loop outside sets the limits; this number also damps the step size, and must
            // not depend on how a run is cut into pieces.
            max_evaluations: u64::MAX / 2,
            ..CmaesParams::default()
        };
        let fitness = Fitness::new(start.len(), 1, Vec::new(), Vec::new());
        let mut inner =
            Cmaes::new(fitness, &bounds.to_scaled(&point), &[options.sigma], &parameters);
        for values in history {
            inner.ask();
            inner.tell(values);
        }
        Ok(Self { state, inner, asked: None })
    }
}

impl Optimizer for CmaEs {
    fn ask(&mut self) -> Vec<Vec<f64>> {
        let asked = self.asked.get_or_insert_with(|| {
            self.inner.ask().iter().map(|z| self.state.bounds.from_scaled_mirrored(z)).collect()
        });
        asked.clone()
    }

    fn needs_gradient(&self) -> bool {
        false
    }

    fn tell(&mut self, evaluations: &[Evaluation]) -> Result<(), OptimizerError> {
        let (found, expected) = (evaluations.len(), self.inner.popsize());
        if found != expected {
            return Err(OptimizerError::Shape { what: "evaluations", found, expected });
        }
        if evaluations.iter().all(|e| !e.value.is_finite()) {
            return Err(OptimizerError::Population { population: found });
        }
        self.ask();
        let values: Vec<f64> =
            evaluations.iter().map(|e| if e.value.is_finite() { e.value } else { WORST }).collect();
        self.inner.tell(&values);
        self.state.history.push(values);
        self.asked = None;
        Ok(())
    }

    fn converged(&self) -> Option<String> {
        // The numbers are those of the crate's own criteria.
        let reason = match self.inner.stop() {
            0 => return None,
            1 => "the target value is reached",
            2 | 3 => "the steps have become too small or too large",
            4 | 5 => "the values no longer differ",
            6 => "the covariance is degenerate",
            _ => "its own criterion is met",
        };
        Some(reason.into())
    }

    fn state(&self) -> OptimizerState {
        OptimizerState::CmaEs(self.state.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(cma: &mut CmaEs, generations: usize, f: impl Fn(&[f64]) -> f64) -> f64 {
        let mut best = f64::INFINITY;
        for _ in 0..generations {
            let evaluations: Vec<_> =
                cma.ask().iter().map(|x| Evaluation { value: f(x), gradient: None }).collect();
            best = evaluations.iter().map(|e| e.value).fold(best, f64::min);
            cma.tell(&evaluations).unwrap();
        }
        best
    }

    fn rosenbrock(x: &[f64]) -> f64 {
        x.windows(2).map(|w| (1.0 - w[0]).powi(2) + 100.0 * (w[1] - w[0] * w[0]).powi(2)).sum()
    }

    fn bounds(dimension: usize) -> Bounds {
        Bounds::new(vec![-2.0; dimension], vec![3.0; dimension]).unwrap()
    }

    #[test]
    fn it_finds_the_bottom_of_rosenbrocks_valley() {
        let options = CmaEsOptions { population: Some(12), seed: 3, ..CmaEsOptions::default() };
        let mut cma = CmaEs::new(&[-1.0; 4], bounds(4), options).unwrap();
        let best = run(&mut cma, 500, rosenbrock);
        assert!(best < 1e-8, "{best}");
    }

    #[test]
    fn it_stays_within_bounds_of_any_size_and_finds_a_minimum_on_one() {
        let bounds = Bounds::new(vec![-1.0, 0.0, -1e4], vec![1.0, 5e4, 0.0]).unwrap();
        let options = CmaEsOptions { seed: 1, ..CmaEsOptions::default() };
        let mut cma = CmaEs::new(&[0.0, 1e4, -5e3], bounds, options).unwrap();
        let best = run(&mut cma, 150, |x| {
            assert!((-1.0..=1.0).contains(&x[0]) && (0.0..=5e4).contains(&x[1]));
            assert!((-1e4..=0.0).contains(&x[2]));
            (x[0] - 4.0).powi(2) + (x[1] / 5e4 - 0.5).powi(2) + (x[2] / 1e4 + 0.1).powi(2)
        });
        assert!((best - 9.0).abs() < 1e-6, "{best}");
    }

    #[test]
    fn the_seed_decides_the_points() {
        let points = |seed| {
            let options = CmaEsOptions { seed, ..CmaEsOptions::default() };
            CmaEs::new(&[0.0; 3], bounds(3), options).unwrap().ask()
        };
        assert_eq!(points(5), points(5));
        assert_ne!(points(5), points(6));
    }

    #[test]
    fn points_that_are_not_finite_are_ranked_last_and_a_generation_of_them_is_an_error() {
        let mut cma = CmaEs::new(&[0.0; 3], bounds(3), CmaEsOptions::default()).unwrap();
        let best = run(&mut cma, 80, |x| if x[0] < 0.0 { f64::NAN } else { rosenbrock(x) });
        assert!(best < 1.0, "{best}");
        let count = cma.ask().len();
        let nothing = vec![Evaluation { value: f64::NAN, gradient: None }; count];
        assert!(matches!(cma.tell(&nothing), Err(OptimizerError::Population { .. })));
    }
}

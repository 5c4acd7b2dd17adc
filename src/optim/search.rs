//! The loop around an optimiser: limits, the best point, stopping, and what is kept for later.

use super::{Evaluation, Optimizer, OptimizerError, OptimizerState};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use thiserror::Error;

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Iterations in all, those before a resume included.
    pub iterations: usize,
    /// Wall time in all [s], that before a resume included.
    pub secs: Option<f64>,
}

/// The best point so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    pub value: f64,
    /// Iteration that evaluated it, from 0.
    pub iteration: usize,
    pub x: Vec<f64>,
}

/// How far a search has come; with the optimiser's state, all that a resume needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Iterations done.
    pub iterations: usize,
    /// Evaluations done.
    pub evaluations: usize,
    /// Wall time spent [s].
    pub secs: f64,
    pub best: Option<Best>,
}

/// What one iteration did.
#[derive(Clone, Copy, Debug)]
pub struct Iteration<'a> {
    /// From 0.
    pub index: usize,
    /// The points of this iteration and their values.
    pub points: &'a [Vec<f64>],
    pub evaluations: &'a [Evaluation],
    /// Whether the best point is from this iteration.
    pub improved: bool,
    pub progress: &'a Progress,
    /// Estimate of the time to the first limit [s].
    pub secs_left: f64,
}

/// Why a search ended without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Iterations,
    Time,
    /// By the flag.
    Stopped,
    Converged(String),
}

/// Why a search broke off. What was best is in its [`Progress`].
#[derive(Debug, Error)]
pub enum SearchError<E: std::error::Error + 'static> {
    #[error("iteration {iteration}: {source}")]
    Optimizer { iteration: usize, source: OptimizerError },
    /// From the function that evaluates or the one that observes.
    #[error(transparent)]
    Caller(#[from] E),
}

/// Runs an optimiser until a limit is met or `stop` becomes true.
///
/// `evaluate(point, with_gradient)` may give up when `stop` is set and return any error: the
/// unfinished iteration is then dropped. `observe` is called after every iteration with the
/// optimiser's state.
pub fn search<E: std::error::Error + 'static>(
    optimizer: &mut dyn Optimizer,
    progress: &mut Progress,
    limits: Limits,
    stop: &AtomicBool,
    evaluate: &mut dyn FnMut(&[f64], bool) -> Result<Evaluation, E>,
    observe: &mut dyn FnMut(&Iteration, &dyn Fn() -> OptimizerState) -> Result<(), E>,
) -> Result<Ending, SearchError<E>> {
    let (start, secs_before, iterations_before) =
        (Instant::now(), progress.secs, progress.iterations);
    loop {
        if progress.iterations >= limits.iterations {
            return Ok(Ending::Iterations);
        }
        if limits.secs.is_some_and(|limit| progress.secs >= limit) {
            return Ok(Ending::Time);
        }
        if let Some(reason) = optimizer.converged() {
            return Ok(Ending::Converged(reason));
        }

        let iteration = progress.iterations;
        let points = optimizer.ask();
        let mut evaluations = Vec::with_capacity(points.len());
        for point in &points {
            if stop.load(Ordering::Relaxed) {
                return Ok(Ending::Stopped);
            }
            match evaluate(point, optimizer.needs_gradient()) {
                Ok(evaluation) => evaluations.push(evaluation),
                Err(_) if stop.load(Ordering::Relaxed) => return Ok(Ending::Stopped),
                Err(error) => return Err(SearchError::Caller(error)),
            }
        }
        let mut improved = false;
        for (x, Evaluation { value, .. }) in points.iter().zip(&evaluations) {
            let better = progress.best.as_ref().is_none_or(|best| *value < best.value);
            if value.is_finite() && better {
                progress.best = Some(Best { value: *value, iteration, x: x.clone() });
                improved = true;
            }
        }
        optimizer
            .tell(&evaluations)
            .map_err(|source| SearchError::Optimizer { iteration, source })?;
        progress.iterations += 1;
        progress.evaluations += points.len();
        let secs = start.elapsed().as_secs_f64();
        progress.secs = secs_before + secs;
        let pace = secs / (progress.iterations - iterations_before) as f64;
        let by_iterations = pace * (limits.iterations - progress.iterations) as f64;
        let by_time = limits.secs.map_or(f64::INFINITY, |limit| (limit - progress.secs).max(0.0));
        observe(
            &Iteration {
                index: iteration,
                points: &points,
                evaluations: &evaluations,
                improved,
                progress,
                secs_left: by_iterations.min(by_time),
            },
            &|| optimizer.state(),
        )?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Adam, AdamOptions, Bounds, CmaEs, CmaEsOptions};
    use super::*;

    #[derive(Debug, Error)]
    #[error("broken")]
    struct Broken;

    const FOREVER: usize = 1000;

    fn valley(x: &[f64], with_gradient: bool) -> Evaluation {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        let gradient = vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b];
        Evaluation { value: a * a + 100.0 * b * b, gradient: with_gradient.then_some(gradient) }
    }

    fn optimizers() -> Vec<Box<dyn Optimizer>> {
        let bounds = || Bounds::new(vec![-2.0; 2], vec![2.0, 3.0]).unwrap();
        let start = [-1.2, 1.0];
        vec![
            Box::new(Adam::new(&start, bounds(), AdamOptions::default()).unwrap()),
            Box::new(CmaEs::new(&start, bounds(), CmaEsOptions::default()).unwrap()),
        ]
    }

    fn run(
        optimizer: &mut dyn Optimizer,
        progress: &mut Progress,
        iterations: usize,
    ) -> Result<Ending, SearchError<Broken>> {
        search(
            optimizer,
            progress,
            Limits { iterations, secs: None },
            &AtomicBool::new(false),
            &mut |x, g| Ok(valley(x, g)),
            &mut |_, _| Ok(()),
        )
    }

    #[test]
    fn a_run_resumed_from_a_file_ends_with_the_same_bits_as_one_that_was_not_cut() {
        for (mut whole, mut cut) in optimizers().into_iter().zip(optimizers()) {
            let (mut progress, mut resumed) = (Progress::default(), Progress::default());
            run(whole.as_mut(), &mut progress, 60).unwrap();
            run(cut.as_mut(), &mut resumed, 23).unwrap();
            let text = toml::to_string(&cut.state()).unwrap();
            drop(cut);
            let mut cut = toml::from_str::<OptimizerState>(&text).unwrap().resume().unwrap();
            let text = toml::to_string(&resumed).unwrap();
            let mut resumed: Progress = toml::from_str(&text).unwrap();
            run(cut.as_mut(), &mut resumed, 60).unwrap();
            assert_eq!(resumed.best, progress.best);
            assert_eq!(cut.state(), whole.state());
            assert_eq!(cut.ask(), whole.ask());
        }
    }

    #[test]
    fn a_value_that_is_not_finite_is_an_error_with_its_iteration_and_the_best_is_kept() {
        let mut optimizer = optimizers().remove(0);
        let mut progress = Progress::default();
        let mut count = 0;
        let error = search::<Broken>(
            optimizer.as_mut(),
            &mut progress,
            Limits { iterations: FOREVER, secs: None },
            &AtomicBool::new(false),
            &mut |x, g| {
                count += 1;
                let value = if count == 8 { f64::NAN } else { valley(x, g).value };
                Ok(Evaluation { value, ..valley(x, g) })
            },
            &mut |_, _| Ok(()),
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "iteration 7: the objective is NaN; it must be finite");
        assert_eq!(progress.iterations, 7);
        assert!(progress.best.unwrap().value.is_finite());
    }

    #[test]
    fn a_flag_stops_at_once_and_keeps_the_best() {
        for mut optimizer in optimizers() {
            let (mut progress, stop) = (Progress::default(), AtomicBool::new(false));
            let ending = search(
                optimizer.as_mut(),
                &mut progress,
                Limits { iterations: FOREVER, secs: None },
                &stop,
                &mut |x, g| {
                    // As a rollout does that sees the flag: an error instead of a value.
                    if stop.load(Ordering::Relaxed) { Err(Broken) } else { Ok(valley(x, g)) }
                },
                &mut |iteration, _| {
                    stop.store(iteration.index == 4, Ordering::Relaxed);
                    Ok(())
                },
            )
            .unwrap();
            assert_eq!(ending, Ending::Stopped);
            assert_eq!(progress.iterations, 5);
            assert!(progress.best.is_some());
        }
    }

    #[test]
    fn time_is_a_limit_too_and_an_error_of_the_caller_comes_through() {
        let mut optimizer = optimizers().remove(0);
        let mut progress = Progress::default();
        let ending = search::<Broken>(
            optimizer.as_mut(),
            &mut progress,
            Limits { iterations: usize::MAX, secs: Some(0.05) },
            &AtomicBool::new(false),
            &mut |x, g| Ok(valley(x, g)),
            &mut |_, _| Ok(()),
        );
        assert_eq!(ending.unwrap(), Ending::Time);
        assert!(progress.secs >= 0.05);
        let error = search(
            optimizer.as_mut(),
            &mut Progress::default(),
            Limits { iterations: 5, secs: None },
            &AtomicBool::new(false),
            &mut |_, _| Err(Broken),
            &mut |_, _| Ok(()),
        );
        assert!(matches!(error, Err(SearchError::Caller(Broken))));
    }

    #[test]
    fn the_time_left_shrinks_to_nothing() {
        let mut optimizer = optimizers().remove(0);
        let mut left = Vec::new();
        search::<Broken>(
            optimizer.as_mut(),
            &mut Progress::default(),
            Limits { iterations: 30, secs: None },
            &AtomicBool::new(false),
            &mut |x, g| Ok(valley(x, g)),
            &mut |iteration, _| {
                left.push(iteration.secs_left);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(left.last(), Some(&0.0));
        assert!(left[0] > 0.0);
    }
}

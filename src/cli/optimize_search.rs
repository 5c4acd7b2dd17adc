//! `softscape optimize`, while it searches: evaluations, stages, the log and the files.

use super::error::CliError;
use super::gradient::{MEGABYTE, terms_json};
use super::interrupt::Interrupt;
use super::optimize::Plan;
use super::output::significant;
use super::progress::Progress as Bar;
use super::run_directory::{HighestScore, RunState};
use crate::mpm::simulator::Simulator;
use crate::optim::{Ending, Evaluation, Iteration, Limits, OptimizerState, SearchError, search};
use crate::rollout::{Rollout, RolloutError, Settings, TermValue, differentiate, evaluate};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// Time between two drawings of the curve.
const CURVE_INTERVAL: Duration = Duration::from_secs(10);

/// What one evaluation came to, beside what the optimiser sees.
struct Seen {
    /// Not clamped; none if the simulation broke.
    score: Option<f64>,
    terms: Vec<TermValue>,
    /// How the simulation broke, if it did.
    broke: Option<String>,
}

/// Runs all stages that are left.
pub(super) fn search_stages(
    plan: &mut Plan,
    simulator: &mut dyn Simulator,
    interrupt: &Interrupt,
) -> Result<Ending, CliError> {
    let bar = Bar::new("optimize", plan.run.iterations as u64);
    loop {
        let ending = search_stage(plan, simulator, interrupt, &bar)?;
        let time_is_up = plan.run.wall_secs.is_some_and(|secs| plan.progress.secs >= secs);
        if ending == Ending::Stopped || time_is_up || !plan.next_stage()? {
            return Ok(ending);
        }
    }
}

fn search_stage(
    plan: &mut Plan,
    simulator: &mut dyn Simulator,
    interrupt: &Interrupt,
    bar: &Bar,
) -> Result<Ending, CliError> {
    let title = plan.title();
    let Plan { run, model, task, directory, stage, base, space, .. } = plan;
    let limits = Limits {
        iterations: run.stages.iterations(*stage, run.iterations),
        secs: run.wall_secs.map(|secs| run.stages.secs(*stage, secs)),
    };
    bar.reach(plan.progress.iterations as u64);
    let seen = RefCell::new(Vec::<Seen>::new());
    let mut drawn = Instant::now();

    let mut evaluate_point = |x: &[f64], with_gradient: bool| -> Result<Evaluation, CliError> {
        let controls = space.rollout_controls(x);
        let rollout = Rollout {
            model,
            initial: &model.initial,
            controls: &controls,
            objective: &task.objective,
        };
        let mut settings = Settings {
            memory_bytes: run.checkpoint_budget * MEGABYTE,
            cancel: Some(interrupt.flag()),
            ..Settings::default()
        };
        let result = if with_gradient {
            differentiate(simulator, rollout, &mut settings).map(|(outcome, derivative)| {
                (outcome, Some(space.controls_adj(&derivative.controls)))
            })
        } else {
            evaluate(simulator, rollout, &mut settings).map(|outcome| (outcome, None))
        };
        match result {
            Ok((outcome, gradient)) => {
                let score = Some(task.score.raw(model, &outcome.last));
                seen.borrow_mut().push(Seen { score, terms: outcome.terms, broke: None });
                Ok(Evaluation { value: outcome.value, gradient })
            }
            // A point that breaks the simulation is a bad point, which the optimiser leaves.
            Err(RolloutError::Simulation(error)) if error.diverged_at().is_some() => {
                let broke = Some(error.to_string());
                seen.borrow_mut().push(Seen { score: None, terms: Vec::new(), broke });
                Ok(Evaluation { value: f64::INFINITY, gradient: None })
            }
            Err(error) => Err(error.into()),
        }
    };
    let (score, highest, log) = (&mut plan.score, &mut plan.highest, &mut plan.log);
    let mut observe =
        |iteration: &Iteration, state: &dyn Fn() -> OptimizerState| -> Result<(), CliError> {
            let seen = std::mem::take(&mut *seen.borrow_mut());
            let values = iteration.evaluations.iter().map(|e| e.value);
            let (index, value) = values
                .enumerate()
                .min_by(|a, b| a.1.total_cmp(&b.1))
                .expect("an iteration evaluates at least one point");
            if iteration.improved {
                *score = seen[index].score;
                directory.write_best(&space.controls(&iteration.points[index]))?;
            }
            for (point, seen) in iteration.points.iter().zip(&seen) {
                if let Some(score) = seen.score
                    && highest.is_none_or(|highest| score > highest.score)
                {
                    *highest = Some(HighestScore { score, iteration: iteration.index });
                    directory.write_highest_score(&space.controls(point))?;
                }
            }
            let best = iteration.progress.best.as_ref().map(|b| b.value);
            let line = log_line(iteration, space.horizon(), value, best, &seen[index]);
            directory.log(&line)?;
            log.push(line);
            directory.write_state(&RunState {
                stage: *stage,
                base: base.values().to_vec(),
                score: *score,
                highest: *highest,
                progress: iteration.progress.clone(),
                optimizer: state(),
            })?;
            if drawn.elapsed() > CURVE_INTERVAL {
                directory.draw_curve(&title, log)?;
                drawn = Instant::now();
            }
            bar.reach(iteration.progress.iterations as u64);
            let shown = best.map_or_else(|| "none".into(), significant);
            bar.say(format!("best {shown}, score {:.3}", score.map_or(0.0, clamped)));
            Ok(())
        };
    let ended = search(
        plan.optimizer.as_mut(),
        &mut plan.progress,
        limits,
        interrupt.flag(),
        &mut evaluate_point,
        &mut observe,
    );
    // What the optimiser could not leave.
    let broke = seen.into_inner().pop().and_then(|seen| seen.broke);
    ended.map_err(|error| match error {
        // Files that cannot be written speak for themselves.
        SearchError::Caller(error @ CliError::Write { .. }) => error,
        error => CliError::Search {
            cause: format!("iteration {}: {}", plan.progress.iterations, describe(&error, broke)),
            iterations: plan.progress.iterations,
            directory: plan.directory.path.clone(),
        },
    })
}

/// A score as it is reported.
pub(super) fn clamped(score: f64) -> f64 {
    score.clamp(0.0, 1.0)
}

fn describe(error: &SearchError<CliError>, broke: Option<String>) -> String {
    match error {
        SearchError::Optimizer { source, .. } => broke.unwrap_or_else(|| source.to_string()),
        SearchError::Caller(error) => error.to_string(),
    }
}

fn log_line(
    iteration: &Iteration,
    control_steps: usize,
    value: f64,
    best: Option<f64>,
    seen: &Seen,
) -> Value {
    let gradient = iteration.evaluations[0].gradient.as_deref();
    json!({
        "iteration": iteration.index,
        "control_steps": control_steps,
        "value": value,
        "best": best,
        "score": seen.score.map(clamped),
        "score_unclamped": seen.score,
        "terms": terms_json(&seen.terms),
        "broke": seen.broke,
        "gradient_norm": gradient.map(|g| g.iter().map(|g| g * g).sum::<f64>().sqrt()),
        "evaluations": iteration.progress.evaluations,
        "secs": iteration.progress.secs,
        "secs_left": iteration.secs_left,
    })
}

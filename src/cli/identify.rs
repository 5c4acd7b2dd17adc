//! `softscape identify`: material parameters from an observed motion.

use super::Outcome;
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::identify_args::IdentifyArgs;
use super::identify_plan::{Plan, Trial, plan};
use super::interrupt::Interrupt;
use super::output::{Output, significant};
use super::progress::Progress as Bar;
use crate::bench::validate::check::Plot;
use crate::identify::{
    Fitted, HeldOut, IdentifyError, Laboratory, Observed, Parameter, Progress, Search, Seen,
    hold_out, identify, predict,
};
use crate::model::Model;
use crate::rollout::RolloutError;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Instant;

/// Relative steps of the differences: small against the curvature of a motion, large against what
/// round-off grows to in it.
const DIFFERENCE: [(super::args::Precision, f64); 2] =
    [(super::args::Precision::F32, 2e-3), (super::args::Precision::F64, 1e-4)];
/// A parameter whose standard deviation is more than this fraction of it is not told.
const TOLD: f64 = 0.5;

/// Runs the command.
pub fn run(args: &IdentifyArgs, output: Output) -> miette::Result<Outcome> {
    let plan = plan(args)?;
    let device = Device::choose(&plan.device)?;
    output.note(&device.explain());
    output.note(&format!("run directory: {}", plan.directory.path.display()));
    let interrupt = Interrupt::listen();
    let make = |model: &Arc<Model>| make_simulator(model, &device);
    let laboratory = Laboratory {
        model: &plan.model,
        controls: &plan.controls,
        make: &make,
        substep_fixed: plan.scene.world.substep_secs.is_some(),
        max_speed: plan.scene.world.max_speed,
        cancel: Some(interrupt.flag()),
    };
    let solved = solve(&plan, &laboratory, output);
    if solved.is_err() {
        plan.directory.abandon();
    }
    match solved {
        Err(Failure::Identify(IdentifyError::Rollout(RolloutError::Cancelled))) => {
            Ok(Outcome::Interrupted)
        }
        Err(Failure::Identify(error)) => Err(CliError::from(error).into()),
        Err(Failure::Write(error)) => Err(error.into()),
        Ok(outcome) => Ok(outcome),
    }
}

enum Failure {
    Identify(IdentifyError),
    Write(CliError),
}

impl From<IdentifyError> for Failure {
    fn from(error: IdentifyError) -> Self {
        Self::Identify(error)
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self::Write(error)
    }
}

fn solve(plan: &Plan, laboratory: &Laboratory, output: Output) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let observed = match &plan.trial {
        Trial::Observed(observed) => observed.clone(),
        Trial::Check { section, seed, .. } => {
            observe_scene(plan, laboratory)?.with_noise(section.noise, *seed)
        }
    };
    let difference = DIFFERENCE.iter().find(|(of, _)| *of == plan.file.precision);
    let search = Search {
        parameters: &plan.parameters,
        guess: &plan.guess,
        intervals: &plan.intervals,
        noise: plan.noise,
        difference: difference.map_or(DIFFERENCE[1].1, |(_, step)| *step),
        iterations: plan.file.iterations,
    };
    let fitted = fit(plan, laboratory, &observed, &search)?;
    let mut result = result_json(plan, &observed, &fitted);
    result["secs"] = json!(started.elapsed().as_secs_f64());

    let mut passed = true;
    if let Trial::Check { section, held_out, .. } = &plan.trial {
        let truth: Vec<f64> = plan.parameters.iter().map(|p| p.value(&plan.model)).collect();
        for ((parameter, value), truth) in plan.parameters.iter().zip(&fitted.values).zip(&truth) {
            let error = (value - truth).abs() / truth.abs();
            passed &= error <= section.tolerance;
            let entry = &mut result["parameters"][&parameter.name];
            entry["truth"] = json!(truth);
            entry["relative_error"] = json!(error);
            entry["required"] = json!(section.tolerance);
        }
        let other = Laboratory { model: held_out, ..*laboratory };
        let found = hold_out(&other, &plan.parameters, &fitted.values)?;
        let guessed = hold_out(&other, &plan.parameters, &plan.guess)?;
        result["held_out"] = held_out_json(&found, &guessed);
        result["passed"] = json!(passed);
    }
    result["out"] = json!(plan.directory.path);
    plan.directory.write_result(&result)?;
    plan.directory.draw(&curves(plan, &observed, &fitted))?;
    if output.json {
        output.record(&result);
    } else {
        output.text(&as_text(plan, &fitted, &result));
    }
    Ok(if passed { Outcome::Done } else { Outcome::Missed })
}

/// The motion of the scene itself, at every control step.
fn observe_scene(plan: &Plan, laboratory: &Laboratory) -> Result<Observed, IdentifyError> {
    let seen = match &plan.trial {
        Trial::Check { map: Some(map), .. } => Seen::heights(*map, &plan.model),
        _ => Seen::all(&plan.model),
    };
    let steps: Vec<usize> = (0..=plan.controls.control_steps()).collect();
    let values = predict(laboratory, Model::clone(&plan.model), &seen, &steps)?;
    let cause = "the scene's own motion diverges".into();
    let values = values.ok_or(IdentifyError::Guess { cause })?;
    Ok(Observed { seen, steps, values })
}

fn fit(
    plan: &Plan,
    laboratory: &Laboratory,
    observed: &Observed,
    search: &Search,
) -> Result<Fitted, Failure> {
    let started = Instant::now();
    let bar = Bar::new("identify", observed.steps.len() as u64);
    let mut failed = None;
    let mut fitted_looks = 0;
    let fitted = identify(laboratory, observed, search, &mut |progress: &Progress| {
        bar.reach(fitted_looks);
        fitted_looks = progress.looks as u64;
        bar.say(format!(
            "stage {}, step {}: rms {} m",
            progress.stage,
            progress.iteration,
            significant(progress.rms)
        ));
        let line = json!({
            "stage": progress.stage,
            "iteration": progress.iteration,
            "rollouts": progress.rollouts,
            "looks": progress.looks,
            "rms": progress.rms,
            "values": named(&plan.parameters, &progress.values),
            "secs": started.elapsed().as_secs_f64(),
        });
        if let Err(error) = plan.directory.log(&line) {
            failed.get_or_insert(error);
        }
    })?;
    match failed {
        None => Ok(fitted),
        Some(error) => Err(error.into()),
    }
}

fn named(parameters: &[Parameter], values: &[f64]) -> Value {
    let entries = parameters.iter().zip(values).map(|(p, v)| (p.name.clone(), json!(v)));
    Value::Object(entries.collect())
}

fn result_json(plan: &Plan, observed: &Observed, fitted: &Fitted) -> Value {
    let n = plan.parameters.len();
    let mut parameters = Map::new();
    for (i, parameter) in plan.parameters.iter().enumerate() {
        parameters.insert(
            parameter.name.clone(),
            json!({
                "value": fitted.values[i],
                "std": fitted.std[i],
                "guess": plan.guess[i],
                "bounds": plan.intervals[i],
                "told": fitted.std[i] <= TOLD * fitted.values[i].abs(),
            }),
        );
    }
    let information = &fitted.information;
    let row = |i: usize| named(&plan.parameters, &information.correlation[i * n..(i + 1) * n]);
    let correlation = plan.parameters.iter().enumerate().map(|(i, p)| (p.name.clone(), row(i)));
    let directions: Vec<Value> = information
        .directions
        .iter()
        .map(|d| json!({"combination": named(&plan.parameters, &d.combination), "std": d.std}))
        .collect();
    json!({
        "scene": plan.model.name,
        "observed": observed.seen.describe(),
        "looks": observed.steps.len(),
        "parameters": parameters,
        "correlation": Value::Object(correlation.collect()),
        "directions": directions,
        "rms": fitted.rms,
        "noise": plan.noise,
        "residual_std": fitted.residual_std,
        "converged": fitted.converged,
        "stages": fitted.stages,
        "iterations": fitted.iterations,
        "rollouts": fitted.rollouts,
    })
}

fn held_out_json(found: &HeldOut, guessed: &HeldOut) -> Value {
    json!({
        "rms": found.rms,
        "rms_of_guess": guessed.rms,
        "travelled": found.travelled,
        "relative": found.rms / found.travelled,
        "relative_of_guess": guessed.rms / guessed.travelled,
    })
}

/// Observed and fitted over time, in two numbers that people can imagine.
fn curves(plan: &Plan, observed: &Observed, fitted: &Fitted) -> Plot {
    let control_secs = plan.model.substep_secs * plan.model.substeps_per_control as f64;
    let curve = |looks: &[Vec<f64>], of: usize| -> Vec<[f64; 2]> {
        let times = observed.steps.iter().map(|&s| s as f64 * control_secs);
        times.zip(looks).map(|(t, look)| [t, observed.seen.summary(look)[of].1]).collect()
    };
    let mut plot = Plot::new(&plan.model.name, "time [s]", "[m]");
    let names = observed.seen.summary(&observed.values[0]).map(|(name, _)| name);
    for (of, name) in names.iter().enumerate() {
        plot = plot
            .dots(&format!("{name}, observed"), curve(&observed.values, of))
            .line(&format!("{name}, fitted"), curve(&fitted.predicted, of))
            .line(&format!("{name}, guessed"), curve(&fitted.at_guess, of));
    }
    plot
}

fn as_text(plan: &Plan, fitted: &Fitted, result: &Value) -> String {
    let number = |value: &Value| value.as_f64().map_or_else(|| "?".into(), significant);
    let mut lines = Vec::new();
    for (i, parameter) in plan.parameters.iter().enumerate() {
        let entry = &result["parameters"][&parameter.name];
        let mut line = format!(
            "{} = {} +- {} (guess {})",
            parameter.name,
            significant(fitted.values[i]),
            significant(fitted.std[i]),
            significant(plan.guess[i])
        );
        if !entry["truth"].is_null() {
            let percent = |key: &str| significant(100.0 * entry[key].as_f64().unwrap_or(f64::NAN));
            let (error, required) = (percent("relative_error"), percent("required"));
            let truth = number(&entry["truth"]);
            line += &format!(", truth {truth}: error {error} %, at most {required} % required");
        }
        if entry["told"] == json!(false) {
            line += "; this observation does not tell it";
        }
        lines.push(line);
    }
    let n = plan.parameters.len();
    for i in 0..n {
        for j in 0..i {
            lines.push(format!(
                "correlation of {} and {}: {:.3}",
                plan.parameters[j].name,
                plan.parameters[i].name,
                fitted.information.correlation[i * n + j]
            ));
        }
    }
    if n > 1 {
        let told = [
            ("best", fitted.information.directions.first()),
            ("worst", fitted.information.directions.last()),
        ];
        for (which, direction) in told {
            let Some(direction) = direction else { continue };
            let factors = plan.parameters.iter().zip(&direction.combination);
            let product: Vec<_> = factors.map(|(p, e)| format!("{}^{e:.2}", p.name)).collect();
            lines.push(format!(
                "told {which}: {}, to a factor of exp({})",
                product.join(" * "),
                significant(direction.std)
            ));
        }
    }
    lines.push(format!(
        "residual {} m (noise {} m), {} in {} stages, {} steps, {} rollouts, {} s",
        significant(fitted.rms),
        significant(plan.noise),
        if fitted.converged { "converged" } else { "not converged" },
        fitted.stages,
        fitted.iterations,
        fitted.rollouts,
        number(&result["secs"])
    ));
    if let Value::Object(held_out) = &result["held_out"] {
        lines.push(format!(
            "held-out motion: {} m off over a way of {} m ({} %); with the guess {} m",
            number(&held_out["rms"]),
            number(&held_out["travelled"]),
            significant(100.0 * held_out["relative"].as_f64().unwrap_or(f64::NAN)),
            number(&held_out["rms_of_guess"])
        ));
    }
    lines.push(format!("written to {}", plan.directory.path.display()));
    lines.join("\n")
}

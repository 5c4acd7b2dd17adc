//! `softscape optimize`: a search for the controls that minimise a task's objective.

use super::args::{OptimizeArgs, OptimizerChoice};
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::gradient::{MEGABYTE, read_controls, terms_json};
use super::interrupt::Interrupt;
use super::load::load_task;
use super::output::{Output, significant};
use super::progress::Progress as Bar;
use super::run_directory::{
    OptimizerOptions, RunDirectory, RunFile, RunState, is_run_file, scene_fingerprint,
};
use super::{Outcome, positive};
use crate::model::Model;
use crate::mpm::simulator::{SimulationError, Simulator};
use crate::optim::{
    Adam, AdamOptions, CmaEs, CmaEsOptions, Ending, Evaluation, Iteration, Limits, Optimizer,
    OptimizerState, Progress, Rate, SearchError, search,
};
use crate::rollout::{
    Controls, Rollout, RolloutError, Settings, TermValue, differentiate, evaluate,
};
use crate::task::Task;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Iterations if none are given.
const ITERATIONS: usize = 100;
/// Where Adam's cosine schedule ends, as a fraction of the learning rate.
const LAST_RATE: f64 = 0.1;
/// Time between two drawings of the curve.
const CURVE_INTERVAL: Duration = Duration::from_secs(10);

/// A run that is ready to begin or to go on.
struct Plan {
    run: RunFile,
    model: Arc<Model>,
    task: Task,
    directory: RunDirectory,
    optimizer: Box<dyn Optimizer>,
    progress: Progress,
    best_score: f64,
    /// What the log holds so far.
    log: Vec<Value>,
}

/// Runs the command.
pub fn run(args: &OptimizeArgs, output: Output) -> miette::Result<Outcome> {
    let mut plan = plan(args)?;
    let mut device_args = plan.run.device_args();
    device_args.threads = args.device.threads;
    let device = Device::choose(&device_args)?;
    output.note(&device.explain());
    output.note(&format!("run directory: {}", plan.directory.path.display()));
    let mut simulator = make_simulator(&plan.model, &device).map_err(CliError::from)?;

    let interrupt = Interrupt::listen();
    let limits = Limits { iterations: plan.run.iterations, secs: plan.run.wall_secs };
    let ended = search_all(&mut plan, simulator.as_mut(), limits, &interrupt);
    plan.draw_curve()?;
    let ending = ended?;

    let best = plan.progress.best.as_ref();
    output.record(&json!({
        "task": plan.model.name,
        "optimizer": plan.optimizer_name(),
        "device": simulator.describe(),
        "iterations": plan.progress.iterations,
        "evaluations": plan.progress.evaluations,
        "objective": best.map(|b| b.value),
        "best_iteration": best.map(|b| b.iteration),
        "score": plan.best_score,
        "solved": plan.best_score >= plan.task.success,
        "secs": plan.progress.secs,
        "ended_by": ending_name(&ending),
        "out": plan.directory.path,
    }));
    Ok(if ending == Ending::Stopped { Outcome::Interrupted } else { Outcome::Done })
}

fn ending_name(ending: &Ending) -> String {
    match ending {
        Ending::Iterations => "iterations".into(),
        Ending::Time => "time".into(),
        Ending::Stopped => "interrupt".into(),
        Ending::Converged(why) => why.clone(),
    }
}

fn plan(args: &OptimizeArgs) -> miette::Result<Plan> {
    if let Some(secs) = args.wall_secs {
        positive("--wall-secs", secs)?;
    }
    match (&args.resume, &args.task) {
        (Some(directory), _) => resumed(args, directory),
        (None, Some(path)) if is_run_file(path) => repeated(args, path),
        (None, Some(path)) => fresh(args, path),
        (None, None) => Err(CliError::Option {
            option: "TASK",
            problem: "nothing given; a task file or --resume is needed".into(),
        }
        .into()),
    }
}

/// A new run of a task.
fn fresh(args: &OptimizeArgs, path: &Path) -> miette::Result<Plan> {
    let (loaded, task) = load_task(path, args.fidelity)?;
    let start = match &args.controls {
        None => task.start.clone(),
        Some(controls) => read_controls(controls, &task, &loaded.model)?,
    };
    let iterations = args.iterations.unwrap_or(ITERATIONS);
    let optimizer = match args.optimizer {
        OptimizerChoice::Adam => {
            let default = AdamOptions::default();
            OptimizerOptions::Adam(AdamOptions {
                learning_rate: args.learning_rate.unwrap_or(default.learning_rate),
                rate: Rate::Cosine { iterations, last: LAST_RATE },
                ..default
            })
        }
        OptimizerChoice::CmaEs => {
            OptimizerOptions::CmaEs(CmaEsOptions { seed: args.seed, ..CmaEsOptions::default() })
        }
    };
    let unreadable = |e: std::io::Error| CliError::Read { path: path.into(), cause: e.to_string() };
    let run = RunFile {
        format: RunFile::format(),
        scene: path.canonicalize().map_err(unreadable)?,
        scene_fingerprint: scene_fingerprint(path)?,
        fidelity: args.fidelity,
        device: args.device.device,
        precision: args.device.precision,
        iterations,
        wall_secs: args.wall_secs,
        checkpoint_budget: args.checkpoint_budget,
        optimizer,
    };
    let out = args.out.clone().unwrap_or_else(|| {
        let optimizer = optimizer_name(&run.optimizer);
        PathBuf::from("runs").join(format!("{}-{optimizer}-{}", loaded.model.name, args.seed))
    });
    begin(run, loaded.model, task, start, &out)
}

/// A new run with the options of an earlier one.
fn repeated(args: &OptimizeArgs, path: &Path) -> miette::Result<Plan> {
    let mut run = RunFile::read(path)?;
    override_limits(args, &mut run);
    let earlier = RunDirectory { path: path.parent().unwrap_or(Path::new("")).into() };
    let (loaded, task) = load_task(&run.scene, run.fidelity)?;
    let start = read_controls(&earlier.start_controls(), &task, &loaded.model)?;
    let Some(out) = &args.out else {
        let problem = "none given; the repeated run needs a directory of its own".into();
        return Err(CliError::Option { option: "--out", problem }.into());
    };
    begin(run, loaded.model, task, start, out)
}

fn begin(
    run: RunFile,
    model: Arc<Model>,
    task: Task,
    start: Controls,
    out: &Path,
) -> miette::Result<Plan> {
    let bounds = task.bounds(&model);
    let optimizer: Box<dyn Optimizer> = match run.optimizer {
        OptimizerOptions::Adam(options) => {
            Box::new(Adam::new(start.values(), bounds, options).map_err(CliError::from)?)
        }
        OptimizerOptions::CmaEs(options) => {
            Box::new(CmaEs::new(start.values(), bounds, options).map_err(CliError::from)?)
        }
    };
    let directory = RunDirectory::create(out, &run, &start)?;
    let (progress, log) = (Progress::default(), Vec::new());
    Ok(Plan { run, model, task, directory, optimizer, progress, best_score: 0.0, log })
}

/// A run that goes on in its directory.
fn resumed(args: &OptimizeArgs, path: &Path) -> miette::Result<Plan> {
    let directory = RunDirectory { path: path.into() };
    let mut run = RunFile::read(&directory.run_file())?;
    override_limits(args, &mut run);
    let (loaded, task) = load_task(&run.scene, run.fidelity)?;
    let RunState { best_score, progress, optimizer } = directory.read_state()?;
    let optimizer = optimizer.resume().map_err(CliError::from)?;
    let log = directory.cut_log(progress.iterations)?;
    directory.write_run(&run)?;
    Ok(Plan { run, model: loaded.model, task, directory, optimizer, progress, best_score, log })
}

fn override_limits(args: &OptimizeArgs, run: &mut RunFile) {
    run.iterations = args.iterations.unwrap_or(run.iterations);
    run.wall_secs = args.wall_secs.or(run.wall_secs);
}

/// What one evaluation came to, beside what the optimiser sees.
struct Seen {
    score: f64,
    terms: Vec<TermValue>,
}

fn search_all(
    plan: &mut Plan,
    simulator: &mut dyn Simulator,
    limits: Limits,
    interrupt: &Interrupt,
) -> Result<Ending, CliError> {
    let Plan { run, model, task, directory, optimizer, progress, best_score, log } = plan;
    let bar = Bar::new("optimize", limits.iterations as u64);
    bar.reach(progress.iterations as u64);
    let seen = std::cell::RefCell::new(Vec::<Seen>::new());
    let mut drawn = Instant::now();
    let title = format!("{} by {}", model.name, optimizer_name(&run.optimizer));

    let mut evaluate_point = |x: &[f64], with_gradient: bool| -> Result<Evaluation, CliError> {
        let controls = Controls::new(task.horizon, model.actions.len(), x.to_vec())
            .map_err(RolloutError::from)?;
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
            differentiate(simulator, rollout, &mut settings).map(|(o, d)| (o, Some(d.controls)))
        } else {
            evaluate(simulator, rollout, &mut settings).map(|o| (o, None))
        };
        match result {
            Ok((outcome, gradient)) => {
                let score = task.score.value(model, &outcome.last);
                seen.borrow_mut().push(Seen { score, terms: outcome.terms });
                Ok(Evaluation { value: outcome.value, gradient })
            }
            // A sample that breaks the simulation is a bad sample; a gradient step that does is
            // the end of the descent.
            Err(RolloutError::Simulation(SimulationError::Diverged { .. })) if !with_gradient => {
                seen.borrow_mut().push(Seen { score: 0.0, terms: Vec::new() });
                Ok(Evaluation { value: f64::INFINITY, gradient: None })
            }
            Err(error) => Err(error.into()),
        }
    };
    let mut observe = |iteration: &Iteration,
                       state: &dyn Fn() -> OptimizerState|
     -> Result<(), CliError> {
        let seen = std::mem::take(&mut *seen.borrow_mut());
        let values = iteration.evaluations.iter().map(|e| e.value);
        let (index, value) = values
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .expect("an iteration evaluates at least one point");
        if iteration.improved {
            *best_score = seen[index].score;
            let best =
                Controls::new(task.horizon, model.actions.len(), iteration.points[index].clone());
            directory.write_best(&best.map_err(RolloutError::from)?)?;
        }
        let best = iteration.progress.best.as_ref().map(|b| b.value);
        let line = log_line(iteration, value, best, &seen[index]);
        directory.log(&line)?;
        log.push(line);
        directory.write_state(&RunState {
            best_score: *best_score,
            progress: iteration.progress.clone(),
            optimizer: state(),
        })?;
        if drawn.elapsed() > CURVE_INTERVAL {
            directory.draw_curve(&title, log)?;
            drawn = Instant::now();
        }
        bar.reach(iteration.progress.iterations as u64);
        let shown = best.map_or_else(|| "none".into(), significant);
        bar.say(format!("best {shown}, score {best_score:.3}"));
        Ok(())
    };
    let ended = search(
        optimizer.as_mut(),
        progress,
        limits,
        interrupt.flag(),
        &mut evaluate_point,
        &mut observe,
    );
    ended.map_err(|error| match error {
        // Files that cannot be written speak for themselves.
        SearchError::Caller(error @ CliError::Write { .. }) => error,
        error => CliError::Search {
            cause: format!("iteration {}: {}", progress.iterations, describe(&error)),
            iterations: progress.iterations,
            directory: directory.path.clone(),
        },
    })
}

fn describe(error: &SearchError<CliError>) -> String {
    match error {
        SearchError::Optimizer { source, .. } => source.to_string(),
        SearchError::Caller(error) => error.to_string(),
    }
}

fn log_line(iteration: &Iteration, value: f64, best: Option<f64>, seen: &Seen) -> Value {
    let gradient = iteration.evaluations[0].gradient.as_deref();
    json!({
        "iteration": iteration.index,
        "value": value,
        "best": best,
        "score": seen.score,
        "terms": terms_json(&seen.terms),
        "gradient_norm": gradient.map(|g| g.iter().map(|g| g * g).sum::<f64>().sqrt()),
        "evaluations": iteration.progress.evaluations,
        "secs": iteration.progress.secs,
        "secs_left": iteration.secs_left,
    })
}

fn optimizer_name(options: &OptimizerOptions) -> &'static str {
    match options {
        OptimizerOptions::Adam(_) => "adam",
        OptimizerOptions::CmaEs(_) => "cma-es",
    }
}

impl Plan {
    fn optimizer_name(&self) -> &'static str {
        optimizer_name(&self.run.optimizer)
    }

    fn draw_curve(&self) -> Result<(), CliError> {
        let title = format!("{} by {}", self.model.name, self.optimizer_name());
        self.directory.draw_curve(&title, &self.log)
    }
}

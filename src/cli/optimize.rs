//! `softscape optimize`: a search for the controls that minimise a task's objective.

use super::args::{OptimizeArgs, OptimizerChoice};
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::gradient::read_controls;
use super::interrupt::Interrupt;
use super::load::load_task;
use super::optimize_search::{clamped, search_stages};
use super::output::Output;
use super::run_directory::{
    HighestScore, OptimizerOptions, RunDirectory, RunFile, RunState, is_run_file, scene_fingerprint,
};
use super::{Outcome, positive};
use crate::model::Model;
use crate::optim::{Adam, AdamOptions, CmaEs, CmaEsOptions, Ending, Optimizer, Progress, Rate};
use crate::rollout::{Controls, RolloutError};
use crate::task::{SearchSpace, Stages, Task};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Iterations if none are given.
const ITERATIONS: usize = 100;
/// Where Adam's cosine schedule ends, as a fraction of the learning rate.
const LAST_RATE: f64 = 0.1;

/// A run that is ready to begin or to go on.
pub(super) struct Plan {
    pub(super) run: RunFile,
    pub(super) model: Arc<Model>,
    pub(super) task: Task,
    pub(super) directory: RunDirectory,
    /// Stage that is under way, from 0.
    pub(super) stage: usize,
    /// Controls that it began with.
    pub(super) base: Controls,
    /// What it chooses.
    pub(super) space: SearchSpace,
    pub(super) optimizer: Box<dyn Optimizer>,
    pub(super) progress: Progress,
    /// Score of the best point.
    pub(super) score: Option<f64>,
    /// The highest score of this stage.
    pub(super) highest: Option<HighestScore>,
    /// What the log holds so far.
    pub(super) log: Vec<Value>,
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
    let ended = search_stages(&mut plan, simulator.as_mut(), &interrupt);
    plan.draw_curve()?;
    let ending = ended?;

    let best = plan.progress.best.as_ref();
    output.record(&json!({
        "task": plan.model.name,
        "optimizer": optimizer_name(&plan.run.optimizer),
        "device": simulator.describe(),
        "iterations": plan.progress.iterations,
        "evaluations": plan.progress.evaluations,
        "objective": best.map(|b| b.value),
        "best_iteration": best.map(|b| b.iteration),
        "score": plan.score.map(clamped),
        "score_unclamped": plan.score,
        "solved": plan.score.is_some_and(|score| clamped(score) >= plan.task.success),
        "highest_score_unclamped": plan.highest.map(|highest| highest.score),
        "highest_score_iteration": plan.highest.map(|highest| highest.iteration),
        "control_steps": plan.space.horizon(),
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
    let mut start = match &args.controls {
        None => task.start.clone(),
        Some(controls) => read_start(controls, &task, &loaded.model)?,
    };
    if let Some(spread) = args.spread {
        positive("--spread", spread)?;
        let space = SearchSpace::new(&task, &loaded.model, &start)
            .map_err(|e| CliError::Rollout(e.into()))?;
        start = space.scattered(spread, args.seed);
    }
    let count = args.stages.map_or(task.stages, usize::from);
    let stages = Stages { count, freeze: args.freeze };
    if stages.freeze && task.cycle.is_some() {
        let problem =
            "given, but the task's controls repeat (`cycle_secs`): all of them are one cycle";
        return Err(CliError::Option { option: "--freeze", problem: problem.into() }.into());
    }
    if stages.count > task.horizon {
        let problem =
            format!("{} given, for a horizon of {} control steps", stages.count, task.horizon);
        return Err(CliError::Option { option: "--stages", problem }.into());
    }
    let iterations = args.iterations.unwrap_or(ITERATIONS);
    if stages.freeze && stages.count == 1 {
        let problem = "given, but there is one stage; --stages of 2 or more is needed".into();
        return Err(CliError::Option { option: "--freeze", problem }.into());
    }
    if stages.count > iterations {
        let problem = format!(
            "{iterations} given for {} stages; there must be at least one for each (see --stages)",
            stages.count
        );
        return Err(CliError::Option { option: "--iterations", problem }.into());
    }
    let optimizer = match args.optimizer {
        OptimizerChoice::Adam => {
            let default = AdamOptions::default();
            OptimizerOptions::Adam(AdamOptions {
                learning_rate: args.learning_rate.unwrap_or(default.learning_rate),
                rate: Rate::Cosine {
                    iterations: stages.iterations(0, iterations),
                    last: LAST_RATE,
                },
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
        stages,
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
    let start = read_start(&earlier.start_controls(), &task, &loaded.model)?;
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
    let space = stage_space(&run, &task, &model, &start, 0)?;
    let optimizer = new_optimizer(&run, &space)?;
    let directory = RunDirectory::create(out, &run, &start)?;
    Ok(Plan {
        run,
        model,
        task,
        directory,
        stage: 0,
        base: start,
        space,
        optimizer,
        progress: Progress::default(),
        score: None,
        highest: None,
        log: Vec::new(),
    })
}

/// A run that goes on in its directory.
fn resumed(args: &OptimizeArgs, path: &Path) -> miette::Result<Plan> {
    let directory = RunDirectory { path: path.into() };
    let mut run = RunFile::read(&directory.run_file())?;
    override_limits(args, &mut run);
    let (loaded, task) = load_task(&run.scene, run.fidelity)?;
    let RunState { stage, base, score, highest, progress, optimizer } = directory.read_state()?;
    let model = loaded.model;
    let base = Controls::new(task.horizon, model.actions.len(), base)
        .map_err(|e| CliError::Rollout(e.into()))?;
    let space = stage_space(&run, &task, &model, &base, stage)?;
    let optimizer = optimizer.resume().map_err(CliError::from)?;
    let log = directory.cut_log(progress.iterations)?;
    directory.write_run(&run)?;
    Ok(Plan {
        run,
        model,
        task,
        directory,
        stage,
        base,
        space,
        optimizer,
        progress,
        score,
        highest,
        log,
    })
}

/// Controls from a file that a search can begin at.
fn read_start(path: &Path, task: &Task, model: &Model) -> Result<Controls, CliError> {
    let controls = read_controls(path, task, model)?;
    SearchSpace::new(task, model, &controls)
        .map_err(|e| CliError::Controls { path: path.into(), problem: e.to_string() })?;
    Ok(controls)
}

/// What a stage of a run chooses, around controls that earlier stages have found.
fn stage_space(
    run: &RunFile,
    task: &Task,
    model: &Model,
    base: &Controls,
    stage: usize,
) -> Result<SearchSpace, CliError> {
    let space = SearchSpace::new(task, model, base).map_err(RolloutError::from)?;
    Ok(space.within(run.stages.free(stage, task.horizon)))
}

/// An optimiser at its beginning.
fn new_optimizer(run: &RunFile, space: &SearchSpace) -> Result<Box<dyn Optimizer>, CliError> {
    let (start, bounds) = (space.start(), space.bounds());
    Ok(match run.optimizer {
        OptimizerOptions::Adam(options) => Box::new(Adam::new(&start, bounds, options)?),
        OptimizerOptions::CmaEs(options) => Box::new(CmaEs::new(&start, bounds, options)?),
    })
}

fn override_limits(args: &OptimizeArgs, run: &mut RunFile) {
    run.iterations = args.iterations.unwrap_or(run.iterations);
    run.wall_secs = args.wall_secs.or(run.wall_secs);
}

fn optimizer_name(options: &OptimizerOptions) -> &'static str {
    match options {
        OptimizerOptions::Adam(_) => "adam",
        OptimizerOptions::CmaEs(_) => "cma-es",
    }
}

impl Plan {
    /// Goes on with the next stage from the best of this one; false after the last.
    pub(super) fn next_stage(&mut self) -> Result<bool, CliError> {
        if self.stage + 1 >= self.run.stages.count {
            return Ok(false);
        }
        if let Some(best) = self.progress.best.take() {
            self.base = self.space.controls(&best.x);
        }
        self.stage += 1;
        self.space = stage_space(&self.run, &self.task, &self.model, &self.base, self.stage)?;
        self.optimizer = new_optimizer(&self.run, &self.space)?;
        (self.score, self.highest) = (None, None);
        Ok(true)
    }

    /// Of the curve.
    pub(super) fn title(&self) -> String {
        format!("{} by {}", self.model.name, optimizer_name(&self.run.optimizer))
    }

    fn draw_curve(&self) -> Result<(), CliError> {
        self.directory.draw_curve(&self.title(), &self.log)
    }
}

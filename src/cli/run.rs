//! `softscape run`: a scene forward in time, its state as files, its totals as a JSON line.

use super::advance::{Stop, advance};
use super::args::RunArgs;
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::files::{check_writable, make_directory};
use super::interrupt::Interrupt;
use super::load::load_scene;
use super::observe_file::Looks;
use super::output::Output;
use super::progress::Progress;
use super::state_file::write_state;
use super::{Outcome, positive};
use crate::agents::drive;
use crate::model::Model;
use crate::mpm::diagnostics::totals;
use crate::mpm::simulator::Simulator;
use crate::mpm::state::State;
use crate::rollout::Controls;
use miette::IntoDiagnostic;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What to do, with everything checked that can be checked before computing.
struct Plan {
    model: Arc<Model>,
    /// `[control step][channel]`, row-major, for all control steps.
    actions: Vec<f64>,
    control_steps: usize,
    substeps: usize,
    out: Option<PathBuf>,
    frames: Option<PathBuf>,
    observe: Option<Observe>,
}

/// What is observed for `softscape identify`.
struct Observe {
    path: PathBuf,
    particles: Vec<usize>,
}

/// Runs the command.
pub fn run(args: &RunArgs, output: Output) -> miette::Result<Outcome> {
    let plan = plan(args)?;
    let device = Device::choose(&args.device)?;
    output.note(&device.explain());
    let mut simulator = make_simulator(&plan.model, &device).map_err(CliError::from)?;
    let motion = drive(&plan.model, &plan.actions, plan.control_steps);
    simulator.load(&plan.model.initial).map_err(CliError::from)?;
    simulator.drive(&motion).map_err(CliError::from)?;

    let interrupt = Interrupt::listen();
    let started = Instant::now();
    let mut looks = Looks::default();
    let substeps = run_all(&plan, simulator.as_mut(), &interrupt, &mut looks)?;
    let wall_secs = started.elapsed().as_secs_f64();

    let state = simulator.read().map_err(CliError::from)?;
    let time_secs = substeps as f64 * plan.model.substep_secs;
    if let Some(out) = &plan.out {
        write_state(out, &plan.model, &state, time_secs)?;
    }
    if let Some(Observe { path, particles }) = &plan.observe {
        looks.write(path, particles)?;
    }
    report(&plan, simulator.as_ref(), &state, substeps, wall_secs, output);
    Ok(if substeps < plan.substeps { Outcome::Interrupted } else { Outcome::Done })
}

fn plan(args: &RunArgs) -> miette::Result<Plan> {
    let loaded = load_scene(&args.scene, args.fidelity)?;
    let substeps = match (args.substeps, args.secs) {
        (Some(substeps), _) => substeps,
        (None, Some(secs)) => loaded.substeps_in(positive("--secs", secs)?),
        (None, None) => loaded.substeps(),
    };
    let model = loaded.model;
    let control_steps = substeps.div_ceil(model.substeps_per_control);
    let mut actions = vec![0.0; control_steps * model.actions.len()];
    if let Some(path) = &args.controls {
        let controls = Controls::read_npz(path).into_diagnostic()?;
        controls.check(&model.actions, None).into_diagnostic()?;
        // Controls that end early are followed by rest, longer ones are cut.
        for (action, given) in actions.iter_mut().zip(controls.values()) {
            *action = *given;
        }
    }
    if let Some(out) = &args.out {
        check_writable(out)?;
    }
    if let Some(frames) = &args.frames {
        make_directory(frames)?;
        check_writable(&frame_path(frames, 0))?;
    }
    let observe = match &args.observe {
        None => None,
        Some(path) => {
            check_writable(path)?;
            let every = args.observe_every.get();
            let particles = (0..model.initial.particle_count()).step_by(every).collect();
            Some(Observe { path: path.clone(), particles })
        }
    };
    Ok(Plan {
        model,
        actions,
        control_steps,
        substeps,
        out: args.out.clone(),
        frames: args.frames.clone(),
        observe,
    })
}

/// Runs to the end, or to where the user stops it; the substeps done.
fn run_all(
    plan: &Plan,
    simulator: &mut dyn Simulator,
    interrupt: &Interrupt,
    looks: &mut Looks,
) -> Result<usize, CliError> {
    let progress = Progress::new("substeps", plan.substeps as u64);
    // Without frames and observations there is nothing to do between control steps.
    let stride = match plan.frames.is_some() || plan.observe.is_some() {
        true => plan.model.substeps_per_control,
        false => plan.substeps.max(1),
    };
    look_at(plan, simulator, 0, looks)?;
    for start in (0..plan.substeps).step_by(stride) {
        let end = (start + stride).min(plan.substeps);
        match advance(simulator, start..end, interrupt, |at| progress.reach(at as u64)) {
            Ok(()) => look_at(plan, simulator, end, looks)?,
            Err(Stop::Interrupted { substep }) => return Ok(substep),
            Err(Stop::Failed(cause)) => return Err(cause.into()),
            Err(Stop::Diverged { cause, substep, state }) => {
                let saved = saved_path(plan.out.as_deref());
                let time_secs = substep as f64 * plan.model.substep_secs;
                write_state(&saved, &plan.model, &state, time_secs)?;
                return Err(CliError::Stopped { cause, substep, saved });
            }
        }
    }
    Ok(plan.substeps)
}

/// What there is to do between control steps.
fn look_at(
    plan: &Plan,
    simulator: &mut dyn Simulator,
    substep: usize,
    looks: &mut Looks,
) -> Result<(), CliError> {
    write_frame(plan, simulator, substep)?;
    // A run may end within a control step; that is no moment of an observation.
    if let Some(observe) = &plan.observe
        && substep.is_multiple_of(plan.model.substeps_per_control)
    {
        simulator.observe(0)?;
        let time_secs = substep as f64 * plan.model.substep_secs;
        looks.add(time_secs, &simulator.observation(0)?.x, &observe.particles);
    }
    Ok(())
}

fn write_frame(plan: &Plan, simulator: &mut dyn Simulator, substep: usize) -> Result<(), CliError> {
    let Some(directory) = &plan.frames else { return Ok(()) };
    let frame = substep.div_ceil(plan.model.substeps_per_control);
    let time_secs = substep as f64 * plan.model.substep_secs;
    write_state(&frame_path(directory, frame), &plan.model, &simulator.read()?, time_secs)
}

fn frame_path(directory: &Path, frame: usize) -> PathBuf {
    directory.join(format!("frame-{frame:06}.npz"))
}

/// Where the state before a divergence goes: beside --out.
fn saved_path(out: Option<&Path>) -> PathBuf {
    const SUFFIX: &str = "before-divergence.npz";
    match out {
        None => PathBuf::from(SUFFIX),
        Some(out) => {
            let stem = out.file_stem().unwrap_or_default().to_string_lossy();
            out.with_file_name(format!("{stem}-{SUFFIX}"))
        }
    }
}

fn report(
    plan: &Plan,
    simulator: &dyn Simulator,
    state: &State<f64>,
    substeps: usize,
    wall_secs: f64,
    output: Output,
) {
    let model = &plan.model;
    let particles = state.particle_count();
    let totals = totals(model, state);
    output.record(&json!({
        "scene": model.name,
        "device": simulator.describe(),
        "particles": particles,
        "substeps": substeps,
        "interrupted": substeps < plan.substeps,
        "time_secs": substeps as f64 * model.substep_secs,
        "wall_secs": wall_secs,
        "particle_substeps_per_sec": (particles * substeps) as f64 / wall_secs,
        "mass": totals.mass,
        "momentum": totals.momentum,
        "angular_momentum": totals.angular_momentum,
        "kinetic_energy": totals.kinetic,
        "affine_energy": totals.affine,
        "potential_energy": totals.potential,
        "elastic_energy": totals.elastic,
        "peak_bytes": simulator.peak_bytes(),
        "out": plan.out,
    }));
}

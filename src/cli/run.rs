//! `softscape run`: a scene forward in time, its state as files, its totals as a JSON line.

use super::advance::{Stop, advance};
use super::args::RunArgs;
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::files::{check_writable, make_directory};
use super::identify_plan::height_map;
use super::interrupt::Interrupt;
use super::load::load_scene;
use super::observe_file::Looks;
use super::output::Output;
use super::progress::Progress;
use super::sensor_file::Readings;
use super::state_file::write_state;
use super::{Outcome, positive};
use crate::agents::{Drive, drive};
use crate::identify::Seen;
use crate::model::{Model, ground, level_summaries};
use crate::mpm::diagnostics::{Stretch, drained, stretches, totals};
use crate::mpm::simulator::{Observation, SimulationError, Simulator};
use crate::mpm::state::{RigidMotion, State};
use crate::rollout::{Controls, Moment, Sensor};
use crate::task::sensors;
use miette::IntoDiagnostic;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What to do, with everything checked that can be checked before computing.
struct Plan {
    model: Arc<Model>,
    substeps: usize,
    out: Option<PathBuf>,
    frames: Option<PathBuf>,
    observe: Option<Observe>,
    motion: Drive,
    sensors: Vec<Sensor>,
    sensors_out: Option<PathBuf>,
    /// What the user may not expect.
    notes: Vec<String>,
}

/// What is collected between control steps.
#[derive(Default)]
struct Collected {
    looks: Looks,
    readings: Readings,
    /// Of each body, over the frames.
    stretches: Vec<Stretch>,
    /// The rigid bodies at the last look.
    rigid: Vec<RigidMotion<f64>>,
}

/// What is observed for `softscape identify`.
struct Observe {
    path: PathBuf,
    seen: Seen,
}

/// Runs the command.
pub fn run(args: &RunArgs, output: Output) -> miette::Result<Outcome> {
    let plan = plan(args)?;
    let device = Device::choose(&args.device)?;
    output.note(&device.explain());
    plan.notes.iter().for_each(|note| output.note(note));
    let mut simulator = make_simulator(&plan.model, &device).map_err(CliError::from)?;
    simulator.load(&plan.model.initial).map_err(CliError::from)?;
    simulator.sense_wrenches(plan.feels()).map_err(CliError::from)?;
    simulator.drive(&plan.motion).map_err(CliError::from)?;

    let interrupt = Interrupt::listen();
    let started = Instant::now();
    let mut collected = Collected::default();
    let ended = run_all(&plan, simulator.as_mut(), &interrupt, &mut collected);
    let wall_secs = started.elapsed().as_secs_f64();
    // What was collected is kept, however it ended.
    let kept = collected.write(&plan, simulator.as_mut());
    if let (Err(_), Err(error)) = (&ended, &kept) {
        output.note(&format!("what was observed and sensed is lost: {error}"));
    }
    let substeps = ended?;
    kept?;

    let state = simulator.read().map_err(CliError::from)?;
    let time_secs = substeps as f64 * plan.model.substep_secs;
    if let Some(out) = &plan.out {
        write_state(out, &plan.model, &state, time_secs)?;
    }
    collected.strain(&plan.model, &state);
    report(&plan, simulator.as_ref(), &state, &collected, (substeps, wall_secs), output);
    Ok(if substeps < plan.substeps { Outcome::Interrupted } else { Outcome::Done })
}

fn plan(args: &RunArgs) -> miette::Result<Plan> {
    let loaded = load_scene(&args.scene, args.fidelity)?;
    let substeps = match (args.substeps, args.secs) {
        (Some(substeps), _) => substeps,
        (None, Some(secs)) => loaded.substeps_in(positive("--secs", secs)?),
        (None, None) => loaded.substeps(),
    };
    let (scene_substeps, model) = (loaded.substeps(), loaded.model);
    let control_steps = substeps.div_ceil(model.substeps_per_control);
    let mut actions = vec![0.0; control_steps * model.actions.len()];
    let mut notes = Vec::new();
    if let Some(path) = &args.controls {
        let controls = Controls::read_npz(path).into_diagnostic()?;
        controls.check(&model.actions, None).into_diagnostic()?;
        // Controls that end early are followed by rest, longer ones are cut.
        for (action, given) in actions.iter_mut().zip(controls.values()) {
            *action = *given;
        }
        let given = controls.control_steps();
        if given != control_steps {
            let rest = if given < control_steps { "; nothing is commanded after them" } else { "" };
            notes.push(format!("{given} control steps are given, {control_steps} are run{rest}"));
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
            let seen = match &args.observe_map {
                Some(name) => {
                    let (_, map) = height_map("--observe-map", &loaded.scene, &model, name)?;
                    Seen::heights(map, &model)
                }
                None => {
                    if let Err(why) = model.keeps_particles() {
                        let problem = format!("given, but {why}; observe a map (--observe-map)");
                        return Err(CliError::Option { option: "--observe", problem }.into());
                    }
                    let all = 0..model.initial.particle_count();
                    Seen::Points { particles: all.step_by(args.observe_every.get()).collect() }
                }
            };
            Some(Observe { path: path.clone(), seen })
        }
    };
    let sensors = sensors(&loaded.scene, &model)?;
    let open = loaded.scene.emitter.iter().any(|emitter| emitter.stop_secs.is_none());
    if open && substeps > scene_substeps {
        let secs = loaded.scene.duration_secs();
        notes.push(format!("emitters without `stop_secs` stop with the scene, after {secs} s"));
    }
    let misses = |sensor: &&Sensor| sensor.misses_what_sleeps(&model);
    if args.sensors.is_some()
        && let Some(sensor) = sensors.iter().find(misses)
    {
        notes.push(format!(
            "the sensor `{}` sees what is awake or held, not what sleeps",
            sensor.name
        ));
    }
    if let Some(path) = &args.sensors {
        if sensors.is_empty() {
            let problem = "given, but the scene has no [[sensor]]".into();
            return Err(CliError::Option { option: "--sensors", problem }.into());
        }
        check_writable(path)?;
    }
    Ok(Plan {
        motion: drive(&model, &actions, control_steps),
        sensors,
        notes,
        sensors_out: args.sensors.clone(),
        model,
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
    collected: &mut Collected,
) -> Result<usize, CliError> {
    let progress = Progress::new("substeps", plan.substeps as u64);
    // Without files of every control step there is nothing to do between control steps.
    let looks = plan.frames.is_some() || plan.observe.is_some() || plan.sensors_out.is_some();
    let stride = match looks {
        true => plan.model.substeps_per_control,
        false => plan.substeps.max(1),
    };
    look_at(plan, simulator, 0, collected)?;
    for start in (0..plan.substeps).step_by(stride) {
        let end = (start + stride).min(plan.substeps);
        match advance(simulator, start..end, interrupt, |at| progress.reach(at as u64)) {
            Ok(()) => look_at(plan, simulator, end, collected)?,
            Err(Stop::Interrupted { substep }) => return Ok(substep),
            Err(Stop::Failed(cause)) => return Err(cause.into()),
            Err(Stop::Broken { cause, substep, state }) => {
                let saved = saved_path(plan.out.as_deref(), &cause);
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
    collected: &mut Collected,
) -> Result<(), CliError> {
    write_frame(plan, simulator, substep, collected)?;
    // A run may end within a control step; that is no moment of an observation.
    let ended = substep.is_multiple_of(plan.model.substeps_per_control);
    if !ended || (plan.observe.is_none() && plan.sensors_out.is_none()) {
        return Ok(());
    }
    simulator.observe(0)?;
    let observation = simulator.observation(0)?;
    let time_secs = substep as f64 * plan.model.substep_secs;
    if let Some(observe) = &plan.observe {
        collected.looks.add(time_secs, &observe.seen, &observation);
    }
    if plan.sensors_out.is_some() && substep > 0 {
        let poses = plan.motion.poses_at(substep - 1);
        let moment = Moment {
            model: &plan.model,
            observation: &observation,
            poses,
            wrenches: &[],
            rigid_before: &collected.rigid,
        };
        collected.readings.add(time_secs, &plan.sensors, moment);
    }
    collected.rigid = observation.rigid;
    Ok(())
}

impl Plan {
    /// Whether the forces on colliders are measured.
    fn feels(&self) -> bool {
        self.sensors_out.is_some() && self.sensors.iter().any(Sensor::needs_wrenches)
    }
}

impl Collected {
    /// Notes how far the bodies are strained now.
    fn strain(&mut self, model: &Model, state: &State<f64>) {
        let now = stretches(model, state);
        self.stretches.resize(now.len(), Stretch::NONE);
        for (so_far, now) in self.stretches.iter_mut().zip(now) {
            *so_far = so_far.with(now);
        }
    }

    /// Writes what was observed and sensed.
    fn write(&mut self, plan: &Plan, simulator: &mut dyn Simulator) -> Result<(), CliError> {
        if let Some(Observe { path, seen }) = &plan.observe {
            self.looks.write(path, seen)?;
        }
        if let Some(path) = &plan.sensors_out {
            self.finish(plan, simulator)?;
            self.readings.write(path, &plan.sensors)?;
        }
        Ok(())
    }

    /// Adds the forces on colliders, which are summed on the device until the end.
    fn finish(&mut self, plan: &Plan, simulator: &mut dyn Simulator) -> Result<(), CliError> {
        if plan.feels() {
            let wrenches = simulator.wrenches()?;
            let none = Observation::default();
            let moment = Moment {
                model: &plan.model,
                observation: &none,
                poses: &[],
                wrenches: &[],
                rigid_before: &[],
            };
            self.readings.add_wrenches(&plan.sensors, moment, &wrenches);
        }
        Ok(())
    }
}

fn write_frame(
    plan: &Plan,
    simulator: &mut dyn Simulator,
    substep: usize,
    collected: &mut Collected,
) -> Result<(), CliError> {
    let Some(directory) = &plan.frames else { return Ok(()) };
    let state = simulator.read()?;
    collected.strain(&plan.model, &state);
    let frame = substep.div_ceil(plan.model.substeps_per_control);
    let time_secs = substep as f64 * plan.model.substep_secs;
    write_state(&frame_path(directory, frame), &plan.model, &state, time_secs)
}

fn frame_path(directory: &Path, frame: usize) -> PathBuf {
    directory.join(format!("frame-{frame:06}.npz"))
}

/// Where the state before what stopped a run goes: beside --out.
fn saved_path(out: Option<&Path>, cause: &SimulationError) -> PathBuf {
    let suffix = match cause.diverged_at() {
        Some(_) => "before-divergence.npz",
        None => "before-failure.npz",
    };
    match out {
        None => PathBuf::from(suffix),
        Some(out) => {
            let stem = out.file_stem().unwrap_or_default().to_string_lossy();
            out.with_file_name(format!("{stem}-{suffix}"))
        }
    }
}

fn report(
    plan: &Plan,
    simulator: &dyn Simulator,
    state: &State<f64>,
    collected: &Collected,
    (substeps, wall_secs): (usize, f64),
    output: Output,
) {
    let model = &plan.model;
    let particles = state.present().count();
    let totals = totals(model, state);
    let stretches: Map<String, Value> = model
        .bodies
        .iter()
        .zip(&collected.stretches)
        .map(|(body, s)| (body.name.clone(), json!([s.least, s.largest])))
        .collect();
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
        "drained": drained(model, state),
        "stretches": stretches,
        "levels": level_summaries(model, state),
        "ground": ground(model, state),
        "sensors": collected.readings.last(&plan.sensors),
        "peak_bytes": simulator.peak_bytes(),
        "out": plan.out,
    }));
}

//! `softscape gradient`: a task's objective and its derivatives by every input.

use super::Outcome;
use super::args::GradientArgs;
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::files::{check_writable, write_whole};
use super::gradient_check::{Point, check};
use super::interrupt::Interrupt;
use super::load::load_task;
use super::output::Output;
use super::progress::Progress;
use crate::model::Model;
use crate::mpm::simulator::Simulator;
use crate::rollout::{
    Controls, Derivative, Outcome as RolloutOutcome, RolloutError, Settings, TermValue,
    differentiate,
};
use crate::task::Task;
use ndarray::{Array0, Array2, arr1, arr2};
use ndarray_npy::{NpzWriter, WriteNpzError};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Bytes in the megabyte of `--checkpoint-budget`.
pub const MEGABYTE: u64 = 1_000_000;

/// Runs the command.
pub fn run(args: &GradientArgs, output: Output) -> miette::Result<Outcome> {
    let (loaded, task) = load_task(&args.task, args.fidelity)?;
    let model = loaded.model;
    let controls = match &args.controls {
        None => task.start.clone(),
        Some(path) => read_controls(path, &task, &model)?,
    };
    if let Some(out) = &args.out {
        check_writable(out)?;
    }
    let device = Device::choose(&args.device)?;
    output.note(&device.explain());
    let mut simulator = make_simulator(&model, &device).map_err(CliError::from)?;

    let interrupt = Interrupt::listen();
    let point = Point { model: &model, task: &task, initial: model.initial.clone(), controls };
    let megabytes = args.checkpoint_budget;
    let result = differentiate_at(simulator.as_mut(), &point, megabytes, &interrupt);
    let (outcome, derivative) = match result {
        Err(RolloutError::Cancelled) => return Ok(Outcome::Interrupted),
        result => result.map_err(CliError::from)?,
    };
    if let Some(out) = &args.out {
        write_derivative(out, &model, &point.controls, &outcome, &derivative)?;
    }
    let norm = |list: &[[f64; 3]]| list.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
    output.record(&json!({
        "task": model.name,
        "device": simulator.describe(),
        "particles": model.initial.particle_count(),
        "control_steps": task.horizon,
        "substeps": task.horizon * model.substeps_per_control,
        "objective": outcome.value,
        "terms": terms_json(&outcome.terms),
        "score": task.score.value(&model, &outcome.last),
        "norm_by_controls": derivative.controls.iter().map(|g| g * g).sum::<f64>().sqrt(),
        "norm_by_initial_x": norm(&derivative.initial_x),
        "norm_by_initial_v": norm(&derivative.initial_v),
        "by_material": material_json(&model, &derivative),
        "by_rigid_body": rigid_json(&model, &derivative),
        "forward_secs": outcome.forward_secs,
        "backward_secs": derivative.backward_secs,
        "checkpoint_bytes": derivative.checkpoint_bytes,
        "replayed_substeps": derivative.replayed_substeps,
        "peak_bytes": simulator.peak_bytes(),
        "out": args.out,
    }));
    match args.check {
        None => Ok(Outcome::Done),
        Some(count) => {
            let mut again = |point: &Point| {
                Ok(differentiate_at(simulator.as_mut(), point, megabytes, &interrupt)?.1)
            };
            let directions = (count, args.seed);
            check(&point, &derivative, &mut again, directions, &interrupt, output)
        }
    }
}

/// The objective and its derivative at a point, within so many megabytes of checkpoints.
fn differentiate_at(
    simulator: &mut dyn Simulator,
    point: &Point,
    megabytes: u64,
    interrupt: &Interrupt,
) -> Result<(RolloutOutcome, Derivative), RolloutError> {
    let bar = Progress::new("gradient", 0);
    let mut progress = |seen| bar.follow(seen);
    let mut settings = Settings {
        memory_bytes: megabytes * MEGABYTE,
        cancel: Some(interrupt.flag()),
        progress: Some(&mut progress),
        ..Settings::default()
    };
    differentiate(simulator, point.rollout(), &mut settings)
}

/// Controls of a task from a file, checked against its horizon, channels and bounds.
pub fn read_controls(path: &Path, task: &Task, model: &Model) -> Result<Controls, CliError> {
    let problem = |e: crate::rollout::ControlsError| CliError::Controls {
        path: path.into(),
        problem: e.to_string(),
    };
    let controls = Controls::read_npz(path).map_err(problem)?;
    controls.check(&model.actions, Some(task.horizon)).map_err(problem)?;
    Ok(controls)
}

/// Terms of an objective by name; several of one name are numbered.
pub fn terms_json(terms: &[TermValue]) -> Value {
    let mut map = Map::new();
    for (index, term) in terms.iter().enumerate() {
        let taken = map.contains_key(&term.name);
        let name = if taken { format!("{}_{index}", term.name) } else { term.name.clone() };
        map.insert(name, json!(term.value));
    }
    Value::Object(map)
}

fn material_json(model: &Model, derivative: &Derivative) -> Value {
    let by_material = model.materials.iter().zip(&derivative.materials).map(|(material, bars)| {
        let bars: Map<_, _> = bars.iter().map(|b| (b.name.to_owned(), json!(b.value))).collect();
        (material.name.clone(), Value::Object(bars))
    });
    Value::Object(by_material.collect())
}

fn rigid_json(model: &Model, derivative: &Derivative) -> Value {
    let by_body = model.rigid_bodies.iter().zip(&derivative.rigid).map(|(body, bar)| {
        let value = json!({
            "position": bar.motion.position.0,
            "rotation": bar.motion.rotation.0,
            "velocity": bar.motion.velocity.0,
            "angular_velocity": bar.motion.angular_velocity.0,
            "mass": bar.mass.mass,
        });
        (body.name.clone(), value)
    });
    Value::Object(by_body.collect())
}

/// Writes `objective`, `controls`, and the derivatives `by_controls` (control steps x actions),
/// `by_initial_x` and `by_initial_v` (N x 3), `by_<material>_<parameter>`, and for each rigid body
/// `by_<body>_position`, `.._rotation` (by a small rotation about the world axes), `.._velocity`,
/// `.._angular_velocity` (each 3), `.._mass` and `.._inertia` (3 x 3, body axes); all f64.
fn write_derivative(
    path: &Path,
    model: &Model,
    controls: &Controls,
    outcome: &RolloutOutcome,
    derivative: &Derivative,
) -> Result<(), CliError> {
    let shape = (controls.control_steps(), controls.action_count());
    let actions = |values: &[f64]| Array2::from_shape_fn(shape, |(s, a)| values[s * shape.1 + a]);
    let vectors = |list: &[[f64; 3]]| Array2::from_shape_fn((list.len(), 3), |(p, a)| list[p][a]);
    write_whole(path, |file| -> Result<(), WriteNpzError> {
        let mut npz = NpzWriter::new(file);
        npz.add_array("objective", &Array0::from_elem((), outcome.value))?;
        npz.add_array("controls", &actions(controls.values()))?;
        npz.add_array("by_controls", &actions(&derivative.controls))?;
        npz.add_array("by_initial_x", &vectors(&derivative.initial_x))?;
        npz.add_array("by_initial_v", &vectors(&derivative.initial_v))?;
        for (material, bars) in model.materials.iter().zip(&derivative.materials) {
            for bar in bars {
                let name = format!("by_{}_{}", material.name, bar.name);
                npz.add_array(name, &Array0::from_elem((), bar.value))?;
            }
        }
        for (body, bar) in model.rigid_bodies.iter().zip(&derivative.rigid) {
            let motion = [
                ("position", bar.motion.position),
                ("rotation", bar.motion.rotation),
                ("velocity", bar.motion.velocity),
                ("angular_velocity", bar.motion.angular_velocity),
            ];
            for (what, value) in motion {
                npz.add_array(format!("by_{}_{what}", body.name), &arr1(&value.0))?;
            }
            npz.add_array(format!("by_{}_mass", body.name), &Array0::from_elem((), bar.mass.mass))?;
            npz.add_array(format!("by_{}_inertia", body.name), &arr2(&bar.mass.inertia.0))?;
        }
        npz.finish()?;
        Ok(())
    })
}

//! What `softscape identify` is to do, with everything checked that can be checked before computing.

use super::error::CliError;
use super::identify_args::IdentifyArgs;
use super::identify_directory::{IdentifyDirectory, IdentifyFile, Start};
use super::load::load_scene;
use super::run_directory::{is_run_file, scene_fingerprint};
use super::{args::DeviceArgs, positive};
use crate::identify::{Observed, Parameter};
use crate::model::{Model, compile};
use crate::rollout::{Controls, HeightMap, Quantity, Sensor};
use crate::scene::{self, Scene};
use crate::task::sensors;
use miette::IntoDiagnostic;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Noise that is assumed if none is stated, in cell widths.
const NOISE: f64 = 0.01;

/// An identification ready to begin.
pub struct Plan {
    pub file: IdentifyFile,
    pub device: DeviceArgs,
    pub scene: Scene,
    pub model: Arc<Model>,
    pub parameters: Vec<Parameter>,
    pub guess: Vec<f64>,
    pub intervals: Vec<[f64; 2]>,
    /// [m]
    pub noise: f64,
    /// Of the whole motion.
    pub controls: Controls,
    pub trial: Trial,
    pub directory: IdentifyDirectory,
}

/// Where the observed motion comes from.
pub enum Trial {
    /// From a file.
    Observed(Observed),
    /// From the scene itself, with another motion held out.
    Check {
        section: scene::Identify,
        held_out: Arc<Model>,
        seed: u64,
        /// What alone is seen, if not every particle.
        map: Option<HeightMap>,
    },
}

/// Resolves what was typed, or the `run.toml` that was named.
pub fn plan(args: &IdentifyArgs) -> miette::Result<Plan> {
    let again = is_run_file(&args.scene);
    let file = if again { IdentifyFile::read(&args.scene)? } else { described(args)? };
    let mut device = args.device_args();
    (device.device, device.precision) = (file.device, file.precision);
    let loaded = load_scene(&file.scene, file.fidelity)?;
    let (scene, model) = (loaded.scene, loaded.model);
    let control_secs = model.substep_secs * model.substeps_per_control as f64;

    let section = match file.check_seed {
        None => None,
        Some(_) => Some(scene.identify.clone().ok_or_else(|| CliError::Option {
            option: "--check",
            problem: format!("{} has no [identify] section", file.scene.display()),
        })?),
    };
    let starts = starts(&file, section.as_ref(), &model)?;
    let names: Vec<String> = starts.iter().map(|s| s.name.clone()).collect();
    let parameters = Parameter::find_all(&model, &names).into_diagnostic()?;
    let mut guess = Vec::new();
    let mut intervals = Vec::new();
    for (parameter, start) in parameters.iter().zip(&starts) {
        let value = start.guess.unwrap_or_else(|| parameter.value(&model));
        parameter.check_guess(value).into_diagnostic()?;
        intervals.push(parameter.interval(value, start.bounds).into_diagnostic()?);
        guess.push(value);
    }

    let (trial, steps) = match (&section, &file.observed) {
        (Some(section), _) => {
            let steps = (scene.duration_secs() / control_secs).round().max(1.0) as usize;
            let held_out = Arc::new(thrown(&scene, section, file.fidelity.into())?);
            let seed = file.check_seed.unwrap_or(0);
            let map = match &section.sensor {
                Some(name) => Some(height_map("[identify] sensor", &scene, &model, name)?.1),
                None => {
                    if let Err(why) = model.keeps_particles() {
                        let problem = format!(
                            "given, but {why}; a map of heights (`sensor`) can be observed"
                        );
                        return Err(CliError::Option { option: "--check", problem }.into());
                    }
                    None
                }
            };
            (Trial::Check { section: section.clone(), held_out, seed, map }, steps)
        }
        (None, Some(path)) => {
            let observed = Observed::read(path, &model).into_diagnostic()?;
            let steps = observed.steps.last().copied().unwrap_or(0);
            (Trial::Observed(observed), steps)
        }
        (None, None) => {
            let problem = "none given; an observation or --check is needed".into();
            return Err(CliError::Option { option: "--observed", problem }.into());
        }
    };
    let controls = controls(file.controls.as_deref(), &model, steps)?;
    let noise = match (&section, file.noise) {
        (Some(section), _) if section.noise > 0.0 => section.noise,
        (_, Some(noise)) => positive("--noise", noise)?,
        _ => NOISE * model.cell_width,
    };
    let out = match (&args.out, again) {
        (Some(out), _) => out.clone(),
        (None, false) => PathBuf::from("runs").join(format!("{}-identify", model.name)),
        (None, true) => {
            let problem = "none given; the repeated run needs a directory of its own".into();
            return Err(CliError::Option { option: "--out", problem }.into());
        }
    };
    let directory = IdentifyDirectory::create(&out, &file)?;
    Ok(Plan {
        file,
        device,
        scene,
        model,
        parameters,
        guess,
        intervals,
        noise,
        controls,
        trial,
        directory,
    })
}

/// The run file of what was typed.
fn described(args: &IdentifyArgs) -> Result<IdentifyFile, CliError> {
    let absolute = |path: &Path| {
        let cause = |e: std::io::Error| CliError::Read { path: path.into(), cause: e.to_string() };
        path.canonicalize().map_err(cause)
    };
    let optional = |path: &Option<PathBuf>| path.as_deref().map(absolute).transpose();
    let observed = optional(&args.observed)?;
    if args.iterations == 0 {
        let problem = "0 given; at least 1 is needed".into();
        return Err(CliError::Option { option: "--iterations", problem });
    }
    let mut parameter: Vec<Start> = args
        .parameters
        .iter()
        .map(|name| Start { name: name.clone(), guess: None, bounds: None })
        .collect();
    for text in &args.guess {
        let (name, value) = assigned("--guess", text)?;
        let value = number("--guess", text, value)?;
        start_of("--guess", &mut parameter, name)?.guess = Some(value);
    }
    for text in &args.bounds {
        let (name, range) = assigned("--bounds", text)?;
        let (low, high) = range.split_once(':').ok_or_else(|| CliError::Option {
            option: "--bounds",
            problem: format!("`{text}` given; NAME=LOW:HIGH is allowed"),
        })?;
        let range = [number("--bounds", text, low)?, number("--bounds", text, high)?];
        start_of("--bounds", &mut parameter, name)?.bounds = Some(range);
    }
    Ok(IdentifyFile {
        format: IdentifyFile::FORMAT,
        scene: absolute(&args.scene)?,
        scene_fingerprint: scene_fingerprint(&args.scene)?,
        observed_fingerprint: observed.as_deref().map(scene_fingerprint).transpose()?,
        observed,
        controls: optional(&args.controls)?,
        check_seed: args.check.then_some(args.seed),
        fidelity: args.fidelity,
        device: args.device,
        precision: args.precision,
        noise: args.noise,
        iterations: args.iterations,
        parameter,
    })
}

fn assigned<'a>(option: &'static str, text: &'a str) -> Result<(&'a str, &'a str), CliError> {
    text.split_once('=').ok_or_else(|| CliError::Option {
        option,
        problem: format!("`{text}` given; NAME=VALUE is allowed"),
    })
}

fn number(option: &'static str, text: &str, value: &str) -> Result<f64, CliError> {
    value.trim().parse().map_err(|_| CliError::Option {
        option,
        problem: format!("`{text}` given; `{value}` is no number"),
    })
}

/// The entry of `--parameters` that another option speaks of.
fn start_of<'a>(
    option: &'static str,
    starts: &'a mut [Start],
    name: &str,
) -> Result<&'a mut Start, CliError> {
    let known = starts.iter().map(|s| s.name.clone()).collect::<Vec<_>>().join("`, `");
    starts.iter_mut().find(|s| s.name == name).ok_or_else(|| CliError::Option {
        option,
        problem: format!("`{name}` is not among --parameters (`{known}`)"),
    })
}

/// What is sought: as asked, or the section's parameters from its guesses.
fn starts(
    file: &IdentifyFile,
    section: Option<&scene::Identify>,
    model: &Model,
) -> miette::Result<Vec<Start>> {
    let Some(section) = section else { return Ok(file.parameter.clone()) };
    let names: Vec<String> = section.parameter.iter().map(|p| p.name.clone()).collect();
    Parameter::find_all(model, &names).into_diagnostic()?;
    let from =
        |p: &scene::Sought| Start { name: p.name.clone(), guess: Some(p.guess), bounds: None };
    Ok(section.parameter.iter().map(from).collect())
}

/// The scene with its bodies thrown as the held-out motion says.
fn thrown(
    scene: &Scene,
    section: &scene::Identify,
    fidelity: scene::Fidelity,
) -> miette::Result<Model> {
    let mut other = scene.clone();
    for body in &mut other.body {
        body.velocity = section.held_out.velocity;
        body.angular_velocity = section.held_out.angular_velocity;
    }
    Ok(compile(&other, fidelity)?)
}

/// The height map among the scene's sensors that is named.
pub fn height_map(
    option: &'static str,
    scene: &Scene,
    model: &Model,
    name: &str,
) -> miette::Result<(Sensor, HeightMap)> {
    let known = sensors(scene, model)?;
    let maps = known.into_iter().filter_map(|sensor| match sensor.quantity {
        Quantity::HeightMap(map) => Some((sensor, map)),
        _ => None,
    });
    let maps: Vec<(Sensor, HeightMap)> = maps.collect();
    let names = maps.iter().map(|(s, _)| format!("`{}`", s.name)).collect::<Vec<_>>().join(", ");
    let found = maps.into_iter().find(|(sensor, _)| sensor.name == name);
    let found = found.filter(|(s, _)| s.particles == (0..model.initial.particle_count()));
    Ok(found.ok_or_else(|| CliError::Option {
        option,
        problem: format!("`{name}` is no height_map sensor of all bodies (height maps: {names})"),
    })?)
}

/// What was commanded: the file, or nothing.
fn controls(path: Option<&Path>, model: &Model, steps: usize) -> Result<Controls, CliError> {
    let Some(path) = path else { return Ok(Controls::zeros(steps, model.actions.len())) };
    let problem = |problem: String| CliError::Controls { path: path.into(), problem };
    let controls = Controls::read_npz(path).map_err(|e| problem(e.to_string()))?;
    controls.check(&model.actions, None).map_err(|e| problem(e.to_string()))?;
    if controls.control_steps() < steps {
        let found = controls.control_steps();
        return Err(problem(format!("it ends after {found} control steps; {steps} were observed")));
    }
    Ok(controls)
}

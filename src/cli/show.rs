//! What `view` and `render` show: a scene, or the best trajectory of a run directory.

use super::args::FidelityChoice;
use super::error::CliError;
use super::load::{Loaded, load_scene};
use super::run_directory::{RunDirectory, RunFile};
use crate::model::stability;
use crate::render::Show;
use crate::rollout::{Controls, Objective};
use crate::task::Task;
use miette::IntoDiagnostic;
use std::path::{Path, PathBuf};

/// A show and what is known about it; a build without the window needs only the show.
#[cfg_attr(not(feature = "viewer"), allow(dead_code))]
pub struct Opened {
    pub title: String,
    pub show: Show,
    /// The speed that the substep was chosen for [m/s].
    pub fastest: f64,
    /// Of the task, if the scene has one.
    pub objective: Option<Objective>,
    /// Curves of the optimisation, if it is a run: name and (iteration, value).
    pub curves: Vec<(String, Vec<[f64; 2]>)>,
}

/// What was asked for, by its path.
struct Source {
    scene: PathBuf,
    fidelity: FidelityChoice,
    best: Option<PathBuf>,
    curves: Vec<(String, Vec<[f64; 2]>)>,
}

/// Opens a scene with its task's first controls, or a run directory with its best ones; `controls`
/// replaces those. `substeps` says how much of it to show.
pub fn open_show(
    path: &Path,
    fidelity: Option<FidelityChoice>,
    controls: Option<&Path>,
    substeps: impl FnOnce(&Loaded) -> Result<usize, CliError>,
) -> miette::Result<Opened> {
    let source = if path.is_dir() { run_at(path, fidelity)? } else { scene_at(path, fidelity) };
    let loaded = load_scene(&source.scene, source.fidelity)?;
    let task = match &loaded.scene.task {
        Some(_) => Some(Task::compile(&loaded.scene, &loaded.model)?),
        None => None,
    };
    let substeps = substeps(&loaded)?;
    let actions = match controls.map(Path::to_owned).or(source.best) {
        Some(path) => {
            let controls = Controls::read_npz(&path).into_diagnostic()?;
            controls.check(&loaded.model.actions, None).into_diagnostic()?;
            controls.values().to_vec()
        }
        None => task.as_ref().map_or_else(Vec::new, |task| task.start.values().to_vec()),
    };
    let fastest = stability(&loaded.model, loaded.scene.world.max_speed).max_speed;
    Ok(Opened {
        title: path.display().to_string(),
        show: Show::new(loaded.model, &actions, substeps),
        fastest,
        objective: task.map(|task| task.objective),
        curves: source.curves,
    })
}

fn scene_at(path: &Path, fidelity: Option<FidelityChoice>) -> Source {
    Source {
        scene: path.into(),
        fidelity: fidelity.unwrap_or(FidelityChoice::Standard),
        best: None,
        curves: Vec::new(),
    }
}

fn run_at(path: &Path, fidelity: Option<FidelityChoice>) -> Result<Source, CliError> {
    let directory = RunDirectory { path: path.into() };
    let run = RunFile::read(&directory.run_file())?;
    let log = directory.read_log()?;
    let curves = [("objective", "value"), ("best", "best"), ("score", "score")]
        .map(|(name, key)| (name.to_owned(), RunDirectory::curve(&log, key)));
    Ok(Source {
        scene: run.scene,
        fidelity: fidelity.unwrap_or(run.fidelity),
        best: Some(directory.best_controls()),
        curves: curves.into(),
    })
}

//! What `view` and `render` show: a scene, or the best trajectory of a run directory.

use super::args::FidelityChoice;
use super::error::CliError;
use super::load::{Loaded, load_scene};
use crate::render::Show;
use crate::rollout::{Controls, Objective};
use crate::task::Task;
use miette::IntoDiagnostic;
use std::path::Path;

/// A show and what is known about it.
pub struct Opened {
    pub title: String,
    pub show: Show,
    /// Of the task, if the scene has one.
    pub objective: Option<Objective>,
    /// Curves of the optimisation, if it is a run: name and (iteration, value).
    pub curves: Vec<(String, Vec<[f64; 2]>)>,
}

/// Opens a scene, or a run directory with its best controls; `controls` replaces those.
/// `substeps` says how much of it to show.
pub fn open_show(
    path: &Path,
    fidelity: FidelityChoice,
    controls: Option<&Path>,
    substeps: impl FnOnce(&Loaded) -> Result<usize, CliError>,
) -> miette::Result<Opened> {
    let loaded = load_scene(path, fidelity)?;
    let objective = match &loaded.scene.task {
        Some(_) => Some(Task::compile(&loaded.scene, &loaded.model)?.objective),
        None => None,
    };
    let substeps = substeps(&loaded)?;
    let controls = match controls {
        Some(path) => {
            let controls = Controls::read_npz(path).into_diagnostic()?;
            controls.check(&loaded.model.actions, None).into_diagnostic()?;
            controls
        }
        None => Controls::zeros(0, loaded.model.actions.len()),
    };
    let title = path.display().to_string();
    let show = Show::new(loaded.model, controls.values(), substeps);
    Ok(Opened { title, show, objective, curves: Vec::new() })
}

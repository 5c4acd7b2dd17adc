//! What `view` and `render` show: a scene, or the best trajectory of a run directory.

use super::args::FidelityChoice;
use super::error::CliError;
use super::load::{Loaded, load_scene};
use crate::render::Show;
use crate::rollout::Controls;
use miette::IntoDiagnostic;
use std::path::Path;

/// Opens a scene, or a run directory with its best controls; `controls` replaces those.
/// `substeps` says how much of it to show.
pub fn open_show(
    path: &Path,
    fidelity: FidelityChoice,
    controls: Option<&Path>,
    substeps: impl FnOnce(&Loaded) -> Result<usize, CliError>,
) -> miette::Result<Show> {
    let loaded = load_scene(path, fidelity)?;
    let substeps = substeps(&loaded)?;
    let controls = match controls {
        Some(path) => {
            let controls = Controls::read_npz(path).into_diagnostic()?;
            controls.check(&loaded.model.actions, None).into_diagnostic()?;
            controls
        }
        None => Controls::zeros(0, loaded.model.actions.len()),
    };
    Ok(Show::new(loaded.model, controls.values(), substeps))
}

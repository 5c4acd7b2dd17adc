//! What `view` and `render` show: a scene, or the best trajectory of a run directory.

use super::args::FidelityChoice;
use super::error::CliError;
use super::load::load_scene;
use crate::agents::{Drive, drive};
use crate::model::Model;
use crate::mpm::state::State;
use crate::render::{Frame, Paint};
use crate::rollout::Controls;
use miette::IntoDiagnostic;
use std::path::Path;
use std::sync::Arc;

/// A model with the actions that drive it, over a stretch of time.
pub struct Show {
    pub model: Arc<Model>,
    pub drive: Drive,
    pub substeps: usize,
}

impl Show {
    /// Opens a scene, or a run directory with its best controls; `controls` replaces those.
    /// `substeps` gets the length of the task or scene and gives the length to show.
    pub fn open(
        path: &Path,
        fidelity: FidelityChoice,
        controls: Option<&Path>,
        substeps: impl FnOnce(&super::load::Loaded) -> Result<usize, CliError>,
    ) -> miette::Result<Self> {
        let loaded = load_scene(path, fidelity)?;
        let substeps = substeps(&loaded)?;
        let model = loaded.model;
        let control_steps = substeps.div_ceil(model.substeps_per_control);
        let mut actions = vec![0.0; control_steps * model.actions.len()];
        if let Some(path) = controls {
            let controls = Controls::read_npz(path).into_diagnostic()?;
            controls.check(&model.actions, None).into_diagnostic()?;
            // Controls that end early are followed by rest, longer ones are cut.
            for (action, given) in actions.iter_mut().zip(controls.values()) {
                *action = *given;
            }
        }
        let drive = drive(&model, &actions, control_steps);
        Ok(Self { model, drive, substeps })
    }

    /// Time since the start [s].
    pub fn time_at(&self, substep: usize) -> f64 {
        substep as f64 * self.model.substep_secs
    }

    /// The frame of a state after that many substeps.
    pub fn frame(&self, state: &State<f64>, substep: usize, paint: &Paint) -> Frame {
        // The poses after the last substep are nowhere stored; the last ones are a substep old.
        let driven = substep.min(self.drive.substeps().saturating_sub(1));
        let (poses, activations) = if self.drive.substeps() == 0 {
            (&[][..], &[][..])
        } else {
            (self.drive.poses_at(driven), self.drive.activations_at(driven))
        };
        Frame::new(&self.model, state, poses, activations, paint)
    }
}

//! A model, what drives it, and for how long: what a picture, a movie and the window all show.

use super::{Frame, Paint};
use crate::agents::{Drive, drive};
use crate::model::Model;
use crate::mpm::state::State;
use std::sync::Arc;

/// A stretch of simulated time.
#[derive(Clone, Debug)]
pub struct Show {
    pub model: Arc<Model>,
    pub drive: Drive,
    pub substeps: usize,
}

impl Show {
    /// `actions[control_step * channels + channel]`, in the units of their channels. Actions that
    /// end early are followed by rest, those that go on longer are cut.
    pub fn new(model: Arc<Model>, actions: &[f64], substeps: usize) -> Self {
        let control_steps = substeps.div_ceil(model.substeps_per_control);
        let mut all = vec![0.0; control_steps * model.actions.len()];
        for (action, given) in all.iter_mut().zip(actions) {
            *action = *given;
        }
        let drive = drive(&model, &all, control_steps);
        Self { model, drive, substeps }
    }

    /// Time since the start [s].
    pub fn time_at(&self, substep: usize) -> f64 {
        substep as f64 * self.model.substep_secs
    }

    /// The frame of a state after that many substeps.
    pub fn frame(&self, state: &State<f64>, substep: usize, paint: &Paint) -> Frame {
        // No poses are known for the moment after the last substep; the last are a substep old.
        let (poses, activations) = match self.drive.substeps() {
            0 => (&[][..], &[][..]),
            n => {
                let driven = substep.min(n - 1);
                (self.drive.poses_at(driven), self.drive.activations_at(driven))
            }
        };
        let mut frame = Frame::new(&self.model, state, poses, activations, paint);
        if let Some(last) = self.drive.substeps().checked_sub(1) {
            frame.add_nozzles(&self.model, self.drive.nozzles_at(substep.min(last)));
        }
        frame
    }
}

//! A model, what drives it, and for how long: what a picture, a movie and the window all show.

use super::{Frame, Paint};
use crate::agents::{ColliderPose, Drive, drive};
use crate::model::{ActionChannel, Model};
use crate::mpm::state::State;
use std::sync::Arc;

/// A stretch of simulated time.
#[derive(Clone, Debug)]
pub struct Show {
    pub model: Arc<Model>,
    pub drive: Drive,
    pub substeps: usize,
    /// What the drive follows from: `[control_step * channels + channel]`.
    actions: Vec<f64>,
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
        Self { model, drive, substeps, actions: all }
    }

    /// What every control step does, `[control_step * channels + channel]`.
    pub fn actions(&self) -> &[f64] {
        &self.actions
    }

    /// Adds channels to the action, at rest in all control steps: nothing moves otherwise for that.
    pub fn add_channels(&mut self, channels: Vec<ActionChannel>) {
        let old = self.model.actions.len();
        Arc::make_mut(&mut self.model).actions.extend(channels);
        let new = self.model.actions.len();
        let mut actions = vec![0.0; self.drive.control_steps * new];
        if old > 0 {
            for (row, before) in actions.chunks_mut(new).zip(self.actions.chunks(old)) {
                row[..old].copy_from_slice(before);
            }
        }
        self.actions = actions;
    }

    /// The same model with another action in one control step; what went before it stays bit by bit. The
    /// show goes on at least to the end of that step.
    ///
    /// # Panics
    /// If the action does not have an entry for each channel.
    pub fn act(&mut self, control_step: usize, action: &[f64]) {
        let channels = self.model.actions.len();
        assert_eq!(action.len(), channels, "an action of the wrong length");
        let control_steps = self.drive.control_steps.max(control_step + 1);
        self.actions.resize(control_steps * channels, 0.0);
        self.actions[control_step * channels..][..channels].copy_from_slice(action);
        self.drive = drive(&self.model, &self.actions, control_steps);
        self.substeps = self.substeps.max((control_step + 1) * self.model.substeps_per_control);
    }

    /// Time since the start [s].
    pub fn time_at(&self, substep: usize) -> f64 {
        substep as f64 * self.model.substep_secs
    }

    /// The substep whose poses are shown after so many substeps, if any are known. None are for the
    /// moment after the last substep; the last are a substep old.
    fn driven(&self, substep: usize) -> Option<usize> {
        Some(substep.min(self.drive.substeps().checked_sub(1)?))
    }

    /// Poses of all colliders after so many substeps; nothing where nothing is driven.
    pub fn poses(&self, substep: usize) -> &[ColliderPose] {
        self.driven(substep).map_or(&[], |driven| self.drive.poses_at(driven))
    }

    /// Poses of all nozzles after so many substeps; nothing where nothing is driven.
    pub fn nozzles(&self, substep: usize) -> &[ColliderPose] {
        self.driven(substep).map_or(&[], |driven| self.drive.nozzles_at(driven))
    }

    /// The frame of a state after that many substeps.
    pub fn frame(&self, state: &State<f64>, substep: usize, paint: &Paint) -> Frame {
        let activations = self.driven(substep).map_or(&[][..], |n| self.drive.activations_at(n));
        let mut frame = Frame::new(&self.model, state, self.poses(substep), activations, paint);
        frame.add_nozzles(&self.model, self.nozzles(substep));
        frame
    }
}

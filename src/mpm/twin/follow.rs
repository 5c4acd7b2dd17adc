//! What happens before a substep: chunks sleep and wake, particles are split and merged, and each is told
//! its levels.

use super::levels::{self, Places, adapt};
use super::sleep::{self, Asleep, Surroundings, settle};
use super::storage::Stored;
use super::{Twin, context::Context};
use crate::agents::field_at;
use crate::math::Scalar;
use crate::model::{MAX_PARTICLES, Sleep};
use crate::mpm::simulator::SimulationError;
use crate::mpm::state::Cotangent;

/// What was done to the particles at the start of a control step.
pub enum Change<R> {
    Resized(levels::Change<R>),
    Slept(sleep::Change<R>),
}

impl<R: Scalar> Change<R> {
    /// The cotangent of the state before, and that state; `asleep` has those of what sleeps.
    pub fn undo(
        self,
        ctx: &Context<R>,
        bar: &Cotangent<R>,
        place: &[u32],
        asleep: &mut Asleep<R>,
    ) -> (Cotangent<R>, Stored<R>) {
        match self {
            Change::Resized(change) => (change.adj(ctx, bar, place), change.before),
            Change::Slept(change) => (change.adj(bar, place, asleep), change.before),
        }
    }
}

impl<R: Scalar> Twin<R> {
    /// Finds the levels that each particle takes part in; at the start of a control step, lets chunks
    /// sleep and wake and splits and merges particles first. Agents are where the control step finds
    /// them at its start.
    pub(super) fn follow(&mut self, substep: usize) -> Result<Vec<Change<R>>, SimulationError> {
        let levels = &self.model.levels;
        let start = substep - substep % self.model.substeps_per_control;
        let Some(drive) = self.drive.as_ref().filter(|_| levels.changes()) else {
            return Ok(Vec::new());
        };
        let field = field_at(&self.model, drive, start);
        let mut changes = Vec::new();
        if substep == start {
            if let Some(sleep) = &self.model.clone().levels.sleep {
                changes.extend(self.settle(sleep, start)?.map(Change::Slept));
            }
            let resized = adapt(&self.ctx, &field, &mut self.present);
            changes.extend(resized.into_iter().map(Change::Resized));
        }
        let count = self.present.id.len();
        if count > MAX_PARTICLES {
            return Err(SimulationError::Capacity {
                what: "particles after splitting and waking".into(),
                needed: count as u64,
                allowed: MAX_PARTICLES as u64,
            });
        }
        if self.has_levels() {
            let places = Places::new(&field, &self.present.cell, &self.present.offset);
            self.present.places = match self.model.levels.moves_in_gradients() {
                true => places.moving(field),
                false => places,
            };
        }
        Ok(changes)
    }

    fn settle(
        &mut self,
        sleep: &Sleep,
        start: usize,
    ) -> Result<Option<sleep::Change<R>>, SimulationError> {
        let Some(drive) = &self.drive else { return Ok(None) };
        let rigid = self.present.rigid.iter().map(|motion| motion.cast());
        // In f64, whatever the scalar: chunks are the same to all.
        let field = field_at(&self.model, drive, start);
        let (poses, archive) = (drive.poses_at(start), &self.archive);
        let around = Surroundings::at(&self.model, (sleep, archive), (poses, &field), rigid);
        settle(&self.ctx, &around, &mut self.present)
    }
}

//! Splitting and merging for a backend that holds its particles elsewhere: by state, in id order.

use super::{Change, Field, adapt};
use crate::model::Model;
use crate::mpm::state::{Cotangent, State};
use crate::mpm::twin::context::Context;
use crate::mpm::twin::storage::Stored;

/// What decides about particles, in f64.
pub struct Adaptation {
    ctx: Context<f64>,
}

/// What was split and merged at the start of one control step.
pub struct Adapted {
    /// In order; there is one at least.
    changes: Vec<Change<f64>>,
}

impl Adaptation {
    pub fn new(model: &Model) -> Self {
        Self { ctx: Context::new(model) }
    }

    /// The state after splitting and merging, or nothing if all particles stay as they are.
    pub fn adapt(&self, field: &Field<f64>, state: State<f64>) -> Option<(State<f64>, Adapted)> {
        let mut stored = Stored::from_state(state, &self.ctx.points);
        let changes = adapt(&self.ctx, field, &mut stored);
        if changes.is_empty() {
            return None;
        }
        Some((stored.to_state(true, false), Adapted { changes }))
    }

    /// The cotangent of the state before, from that after.
    pub fn adapt_adj(&self, adapted: &Adapted, mut bar: Cotangent<f64>) -> Cotangent<f64> {
        for change in adapted.changes.iter().rev() {
            // Ids are storage positions here.
            let place: Vec<u32> = (0..bar.x.len() as u32).collect();
            bar = change.adj(&self.ctx, &bar, &place);
        }
        bar
    }
}

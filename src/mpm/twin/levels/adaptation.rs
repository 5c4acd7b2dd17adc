//! Splitting and merging for a backend that holds its particles elsewhere: by state, in id order.
//!
//! A choice depends on the particles that it may concern alone: it is the same for a part of a state
//! that holds all of these, in their order; also if a site's particles that are not merged as they are
//! are left out, as long as nothing that was made comes there ([`Adapted::meets_others`]).

use super::change::{is_light, may_be_merged};
use super::{Change, Field, adapt};
use crate::model::Model;
use crate::mpm::state::{Cotangent, NO_MUSCLE, Particles, State};
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
    /// Whether any particle that was made came to where it might be merged with others, whether it was or not: a
    /// part of a state must then hold these, also where they are not merged among themselves.
    pub meets_others: bool,
}

/// Where a particle comes from, by index in the state before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is as it was.
    Kept(u32),
    /// It was made, and stands in the order of ids where this one was, which is no more.
    Made(u32),
}

impl Adapted {
    /// Of each particle after all changes, by index.
    pub fn sources(&self) -> Vec<Source> {
        let Some(first) = self.changes.first() else { return Vec::new() };
        let mut sources: Vec<_> = (0..first.before.id.len() as u32).map(Source::Kept).collect();
        for change in &self.changes {
            let place = |source: Source| match source {
                Source::Kept(at) | Source::Made(at) => at,
            };
            sources = change
                .follow()
                .map(|(from, kept)| match (kept, sources[from as usize]) {
                    (true, source) => source,
                    (false, source) => Source::Made(place(source)),
                })
                .collect();
        }
        sources
    }
}

/// What a particle is, as far as it matters to whether it is split or merged; one that is held is neither, as
/// long as it is.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub level: u8,
    pub body: u32,
    /// Particles along the edge of a cell in its body.
    pub per_axis: u32,
    pub may_merge: bool,
    /// Whether it has too little volume for its level.
    pub is_light: bool,
}

impl Adaptation {
    pub fn new(model: &Model) -> Self {
        Self { ctx: Context::new(model) }
    }

    pub fn kind(&self, particles: &Particles, p: usize) -> Kind {
        let (level, body) = (particles.level[p], particles.body[p]);
        Kind {
            level,
            body,
            per_axis: self.ctx.per_axis[body as usize],
            may_merge: particles.muscle[p] == NO_MUSCLE,
            is_light: level > 0 && is_light(&self.ctx, particles.volume[p], body, level),
        }
    }

    /// How long what was decided holds [s].
    pub fn control_secs(&self) -> f64 {
        self.ctx.control_secs
    }

    /// As [`crate::model::Levels::hysteresis`] [m].
    pub fn hysteresis(&self) -> f64 {
        self.ctx.hysteresis
    }

    /// The state after splitting and merging, or nothing if all particles stay as they are.
    pub fn adapt(&self, field: &Field<f64>, state: State<f64>) -> Option<(State<f64>, Adapted)> {
        let mut stored = Stored::from_state(state, &self.ctx.points);
        let changes = adapt(&self.ctx, field, &mut stored);
        if changes.is_empty() {
            return None;
        }
        let after = changes.iter().skip(1).map(|change| &change.before).chain([&stored]);
        let meets = |(change, after): (&Change<f64>, &Stored<f64>)| {
            let made = change.follow().enumerate().filter(|(_, (_, kept))| !kept);
            // Ids are storage positions here.
            made.into_iter().any(|(id, _)| may_be_merged(&self.ctx, field, after, id))
        };
        let meets_others = changes.iter().zip(after).any(meets);
        Some((stored.to_state(true, false), Adapted { changes, meets_others }))
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

//! Sleep and wake: which chunks of the world take part in a control step.
//!
//! A chunk is awake where something is near or stirs, held at the rim of what is awake, and else away:
//! asleep in an archive, or virgin. The choice is made at the start of a control step from the state
//! alone, in the order of chunks, so that a replay makes it again bit by bit; it carries no derivative.
//! It is made in `choice`, for any backend that says what the particles of each chunk do; what it does to
//! the twin's particles is in `change`.
//!
//! A particle that is held gives its mass and stress to the grid as ever, and does not move: what is awake
//! meets the resistance of ground that goes on, and waves run into it and die.

mod change;
mod choice;
#[cfg(test)]
mod tests;

pub use change::{Asleep, Change};
pub use choice::{Arrival, Choice, Fate, Stir, Surroundings};

use super::context::Context;
use super::storage::Stored;
use crate::math::Scalar;
use crate::mpm::simulator::SimulationError;
use crate::mpm::state::{ChunkKey, NO_MUSCLE};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Particles that are looked at by one thread at a time.
const PART: usize = 4096;

/// Lets chunks sleep and wake. Returns what was done to the particles, or to the chunks alone; nothing
/// if all stay as they are.
///
/// # Errors
/// The archive cannot be written or read, or ground is needed that cannot be made: the state stays as it was.
pub fn settle<R: Scalar>(
    ctx: &Context<R>,
    around: &Surroundings,
    stored: &mut Stored<R>,
) -> Result<Option<Change<R>>, SimulationError> {
    let Surroundings { sleep, frame, .. } = *around;
    let keys: Vec<ChunkKey> = stored
        .cell
        .par_iter()
        .zip(&stored.offset)
        .map(|(&cell, offset)| {
            // The cell that it lies in, not the nearest node.
            let below = |a: usize| cell[a].wrapping_sub(i32::from(offset[a] < R::zero()));
            sleep.chunk_of(frame, std::array::from_fn(below))
        })
        .collect();
    match around.choose(&stored.chunks, &stirs(ctx, stored, &keys))? {
        Some(choice) => change::apply(around, stored, &keys, choice).map(Some),
        None => Ok(None),
    }
}

/// What the particles of each chunk do. A maximum does not depend on the order.
fn stirs<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    keys: &[ChunkKey],
) -> BTreeMap<ChunkKey, Stir> {
    let part = |n: usize, keys: &[ChunkKey]| {
        let mut part: FxHashMap<ChunkKey, Stir> = FxHashMap::default();
        for (k, &key) in keys.iter().enumerate() {
            let p = n * PART + k;
            let stir = part.entry(key).or_default();
            let point = &stored.points[stored.id[p] as usize];
            if point.held {
                continue;
            }
            // The affine motion at the edge of its cell counts as well.
            let v = stored.v[p].norm_squared().to_f64().sqrt();
            let c = stored.c[p].double_dot(stored.c[p]).to_f64().sqrt();
            let half = 0.5 * ctx.lattices[usize::from(point.level)].cell_width.to_f64();
            // A muscle may pull whenever it is told to.
            let muscle = if point.muscle == NO_MUSCLE { 0.0 } else { f64::INFINITY };
            stir.speed = stir.speed.max(v).max(c * half).max(muscle);
            stir.free = true;
        }
        part
    };
    let parts: Vec<_> = keys.par_chunks(PART).enumerate().map(|(n, keys)| part(n, keys)).collect();
    let mut stirs: BTreeMap<ChunkKey, Stir> = BTreeMap::new();
    for (key, part) in parts.into_iter().flatten() {
        let stir = stirs.entry(key).or_default();
        stir.speed = stir.speed.max(part.speed);
        stir.free |= part.free;
    }
    stirs
}

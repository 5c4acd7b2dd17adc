//! Sleep and wake: which chunks of the world take part in a control step.
//!
//! A chunk is awake where something is near or stirs, held at the rim of what is awake, and else away:
//! asleep in an archive, or virgin. The choice is made at the start of a control step from the state
//! alone, in the order of chunks, so that a replay makes it again bit by bit; it carries no derivative.
//! What it does to the particles is in `change`.
//!
//! A particle that is held gives its mass and stress to the grid as ever, and does not move: what is awake
//! meets the resistance of ground that goes on, and waves run into it and die.

mod change;
#[cfg(test)]
mod tests;

pub use change::{Asleep, Change};

use super::context::Context;
use super::storage::Stored;
use crate::math::Scalar;
use crate::model::{Field, Frame, Levels, Site, Sleep, Terrain, around};
use crate::mpm::state::{Archive, Archived, Chunk, ChunkKey, Chunks, State};
use change::Arrival;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

/// Particles that are looked at by one thread at a time.
const PART: usize = 4096;

/// What a control step finds before it begins.
pub struct Surroundings<'a> {
    pub sleep: &'a Sleep,
    pub frame: Frame,
    pub archive: &'a Arc<Archive>,
    /// Chunks that are awake because something is near.
    pub near: BTreeSet<ChunkKey>,
    /// What new ground is fine for.
    pub levels: &'a Levels,
    pub field: Field<f64>,
}

/// What the particles of a chunk do that are not held.
#[derive(Clone, Copy, Default)]
struct Stir {
    /// The largest velocity [m/s].
    speed: f64,
    free: bool,
}

/// What becomes of the particles of a chunk, where that changes.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Wakes,
    Stills,
    /// Into the archive.
    Leaves,
    /// Terrain will make them again.
    Goes,
}

/// Lets chunks sleep and wake. Returns what was done to the particles, or to the chunks alone; nothing
/// if all stay as they are.
///
/// # Errors
/// The archive cannot be written or read.
pub fn settle<R: Scalar>(
    ctx: &Context<R>,
    around: &Surroundings,
    stored: &mut Stored<R>,
) -> io::Result<Option<Change<R>>> {
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
    let stirs = stirs(ctx, stored, &keys);
    let next = choose(around, &stored.chunks, &stirs);
    let (fates, arrivals) = passages(around, &stored.chunks, &stirs, &next)?;
    if fates.is_empty() && arrivals.is_empty() {
        let same = next.len() == stored.chunks.len() && {
            let now = stored.chunks.iter();
            now.zip(&next).all(|((a, chunk), (b, next))| a == b && next.is(chunk))
        };
        if same {
            return Ok(None);
        }
    }
    change::apply(around, stored, &keys, &fates, arrivals, &next).map(Some)
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
            stir.speed = stir.speed.max(v).max(c * half);
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

/// What a chunk will be.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Awake { quiet: u32 },
    Held,
    Away,
}

impl Next {
    /// Whether a chunk is that already.
    fn is(self, chunk: &Chunk) -> bool {
        match (self, chunk) {
            (Next::Awake { quiet }, Chunk::Awake { quiet: now }) => quiet == *now,
            (Next::Held, Chunk::Held { .. }) | (Next::Away, Chunk::Asleep(_)) => true,
            _ => false,
        }
    }
}

/// Where the particles of a chunk come from.
enum Source {
    Archive(Arc<Archived>),
    Terrain(Arc<Terrain>),
}

/// What every chunk that is known, has particles or is needed will be.
fn choose(
    surroundings: &Surroundings,
    chunks: &Chunks,
    stirs: &BTreeMap<ChunkKey, Stir>,
) -> BTreeMap<ChunkKey, Next> {
    let Surroundings { sleep, near, .. } = surroundings;
    // Terrain goes on for ever.
    let endless = sleep.terrain.is_some();
    let exists = |key: &ChunkKey| endless || chunks.contains_key(key) || stirs.contains_key(key);
    let mut awake: BTreeMap<ChunkKey, u32> = BTreeMap::new();
    for (&key, stir) in stirs.iter().filter(|(_, stir)| stir.free) {
        let before = match chunks.get(&key) {
            Some(Chunk::Awake { quiet }) => *quiet,
            _ => 0,
        };
        let quiet = if stir.speed <= sleep.quiet_speed { before.saturating_add(1) } else { 0 };
        if quiet <= sleep.quiet_steps {
            awake.insert(key, quiet);
        }
        if stir.speed > sleep.wake_speed {
            for other in around(key).into_iter().filter(exists) {
                awake.entry(other).or_insert(0);
            }
        }
    }
    for key in near.iter().filter(|key| exists(key)) {
        // It falls asleep when it has been left for long enough.
        awake.insert(*key, 0);
    }
    let mut next: BTreeMap<ChunkKey, Next> =
        chunks.keys().chain(stirs.keys()).map(|&key| (key, Next::Away)).collect();
    for &key in awake.keys() {
        for other in around(key).into_iter().filter(exists) {
            next.insert(other, Next::Held);
        }
    }
    next.extend(awake.into_iter().map(|(key, quiet)| (key, Next::Awake { quiet })));
    next
}

/// What becomes of the particles of each chunk, and those that come.
fn passages<R: Scalar>(
    around: &Surroundings,
    chunks: &Chunks,
    stirs: &BTreeMap<ChunkKey, Stir>,
    next: &BTreeMap<ChunkKey, Next>,
) -> io::Result<(FxHashMap<ChunkKey, Fate>, Vec<Arrival<R>>)> {
    let mut fates = FxHashMap::default();
    let mut coming = Vec::new();
    for (&key, next) in next {
        let now = chunks.get(&key);
        let free = stirs.get(&key).is_some_and(|stir| stir.free);
        let fate = match (next, now) {
            (Next::Awake { .. }, Some(Chunk::Held { .. })) => Some(Fate::Wakes),
            (Next::Held, _) if free => Some(Fate::Stills),
            (Next::Away, Some(Chunk::Held { touched: false })) => Some(Fate::Goes),
            (Next::Away, Some(Chunk::Asleep(_))) if !free => None,
            (Next::Away, _) => Some(Fate::Leaves),
            _ => None,
        };
        fates.extend(fate.map(|fate| (key, fate)));
        let held = *next == Next::Held;
        match (next, now, &around.sleep.terrain) {
            (Next::Away, ..) => {}
            (_, Some(Chunk::Asleep(archived)), _) => {
                coming.push((key, Source::Archive(archived.clone()), held));
            }
            (_, None, Some(terrain)) => coming.push((key, Source::Terrain(terrain.clone()), held)),
            _ => {}
        }
    }
    let Surroundings { sleep, frame, levels, field, .. } = around;
    let site = Site { frame: *frame, chunk_cells: sleep.chunk_cells, levels, field, carved: &[] };
    let arrivals = coming.into_par_iter().map(|(key, source, held)| {
        let state: State<R> = match &source {
            Source::Archive(archived) => archived.particles()?,
            Source::Terrain(terrain) => terrain.chunk(&site, key).cast(),
        };
        let restored = matches!(source, Source::Archive(_));
        Ok(Arrival { key, restored, state, held })
    });
    Ok((fates, arrivals.collect::<io::Result<_>>()?))
}

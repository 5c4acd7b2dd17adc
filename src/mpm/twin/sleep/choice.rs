//! What becomes of chunks at the start of a control step, from what their particles do.

use crate::agents::ColliderPose;
use crate::math::Scalar;
use crate::model::{Field, Frame, Levels, Model, Site, Sleep, Terrain, around};
use crate::mpm::simulator::SimulationError;
use crate::mpm::state::{Archive, Archived, Chunk, ChunkKey, Chunks, RigidMotion, State};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

/// What an archive that cannot be read or written stops a run with.
fn archive_failed(cause: io::Error) -> SimulationError {
    SimulationError::Archive { directory: std::env::temp_dir(), cause }
}

/// What a control step finds before it begins.
pub struct Surroundings<'a> {
    pub sleep: &'a Sleep,
    pub frame: Frame,
    pub archive: &'a Arc<Archive>,
    /// Chunks that are awake because something is near.
    pub near: BTreeSet<ChunkKey>,
    /// What new ground is fine for.
    pub levels: &'a Levels,
    pub field: &'a Field<f64>,
}

impl<'a> Surroundings<'a> {
    /// Those of a control step, from the poses of colliders at its start and the field then; `rigid` are the
    /// bodies' motions.
    pub fn at(
        model: &'a Model,
        (sleep, archive): (&'a Sleep, &'a Arc<Archive>),
        (poses, field): (&[ColliderPose], &'a Field<f64>),
        rigid: impl Iterator<Item = RigidMotion<f64>>,
    ) -> Self {
        let frame = Frame::of(model);
        let bodies = rigid.zip(model.rigid_bodies.iter().map(|body| body.reach()));
        let wakers = model.levels.wakers(frame, |collider| poses[collider].stance(), bodies);
        let near = sleep.near(frame, &wakers);
        Self { sleep, frame, archive, near, levels: &model.levels, field }
    }

    /// What becomes of the chunks that are known, have particles or are needed; nothing if all stay as they
    /// are. `stirs` is of all chunks with particles.
    ///
    /// # Errors
    /// The archive cannot be read, or ground is needed that cannot be made.
    pub fn choose<R: Scalar>(
        &self,
        chunks: &Chunks,
        stirs: &BTreeMap<ChunkKey, Stir>,
    ) -> Result<Option<Choice<R>>, SimulationError> {
        let next = choose(self, chunks, stirs);
        let (fates, arrivals) = passages(self, chunks, stirs, &next)?;
        let is_same = fates.is_empty() && arrivals.is_empty() && next.len() == chunks.len() && {
            chunks.iter().zip(&next).all(|((a, chunk), (b, next))| a == b && next.is(chunk))
        };
        Ok((!is_same).then_some(Choice { fates, arrivals, next }))
    }
}

/// What the particles of a chunk do that are not held.
#[derive(Clone, Copy, Default)]
pub struct Stir {
    /// The largest velocity [m/s].
    pub speed: f64,
    /// Whether there are any.
    pub free: bool,
}

/// What becomes of the particles of a chunk, where that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Wakes,
    Stills,
    /// Into the archive.
    Leaves,
    /// Terrain will make them again.
    Goes,
}

/// Particles that come into a chunk.
pub struct Arrival<R> {
    pub key: ChunkKey,
    /// From the archive; otherwise they are new.
    pub restored: bool,
    pub state: State<R>,
    pub held: bool,
}

/// What was chosen, if anything changes.
pub struct Choice<R> {
    /// What becomes of the particles of chunks, where that changes.
    pub fates: FxHashMap<ChunkKey, Fate>,
    pub arrivals: Vec<Arrival<R>>,
    next: BTreeMap<ChunkKey, Next>,
}

impl<R: Scalar> Choice<R> {
    /// The table after the change. What leaves a chunk, which `left` says, is put into the archive.
    ///
    /// # Errors
    /// The archive cannot be written, which leaves `before` as it is.
    pub fn chunks(
        &self,
        around: &Surroundings,
        before: &Chunks,
        left: impl Fn(&ChunkKey) -> Option<State<R>> + Sync,
    ) -> Result<Chunks, SimulationError> {
        let one = |(&key, next): (&ChunkKey, &Next)| -> io::Result<Option<(ChunkKey, Chunk)>> {
            let chunk = match (next, before.get(&key)) {
                (Next::Awake { quiet }, _) => Chunk::Awake { quiet: *quiet },
                (Next::Held, Some(Chunk::Held { touched })) => Chunk::Held { touched: *touched },
                (Next::Held, None) if around.sleep.terrain.is_some() => {
                    Chunk::Held { touched: false }
                }
                (Next::Held, _) => Chunk::Held { touched: true },
                (Next::Away, Some(Chunk::Held { touched: false })) => return Ok(None),
                (Next::Away, now) => match (left(&key), now) {
                    (None, Some(asleep @ Chunk::Asleep(_))) => asleep.clone(),
                    (state, _) => {
                        let nothing =
                            || State { particles: Some(Arc::default()), ..State::default() };
                        let archived = around.archive.keep(&state.unwrap_or_else(nothing))?;
                        Chunk::Asleep(Arc::new(archived))
                    }
                },
            };
            Ok(Some((key, chunk)))
        };
        let chunks: Result<Vec<_>, _> = self.next.par_iter().map(one).collect();
        let chunks = chunks.map_err(archive_failed)?;
        Ok(chunks.into_iter().flatten().collect())
    }
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
) -> Result<(FxHashMap<ChunkKey, Fate>, Vec<Arrival<R>>), SimulationError> {
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
            Source::Archive(archived) => archived.particles().map_err(archive_failed)?,
            Source::Terrain(terrain) => {
                terrain.check_carried(&site, key)?;
                terrain.chunk(&site, key)?.cast()
            }
        };
        let restored = matches!(source, Source::Archive(_));
        Ok(Arrival { key, restored, state, held })
    });
    Ok((fates, arrivals.collect::<Result<_, SimulationError>>()?))
}

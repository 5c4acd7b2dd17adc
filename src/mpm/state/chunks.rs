//! The ground as chunks, of which those that nobody is near sleep.

use super::Archived;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which column of the world: x and y, in edges of a chunk from the origin node.
pub type ChunkKey = [i32; 2];

/// The chunks that are known. Of terrain, those that are not are virgin: it says what they will be.
pub type Chunks = BTreeMap<ChunkKey, Chunk>;

/// How far a chunk takes part.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    /// Its particles move.
    Awake {
        /// Control steps in a row in which it was quiet.
        quiet: u32,
    },
    /// At the rim of what is awake: its particles give mass and stress, and do not move.
    Held {
        /// Whether it may be other than terrain would make it again.
        touched: bool,
    },
    /// Its particles are away.
    Asleep(Arc<Archived>),
}

/// How many chunks there are of each kind, and what is in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChunkCount {
    pub awake: usize,
    pub held: usize,
    pub asleep: usize,
    /// Particles of the chunks that sleep.
    pub asleep_particles: u64,
    /// Particles of the finest level that would fill their volume.
    pub asleep_uniform: u64,
    /// Compressed, in memory and on disk.
    pub memory_bytes: u64,
    pub disk_bytes: u64,
}

/// Counts chunks.
pub fn count_chunks(chunks: &Chunks) -> ChunkCount {
    let mut count = ChunkCount::default();
    for chunk in chunks.values() {
        match chunk {
            Chunk::Awake { .. } => count.awake += 1,
            Chunk::Held { .. } => count.held += 1,
            Chunk::Asleep(archived) => {
                count.asleep += 1;
                count.asleep_particles += archived.particle_count() as u64;
                count.asleep_uniform += archived.uniform_count();
                let (memory, disk) = archived.bytes();
                count.memory_bytes += memory;
                count.disk_bytes += disk;
            }
        }
    }
    count
}

//! Which blocks of the unbounded grid are in use, and in what order particles are visited.
//!
//! A block is 4 x 4 x 4 nodes of one level. A particle belongs to the block of its nearest node on
//! the finest level that it takes part in; its stencil then stays inside the block and one layer of
//! nodes around it: a tile of 6 x 6 x 6. A block with particles in a transition band has a second
//! tile, of nodes of the level above. Blocks are kept sorted by key and particles by (block, cell,
//! id), so that every sum runs in an order that no thread count, storage order or place in the world
//! can change.

use super::storage::Stored;
use crate::math::Scalar;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Nodes along the edge of a block.
pub const BLOCK_EDGE: i32 = 4;
/// Nodes of a block.
pub const BLOCK_NODES: usize = 64;
/// Nodes along the edge of a tile: a block and one layer around it.
pub const TILE_EDGE: usize = 6;
/// Nodes of a tile.
pub const TILE_NODES: usize = TILE_EDGE * TILE_EDGE * TILE_EDGE;
/// In a table of neighbours: nobody there.
pub const NONE: u32 = u32::MAX;

/// Which block; ordered by level first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockKey {
    pub level: u8,
    /// Coordinates in blocks of its level.
    pub at: [i32; 3],
}

/// The block of a node of a level, and the node's index inside it.
#[inline(always)]
pub fn block_of(level: u8, node: [i32; 3]) -> (BlockKey, usize) {
    let at = node.map(|n| n.div_euclid(BLOCK_EDGE));
    let local = node.map(|n| n.rem_euclid(BLOCK_EDGE) as usize);
    (BlockKey { level, at }, (local[0] * 4 + local[1]) * 4 + local[2])
}

/// The blocks in use and who lies beside whom. Changes rarely; shared between substeps.
#[derive(Debug, Default)]
pub struct Blocks {
    /// Blocks that hold particles, sorted.
    pub particle_keys: Vec<BlockKey>,
    /// Blocks that hold nodes of any tile (the former and their neighbours), sorted.
    pub node_keys: Vec<BlockKey>,
    /// For each particle block, its 27 neighbours (itself is entry 13) among the node blocks.
    pub nodes_near: Vec<[u32; 27]>,
    /// For each node block, its 27 neighbours among the particle blocks, or [`NONE`].
    pub particles_near: Vec<[u32; 27]>,
    /// What reaches from one level to the next.
    pub upper: Upper,
}

/// Particle blocks that reach into the level above; empty where there is one level.
#[derive(Debug, Default)]
pub struct Upper {
    /// Their indices among the particle blocks, sorted.
    pub blocks: Vec<u32>,
    /// For each of them, the 8 node blocks above that it touches.
    pub nodes: Vec<[u32; 8]>,
    /// For each node block, who reaches it from below: index into `blocks`, and which of its eight
    /// this is.
    pub from_below: Vec<Vec<(u32, u8)>>,
}

impl Blocks {
    /// Where a particle block is among those that reach into the level above, if it does.
    #[inline]
    pub fn upper_of(&self, block: usize) -> Option<usize> {
        self.upper.blocks.binary_search(&(block as u32)).ok()
    }

    fn new(particle_keys: Vec<BlockKey>, upper: Vec<u32>) -> Self {
        let index = index_of(&particle_keys);
        let mut node_keys: Vec<BlockKey> =
            particle_keys.iter().flat_map(|&key| neighbours(key)).collect();
        node_keys.extend(upper.iter().flat_map(|&b| above(particle_keys[b as usize])));
        node_keys.par_sort_unstable();
        node_keys.dedup();
        let node_index = index_of(&node_keys);
        let look_up = |index: &FxHashMap<BlockKey, u32>, key: BlockKey| {
            neighbours(key).map(|k| index.get(&k).copied().unwrap_or(NONE))
        };
        let nodes_near = particle_keys.par_iter().map(|&k| look_up(&node_index, k)).collect();
        let particles_near = node_keys.par_iter().map(|&k| look_up(&index, k)).collect();
        let nodes: Vec<[u32; 8]> = upper
            .iter()
            .map(|&b| above(particle_keys[b as usize]).map(|key| node_index[&key]))
            .collect();
        let mut from_below = Vec::new();
        if !upper.is_empty() {
            from_below.resize(node_keys.len(), Vec::new());
            for (u, touched) in nodes.iter().enumerate() {
                for (direction, &n) in touched.iter().enumerate() {
                    from_below[n as usize].push((u as u32, direction as u8));
                }
            }
        }
        let upper = Upper { blocks: upper, nodes, from_below };
        Self { particle_keys, node_keys, nodes_near, particles_near, upper }
    }
}

fn index_of(keys: &[BlockKey]) -> FxHashMap<BlockKey, u32> {
    keys.iter().enumerate().map(|(i, &k)| (k, i as u32)).collect()
}

/// A block and its 26 neighbours, x slowest.
fn neighbours(key: BlockKey) -> [BlockKey; 27] {
    std::array::from_fn(|n| {
        let offset = [n / 9, n / 3 % 3, n % 3].map(|o| o as i32 - 1);
        let at = std::array::from_fn(|a| key.at[a].wrapping_add(offset[a]));
        BlockKey { level: key.level, at }
    })
}

/// The eight blocks of the level above that particles of a block reach, x slowest: those of the
/// nodes `2 k - 1 ..= 2 k + 3` along each axis, k the block's coordinate.
fn above(key: BlockKey) -> [BlockKey; 8] {
    std::array::from_fn(|n| {
        let offset = [n / 4, n / 2 % 2, n % 2].map(|o| o as i32);
        let at = std::array::from_fn(|a| {
            key.at[a].wrapping_sub(1).div_euclid(2).wrapping_add(offset[a])
        });
        BlockKey { level: key.level + 1, at }
    })
}

/// The order of one substep.
#[derive(Debug, Default, Clone)]
pub struct Sorted {
    pub blocks: Arc<Blocks>,
    /// Positions in storage, by (block, cell, id).
    pub order: Vec<u32>,
    /// For each particle block, its part of `order`.
    pub ranges: Vec<Range<usize>>,
}

/// Sorts particles by (block, cell, id), reusing the block tables if the same blocks are in use.
pub fn sort<R: Scalar>(stored: &Stored<R>, previous: &Arc<Blocks>) -> Sorted {
    let count = stored.id.len();
    // As many chunks as threads can use; the result does not depend on the number.
    let chunk = count.div_ceil(2 * rayon::current_num_threads()).max(1024);
    let (keys, upper) = used_blocks(stored, chunk);
    let same = keys == previous.particle_keys && upper == previous.upper.blocks;
    let blocks = if same { previous.clone() } else { Arc::new(Blocks::new(keys, upper)) };
    let index = index_of(&blocks.particle_keys);

    // Block of each particle, and how many each chunk gives to each block.
    let mut block = vec![0u32; count];
    let counts: Vec<Vec<u32>> = block
        .par_chunks_mut(chunk)
        .enumerate()
        .map(|(c, block)| {
            let mut counts = vec![0u32; blocks.particle_keys.len()];
            let mut last = (None, NONE);
            for (i, b) in block.iter_mut().enumerate() {
                let (key, _) = stored.home(c * chunk + i);
                if Some(key) != last.0 {
                    last = (Some(key), index[&key]);
                }
                *b = last.1;
                counts[last.1 as usize] += 1;
            }
            counts
        })
        .collect();

    // Where each chunk writes its share of each block.
    let mut ranges = Vec::with_capacity(blocks.particle_keys.len());
    let mut starts = counts;
    let mut sum = 0u32;
    for b in 0..blocks.particle_keys.len() {
        let first = sum;
        for chunk_starts in &mut starts {
            let n = chunk_starts[b];
            chunk_starts[b] = sum;
            sum += n;
        }
        ranges.push(first as usize..sum as usize);
    }
    let order: Vec<AtomicU32> = (0..count).map(|_| AtomicU32::new(0)).collect();
    block.par_chunks(chunk).zip(starts.par_iter_mut()).enumerate().for_each(
        |(c, (block, starts))| {
            for (i, &b) in block.iter().enumerate() {
                let place = &mut starts[b as usize];
                order[*place as usize].store((c * chunk + i) as u32, Ordering::Relaxed);
                *place += 1;
            }
        },
    );
    let mut order: Vec<u32> = order.into_iter().map(AtomicU32::into_inner).collect();
    split_ranges(&mut order, &ranges)
        .into_par_iter()
        .for_each_init(Vec::new, |scratch, part| sort_block(stored, part, scratch));
    Sorted { blocks, order, ranges }
}

/// Sorted keys of the blocks that hold particles, and which of them reach into the level above.
fn used_blocks<R: Scalar>(stored: &Stored<R>, chunk: usize) -> (Vec<BlockKey>, Vec<u32>) {
    let count = stored.id.len();
    // Distinct keys of the particles that `of` gives one for.
    let collect = |of: &(dyn Fn(usize) -> Option<BlockKey> + Sync)| {
        let mut keys: Vec<BlockKey> = (0..count.div_ceil(chunk))
            .into_par_iter()
            .flat_map_iter(|c| {
                let mut seen = FxHashSet::default();
                let mut last = None;
                for key in (c * chunk..count.min((c + 1) * chunk)).filter_map(of) {
                    if last != Some(key) {
                        seen.insert(key);
                        last = Some(key);
                    }
                }
                seen
            })
            .collect();
        keys.par_sort_unstable();
        keys.dedup();
        keys
    };
    let keys = collect(&|p| Some(stored.home(p).0));
    if !stored.has_blends() {
        return (keys, Vec::new());
    }
    let upper = collect(&|p| stored.places.blend(p).map(|_| stored.home(p).0));
    let place = |key: BlockKey| keys.binary_search(&key).expect("the block of a particle") as u32;
    let upper = upper.into_iter().map(place).collect();
    (keys, upper)
}

/// Orders the particles of one block by (cell, id): a counting sort, then insertion inside cells,
/// which hold few particles that are nearly in order already.
fn sort_block<R: Scalar>(stored: &Stored<R>, part: &mut [u32], scratch: &mut Vec<u32>) {
    let cell = |p: u32| stored.home(p as usize).1;
    let mut starts = [0u32; BLOCK_NODES + 1];
    for &p in part.iter() {
        starts[cell(p) + 1] += 1;
    }
    for c in 0..BLOCK_NODES {
        starts[c + 1] += starts[c];
    }
    let mut next = starts;
    scratch.clear();
    scratch.extend_from_slice(part);
    for &p in scratch.iter() {
        let c = cell(p);
        part[next[c] as usize] = p;
        next[c] += 1;
    }
    for c in 0..BLOCK_NODES {
        let in_cell = &mut part[starts[c] as usize..starts[c + 1] as usize];
        if !in_cell.is_sorted_by_key(|&p| stored.id[p as usize]) {
            in_cell.sort_unstable_by_key(|&p| stored.id[p as usize]);
        }
    }
}

/// One mutable slice per range; the ranges follow each other without gaps.
pub fn split_ranges<'a, T>(mut whole: &'a mut [T], ranges: &[Range<usize>]) -> Vec<&'a mut [T]> {
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        let (part, rest) = whole.split_at_mut(range.len());
        parts.push(part);
        whole = rest;
    }
    parts
}

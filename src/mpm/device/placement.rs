//! A state made ready for upload: storage order, slots, hash table, particle rows. Host work, done
//! when a state is loaded.

use super::layout::{Block, MATERIALS, NONE, PARTICLE_ROWS, PLACE_HELD, particle_rows};
use crate::model::Model;
use crate::mpm::state::{Life, NO_MUSCLE, Particles, State};
use bytemuck::Zeroable;
use rustc_hash::{FxHashMap, FxHashSet};

/// Where the particles of a state are stored.
pub struct Placement {
    /// Id of each storage place: by block, cell, id.
    pub ids: Vec<u32>,
    /// Slot * 64 + cell, and rank in the cell, of each storage place; `NONE` and a sink of what is not
    /// there.
    pub locations: Vec<[u32; 2]>,
    /// The blocks that hold particles; their neighbours get slots on the device. None where there are
    /// levels of resolution: the device finds out who is where.
    pub blocks: Vec<Block>,
    /// How many blocks hold particles.
    pub occupied: usize,
    /// How many slots these blocks and all their neighbours need.
    pub closure: usize,
}

/// Block coordinates and resolution level.
type Key = [i32; 4];

/// The block of a level in which a particle's place lies.
fn level_key(state: &State<f64>, id: usize, level: u8) -> Key {
    let [x, y, z] = state.cell[id].map(|c| c >> (2 + level));
    [x, y, z, i32::from(level)]
}

/// Blocks that particles may occupy where there are `count` levels, and those with all around them: each on its
/// own level and on the next.
pub fn blocks_for(state: &State<f64>, particles: &Particles, count: usize) -> (usize, usize) {
    let mut keys: FxHashSet<Key> = FxHashSet::default();
    for (id, &level) in particles.level.iter().enumerate() {
        keys.insert(level_key(state, id, level));
        if usize::from(level) + 1 < count {
            keys.insert(level_key(state, id, level + 1));
        }
    }
    let closure: FxHashSet<Key> = keys.iter().flat_map(|&key| around(key)).collect();
    (keys.len(), closure.len())
}

/// Particles by level, block of that level and id.
pub fn storage_order(state: &State<f64>, particles: &Particles) -> Vec<u32> {
    let mut ids: Vec<u32> = (0..state.particle_count() as u32).collect();
    ids.sort_by_cached_key(|&id| {
        let [x, y, z, level] = level_key(state, id as usize, particles.level[id as usize]);
        (level, z, y, x, id)
    });
    ids
}

impl Placement {
    /// In the order that the model's levels make best.
    pub fn of(state: &State<f64>, model: &Model) -> Self {
        match model.levels.count() {
            1 => Self::new(state),
            count => Self::with_levels(state, state.particles_or(&model.particles), count),
        }
    }

    /// By level, block of that level and id. What is counted is an estimate from above: a particle on its
    /// own level and on the next; where bands lie is not known here.
    fn with_levels(state: &State<f64>, particles: &Particles, count: usize) -> Self {
        let ids = storage_order(state, particles);
        let (occupied, closure) = blocks_for(state, particles, count);
        Self { ids, locations: Vec::new(), blocks: Vec::new(), occupied, closure }
    }

    pub fn new(state: &State<f64>) -> Self {
        Self::with_order(state, |ids| {
            ids.sort_unstable_by_key(|&id| {
                let cell = state.cell[id as usize];
                let [x, y, z, _] = key_of(cell);
                (!state.is_present(id as usize), z, y, x, local_cell(cell), id)
            });
        })
    }

    /// Stores particles in another order: only cost depends on it.
    pub fn with_order(state: &State<f64>, arrange: impl FnOnce(&mut [u32])) -> Self {
        let mut ids: Vec<u32> = (0..state.particle_count() as u32).collect();
        arrange(&mut ids);
        let mut slots: FxHashMap<Key, u32> = FxHashMap::default();
        let mut ranks: FxHashMap<u32, u32> = FxHashMap::default();
        let mut blocks: Vec<Block> = Vec::new();
        let locations = ids
            .iter()
            .map(|&id| {
                match state.life.get(id as usize) {
                    None | Some(Life::Present) => {}
                    Some(Life::Unborn) => return [NONE, NONE],
                    Some(Life::Gone { sink }) => return [NONE, *sink],
                }
                let cell = state.cell[id as usize];
                let key = key_of(cell);
                let slot = *slots.entry(key).or_insert_with(|| {
                    blocks.push(fresh_block(blocks.len() as u32, key));
                    blocks.len() as u32 - 1
                });
                let location = slot * 64 + local_cell(cell);
                let rank = ranks.entry(location).or_default();
                *rank += 1;
                [location, *rank - 1]
            })
            .collect();
        let mut closure: Vec<Key> = slots.keys().flat_map(|&key| around(key)).collect();
        closure.sort_unstable();
        closure.dedup();
        Self { ids, locations, occupied: blocks.len(), blocks, closure: closure.len() }
    }

    /// The rows of all particles (`shaders/types.wgsl`), with h C where B will be.
    pub fn rows(
        &self,
        state: &State<f64>,
        particles: &Particles,
        model: &Model,
        stride: usize,
    ) -> Vec<[f32; 4]> {
        let mut rows = vec![[0.0; 4]; particle_rows(model) * stride];
        for (place, &id) in self.ids.iter().enumerate() {
            for (row, value) in own_rows(state, particles, model, id as usize).iter().enumerate() {
                rows[row * stride + place] = *value;
            }
        }
        rows
    }

    /// The nearest node of each storage place on the finest lattice, and whether its particle is held.
    pub fn fine_cells(&self, state: &State<f64>, particles: &Particles) -> Vec<[i32; 4]> {
        let cell = |&id: &u32| {
            let [x, y, z] = state.cell[id as usize];
            [x, y, z, if particles.is_held(id as usize) { PLACE_HELD as i32 } else { 0 }]
        };
        self.ids.iter().map(cell).collect()
    }
}

/// The rows of one particle, with h C where B will be.
pub fn own_rows(
    state: &State<f64>,
    particles: &Particles,
    model: &Model,
    id: usize,
) -> [[f32; 4]; PARTICLE_ROWS] {
    let (o, f, mass) = (state.offset[id], state.f[id], particles.mass[id]);
    let c = state.c[id] * model.cell_width;
    let class = class_number(particles, id) as f64;
    let rest = [state.history[id], particles.volume[id] / mass, class];
    let row = |row: usize| match row {
        0 => [o[0], o[1], o[2], mass],
        1..=3 => [state.v[id][row - 1], c[(row - 1, 0)], c[(row - 1, 1)], c[(row - 1, 2)]],
        _ => [f[(0, row - 4)], f[(1, row - 4)], f[(2, row - 4)], rest[row - 4]],
    };
    std::array::from_fn(|r| row(r).map(|x| x as f32))
}

/// What tells the device a particle's material and muscle (`shaders/grid/particle.wgsl`).
pub fn class_number(particles: &Particles, id: usize) -> usize {
    let muscle = match particles.muscle[id] {
        NO_MUSCLE => 0,
        muscle => muscle as usize + 1,
    };
    particles.material[id] as usize + MATERIALS * muscle
}

/// Tags and slots of a hash table of `size` places (a power of two) that holds the blocks of slots
/// 0, 1, ...; as `shaders/grid/hash.wgsl` makes it.
pub fn hash_table(blocks: &[Block], size: usize) -> (Vec<u32>, Vec<u32>) {
    let (mut tags, mut slots) = (vec![0; size], vec![NONE; size]);
    for (slot, block) in blocks.iter().enumerate() {
        let mut place = hash_key(block.key) as usize & (size - 1);
        while tags[place] != 0 {
            place = (place + 1) & (size - 1);
        }
        // Direction 13 of a block is the block itself.
        tags[place] = slot as u32 * 27 + 13 + 1;
        slots[place] = slot as u32;
    }
    (tags, slots)
}

/// Rows of a particle array are whole runs of 256 bytes.
pub const ROW_MULTIPLE: usize = 16;

/// Distance between the rows of a particle array.
pub fn row_stride(particle_count: usize) -> usize {
    particle_count.next_multiple_of(ROW_MULTIPLE)
}

fn key_of(cell: [i32; 3]) -> Key {
    [cell[0] >> 2, cell[1] >> 2, cell[2] >> 2, 0]
}

fn local_cell(cell: [i32; 3]) -> u32 {
    let [x, y, z] = cell.map(|c| (c & 3) as u32);
    x + 4 * y + 16 * z
}

/// The 27 keys in and around a block.
fn around(key: Key) -> impl Iterator<Item = Key> {
    (0..27).map(move |side| {
        let d = [side % 3 - 1, (side / 3) % 3 - 1, side / 9 - 1];
        [key[0].wrapping_add(d[0]), key[1].wrapping_add(d[1]), key[2].wrapping_add(d[2]), key[3]]
    })
}

fn fresh_block(slot: u32, key: Key) -> Block {
    let mut block = Block { key, neighbours: [NONE; 27], ..Block::zeroed() };
    block.neighbours[13] = slot;
    block
}

/// `hash_key` of `shaders/grid/hash_key.wgsl`.
fn hash_key(key: Key) -> u32 {
    let [x, y, z, level] = key.map(|c| c as u32);
    let mut h = x.wrapping_mul(0x9e37_79b1)
        ^ y.wrapping_mul(0x85eb_ca77)
        ^ z.wrapping_mul(0xc2b2_ae3d)
        ^ level.wrapping_mul(0x27d4_eb2f);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2c1b_3c6d);
    h ^ (h >> 13)
}

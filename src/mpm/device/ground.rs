//! Chunks of the ground that sleep and wake between control steps, as the twin chooses.
//!
//! A kernel says what the particles of each chunk do; that small table is all that is read where nothing changes.
//! The twin's own choice decides what becomes of chunks. Particles that leave are read, packed, and kept in the
//! archive; those that come are uploaded; of those that become held, or free, it is read where they are stored.

use super::change::{Cause, Ferry, NO_BAR, New};
use super::layout::Status;
use super::moves::{self, Come, Gone, Moves};
use super::placement::storage_order;
use super::reverse::{bar_rows, set_bar};
use super::rigid::motions;
use super::shaders::KernelId;
use super::{Following, GpuSimulator, SimulationError};
use crate::gpu::{Buffer, Gpu, GpuError, Recording};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Vec3};
use crate::model::{Field, Frame, Model};
use crate::mpm::state::{Archive, Chunk, ChunkKey, Chunks, Cotangent, Particles, State};
use crate::mpm::twin::{Arrival, Asleep, Choice, Fate, Stir, Surroundings};
use bytemuck::{Pod, Zeroable};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Words of a chunk in the table of what stirs, and before the first of them (`types.wgsl`).
const CHUNK_WORDS: usize = 5;
const CHUNKS_HEAD: usize = 1 + size_of::<Status>() / 4;
/// Words of a particle that leaves for the archive.
const LEAVING_WORDS: usize = 17;

/// `Ground`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct GroundAt {
    origin: [i32; 2],
    chunk_cells: i32,
    fate_count: u32,
}

/// What sleeps, and what finds out about it.
pub struct Ground {
    archive: Arc<Archive>,
    /// Without fates.
    at: GroundAt,
    uniform: Buffer<GroundAt>,
    /// Hash table of chunks with particles.
    table: Buffer<u32>,
}

/// What was done to chunks before a substep, for its adjoint.
pub struct Slept {
    fates: Vec<[i32; 4]>,
    /// Of each particle that came, by its number: which of the arrivals, and which particle of it.
    origins: Vec<[u32; 2]>,
    /// The chunks whose particles came, whether from the archive, and how many.
    came: Vec<(ChunkKey, bool, usize)>,
    /// What went to the archive: numbers among those that are gone, in the order in which it is kept.
    left: Vec<(ChunkKey, Vec<u32>)>,
    gone_count: usize,
}

/// What the table of chunks says.
#[derive(Clone, Copy)]
struct Stirred {
    stir: Stir,
    count: usize,
}

/// Particles of a chunk that do not stay as they are, in the order of ids.
struct Passing {
    key: ChunkKey,
    fate: Fate,
    ids: Vec<u32>,
    places: Vec<u32>,
    /// Of those that leave, without velocities.
    state: State<f64>,
}

impl Ground {
    /// Nothing where nothing sleeps.
    pub fn new(gpu: &Gpu, model: &Model) -> Result<Option<Self>, GpuError> {
        let Some(sleep) = &model.levels.sleep else { return Ok(None) };
        let Frame { origin: [x, y, _], .. } = Frame::of(model);
        let at = GroundAt { origin: [x, y], chunk_cells: sleep.chunk_cells, fate_count: 0 };
        Ok(Some(Self {
            archive: Arc::new(Archive::new(sleep.archive_bytes)),
            at,
            uniform: Buffer::with_usage(gpu, "ground", 1, wgpu::BufferUsages::UNIFORM)?,
            table: Buffer::new(gpu, "chunk table", 0)?,
        }))
    }

    fn write(&self, gpu: &Gpu, ferry: &mut Ferry, fates: usize) {
        self.uniform.write(gpu, 0, &[GroundAt { fate_count: fates as u32, ..self.at }]);
        ferry.sent(size_of::<GroundAt>());
    }

    /// Room for so many chunks.
    fn hold(&mut self, gpu: &Gpu, chunks: usize) -> Result<(), GpuError> {
        let words = CHUNKS_HEAD + CHUNK_WORDS * chunks;
        if self.table.len() < words {
            self.table = Buffer::new(gpu, "chunk table", words)?;
        }
        Ok(())
    }

    pub fn bytes(&self) -> u64 {
        self.uniform.bytes() + self.table.bytes()
    }
}

impl GpuSimulator {
    /// At the start of a control step: lets chunks sleep and wake. Waits for the device. Returns whether the
    /// particles that may be split or merged are being looked for already, so that nobody has to wait again.
    pub(super) fn settle(
        &mut self,
        following: &mut Following,
        at: (usize, &Field<f64>),
        keep: bool,
    ) -> Result<bool, SimulationError> {
        let Some(mut ground) = following.ground.take() else { return Ok(false) };
        let moved = following.ferry.moved;
        let result = self.settle_on(following, &mut ground, at, keep);
        following.ground = Some(ground);
        following.ferry.count_as_ground(&moved);
        result
    }

    fn settle_on(
        &mut self,
        following: &mut Following,
        ground: &mut Ground,
        (substep, field): (usize, &Field<f64>),
        keep: bool,
    ) -> Result<bool, SimulationError> {
        let model = Arc::clone(&self.model);
        let Some(sleep) = &model.levels.sleep else { return Ok(false) };
        self.ask_concerned(following, (substep, field), false)?;
        let stirred = self.read_stirs(ground, &mut following.ferry)?;
        let stirs = stirred.iter().map(|(&key, stirred)| (key, stirred.stir)).collect();
        let rigid = match self.rigid.count {
            0 => Vec::new(),
            _ => motions(&self.read_rigid()?),
        };
        let archive = Arc::clone(&ground.archive);
        let drive = &self.motion_until(substep + 1)?.drive;
        let poses = drive.poses_at(substep);
        let around = Surroundings::at(&model, (sleep, &archive), (poses, field), rigid.into_iter());
        let choice = around.choose::<f64>(&self.present.chunks, &stirs)?;
        let Some(choice) = choice else { return Ok(true) };
        let (fates, passing) =
            self.read_passing(ground, &mut following.ferry, &choice, &stirred)?;
        let left = |key: &ChunkKey| {
            let of = |one: &&Passing| one.key == *key && one.fate == Fate::Leaves;
            passing.iter().find(of).map(|one| one.state.clone())
        };
        let chunks = choice.chunks(&around, &self.present.chunks, left)?;
        let comes = choice.arrivals.iter().any(|arrival| arrival.state.particle_count() > 0);
        let changes = comes || !passing.is_empty();
        if changes {
            self.pass(following, ground, (fates, passing), &choice.arrivals, keep)?;
        }
        self.present.chunks = Arc::new(chunks);
        Ok(!changes)
    }

    /// What the particles of each chunk do.
    fn read_stirs(
        &mut self,
        ground: &mut Ground,
        ferry: &mut Ferry,
    ) -> Result<BTreeMap<ChunkKey, Stirred>, SimulationError> {
        let gpu = self.gpu.clone();
        let there = |chunk: &&Chunk| !matches!(chunk, Chunk::Asleep(_));
        let known = self.present.chunks.values().filter(there).count();
        // Twice as many, as some may have left their chunks.
        let mut room = (2 * known).max(32);
        loop {
            ground.hold(&gpu, room)?;
            ground.write(&gpu, ferry, 0);
            let mut recording = Recording::new(&gpu);
            recording.clear(&ground.table);
            let resources = self
                .resources(KernelId::Stir, self.io())
                .with("ground", &ground.uniform)
                .with("chunk_table", &ground.table);
            let over = (KernelId::Stir, self.population.count());
            self.dispatch_with(&mut recording, over, &resources, &[])?;
            let (status, target) = (self.tables.status(), ground.table.raw());
            let bytes = size_of::<Status>() as u64;
            recording.encoder().copy_buffer_to_buffer(status.raw(), 0, target, 4, bytes);
            recording.submit();
            let words = ground.table.read(&gpu)?;
            ferry.received(4 * words.len());
            let status = bytemuck::cast_slice(&words[1..CHUNKS_HEAD]);
            self.report(bytemuck::pod_read_unaligned(status))?;
            if words[0] == 0 {
                return Ok(stirs(&words[CHUNKS_HEAD..]));
            }
            room *= 2;
        }
    }

    /// The particles that do not stay as they are, by chunk; and the table of what becomes of them.
    fn read_passing(
        &mut self,
        ground: &Ground,
        ferry: &mut Ferry,
        choice: &Choice<f64>,
        stirred: &BTreeMap<ChunkKey, Stirred>,
    ) -> Result<(Vec<[i32; 4]>, Vec<Passing>), SimulationError> {
        let gpu = self.gpu.clone();
        let (mut fates, mut ranges, mut end) = (Vec::new(), Vec::new(), 0);
        for (&key, Stirred { count, .. }) in stirred {
            if let Some(&fate) = choice.fates.get(&key) {
                fates.push([key[0], key[1], fate_number(fate), end as i32]);
                let range = end..end + count * words_of(fate);
                end = range.end;
                ranges.push((key, fate, range));
            }
        }
        if fates.is_empty() {
            return Ok((fates, Vec::new()));
        }
        ground.write(&gpu, ferry, fates.len());
        let fates_at = ferry.upload(&gpu, "fates", &fates)?;
        let counts: Buffer<u32> = Buffer::new(&gpu, "fate counts", fates.len())?;
        let leaving: Buffer<u32> = Buffer::new(&gpu, "leaving", end)?;
        let resources = self
            .resources(KernelId::Leave, self.io())
            .with("ground", &ground.uniform)
            .with("fates", &fates_at)
            .with("fate_counts", &counts)
            .with("leaving", &leaving);
        let mut recording = Recording::new(&gpu);
        let over = (KernelId::Leave, self.population.count());
        self.dispatch_with(&mut recording, over, &resources, &[])?;
        recording.submit();
        let words = leaving.read(&gpu)?;
        ferry.received(4 * words.len());
        let own = self.population.particles(&self.model);
        let passing = ranges.into_iter().map(|(key, fate, range)| {
            let mut particles: Vec<&[u32]> = words[range].chunks_exact(words_of(fate)).collect();
            let id = |words: &[u32]| self.population.ids[words[0] as usize];
            particles.sort_unstable_by_key(|words| id(words));
            let ids: Vec<u32> = particles.iter().map(|words| id(words)).collect();
            let places = particles.iter().map(|words| words[0]).collect();
            let state = match fate {
                Fate::Leaves => left_state(&particles, moves::chosen(own, &ids)),
                _ => State::default(),
            };
            Passing { key, fate, ids, places, state }
        });
        let passing = passing.collect();
        Ok((fates, passing))
    }

    /// Does to the particles what was chosen.
    fn pass(
        &mut self,
        following: &mut Following,
        ground: &Ground,
        (fates, passing): (Vec<[i32; 4]>, Vec<Passing>),
        arrivals: &[Arrival<f64>],
        keep: bool,
    ) -> Result<(), SimulationError> {
        let own = self.population.particles(&self.model);
        let count = own.mass.len();
        let mut held: Vec<bool> = (0..count).map(|p| own.is_held(p)).collect();
        let (mut gone, mut holds) = (Vec::new(), false);
        for one in &passing {
            match one.fate {
                Fate::Wakes | Fate::Stills => {
                    one.ids.iter().for_each(|&id| held[id as usize] = one.fate == Fate::Stills);
                    holds = true;
                }
                Fate::Leaves | Fate::Goes => {
                    let at = one.ids.iter().zip(&one.places);
                    gone.extend(at.map(|(&id, &place)| Gone { id, place, heirs: 0 }));
                }
            }
        }
        gone.sort_unstable_by_key(|gone| gone.id);
        let number = |&id: &u32| gone.partition_point(|gone| gone.id < id) as u32;
        let leaves = passing.iter().filter(|one| one.fate == Fate::Leaves);
        let left = leaves.map(|one| (one.key, one.ids.iter().map(number).collect())).collect();
        let (come, order, origins, new) = arrived(own, arrivals);

        let moved = &mut following.ferry.moved;
        (moved.passages, moved.came) = (moved.passages + 1, moved.came + origins.len());
        moved.left += gone.len();
        let came = arrivals.iter();
        let slept = Slept {
            fates,
            origins,
            came: came.map(|a| (a.key, a.restored, a.state.particle_count())).collect(),
            left,
            gone_count: gone.len(),
        };
        let fates_at = match holds {
            true => Some(following.ferry.upload(&self.gpu, "fates", &slept.fates)?),
            false => None,
        };
        let moves = Moves::with_arrivals(count, gone, come, order);
        self.change(following, (Cause::Slept(slept), moves), &new, &held, keep)?;
        if let Some(fates) = fates_at {
            let resources = self
                .resources(KernelId::Hold, self.io())
                .with("ground", &ground.uniform)
                .with("fates", &fates);
            let gpu = self.gpu.clone();
            let mut recording = Recording::new(&gpu);
            let over = (KernelId::Hold, self.population.count());
            self.dispatch_with(&mut recording, over, &resources, &[])?;
            recording.submit();
        }
        Ok(())
    }

    /// Of the cotangent of the state before chunks fell asleep and woke.
    pub(super) fn hold_adj(
        &mut self,
        following: &mut Following,
        slept: &Slept,
    ) -> Result<(), SimulationError> {
        let stills = |fate: &[i32; 4]| fate[2] == fate_number(Fate::Stills);
        let (Some(ground), true) = (&following.ground, slept.fates.iter().any(stills)) else {
            return Ok(());
        };
        let gpu = self.gpu.clone();
        ground.write(&gpu, &mut following.ferry, slept.fates.len());
        let fates = following.ferry.upload(&gpu, "fates", &slept.fates)?;
        let resources = self
            .resources(KernelId::HoldAdj, self.io())
            .with("ground", &ground.uniform)
            .with("fates", &fates);
        let mut recording = Recording::new(&gpu);
        let over = (KernelId::HoldAdj, self.population.count());
        self.dispatch_with(&mut recording, over, &resources, &[])?;
        recording.submit();
        Ok(())
    }
}

impl Slept {
    /// From the cotangents of what came, as `gather_bars` packs them: those of the constants, and rows of what
    /// left. What woke leaves its cotangent with what sleeps, what fell asleep takes it from there; what came as
    /// new is a constant.
    pub fn adj<'a>(
        &self,
        model: &Model,
        asleep: &mut Asleep<f64>,
        bars: impl Iterator<Item = &'a [f32]>,
    ) -> (Vec<[f64; CONSTANTS]>, Vec<[f32; 4]>) {
        let woken = |&(_, _, count): &(ChunkKey, bool, usize)| Cotangent::zeros(count);
        let mut woken: Vec<_> = self.came.iter().map(woken).collect();
        let constants =
            self.origins.iter().zip(bars).map(|(&[n, k], floats)| {
                set_bar(&mut woken[n as usize], k as usize, floats, model)
            });
        let constants = constants.collect();
        let mut returned = vec![NO_BAR; self.gone_count];
        // What falls asleep and what wakes in one change are different chunks.
        for (key, numbers) in &self.left {
            if let Some(mut kept) = asleep.remove(key) {
                let none = Cotangent::zeros(numbers.len());
                (kept.v, kept.c) = (none.v, none.c);
                for (k, &number) in numbers.iter().enumerate() {
                    returned[number as usize] = bar_rows(&kept, k, model);
                }
            }
        }
        for (&(key, restored, _), bar) in self.came.iter().zip(woken) {
            if restored {
                asleep.insert(key, bar);
            }
        }
        (constants, returned.into_flattened())
    }
}

/// The particles that come: where in the order of ids, how they are stored, and what they are, as they are stored;
/// with the arrival and number that each comes from. In a body they are the last.
fn arrived(
    before: &Particles,
    arrivals: &[Arrival<f64>],
) -> (Vec<Come>, Vec<u32>, Vec<[u32; 2]>, New) {
    let of = |arrival: &Arrival<f64>| arrival.state.particles.clone().unwrap_or_default();
    let kinds: Vec<Arc<Particles>> = arrivals.iter().map(of).collect();
    let mut by_id: Vec<[u32; 2]> = Vec::new();
    for (n, arrival) in arrivals.iter().enumerate() {
        by_id.extend((0..arrival.state.particle_count()).map(|k| [n as u32, k as u32]));
    }
    let body = |&[n, k]: &[u32; 2]| kinds[n as usize].body[k as usize];
    by_id.sort_by_key(body);
    let of_body = |these: &[[u32; 2]]| {
        let last = body(&these[0]);
        let id = before.body.partition_point(|&body| body <= last) as u32;
        Come { id, count: these.len() as u32 }
    };
    let come = by_id.chunk_by(|a, b| body(a) == body(b)).map(of_body).collect();
    let (state, particles) = picked(arrivals, &kinds, &by_id);
    let order = storage_order(&state, &particles);
    let origins: Vec<[u32; 2]> = order.iter().map(|&n| by_id[n as usize]).collect();
    let (state, particles) = picked(arrivals, &kinds, &origins);
    (come, order, origins, New { state, particles })
}

/// Some of the particles that come, at rest.
fn picked(
    arrivals: &[Arrival<f64>],
    kinds: &[Arc<Particles>],
    chosen: &[[u32; 2]],
) -> (State<f64>, Particles) {
    let (mut state, mut particles) = (State::default(), Particles::default());
    for &[n, k] in chosen {
        let (n, k) = (n as usize, k as usize);
        let (from, kinds) = (&arrivals[n].state, &kinds[n]);
        state.cell.push(from.cell[k]);
        state.offset.push(from.offset[k]);
        state.v.push(Vec3::zero());
        state.c.push(Mat3::zero());
        state.f.push(from.f[k]);
        state.history.push(from.history[k]);
        particles.mass.push(kinds.mass[k]);
        particles.volume.push(kinds.volume[k]);
        particles.material.push(kinds.material[k]);
        particles.body.push(kinds.body[k]);
        particles.muscle.push(kinds.muscle[k]);
        particles.level.push(kinds.level[k]);
        particles.held.push(arrivals[n].held);
    }
    (state, particles)
}

/// What a table of chunks says.
fn stirs(words: &[u32]) -> BTreeMap<ChunkKey, Stirred> {
    let there = words.chunks_exact(CHUNK_WORDS).filter(|words| words[0] != 0);
    let of = |words: &[u32]| {
        let key = [words[1] as i32, words[2] as i32];
        // One more than the bits of the square of a speed, or zero.
        let speed = |bits: u32| f64::from(f32::from_bits(bits)).sqrt();
        let stir = Stir { speed: words[3].checked_sub(1).map_or(0.0, speed), free: words[3] > 0 };
        (key, Stirred { stir, count: words[4] as usize })
    };
    there.map(of).collect()
}

/// The state of particles that leave, from the words that `leave` packs.
fn left_state(particles: &[&[u32]], kinds: Particles) -> State<f64> {
    let mut state = State::default();
    for words in particles {
        let at = |i: usize| f64::from(f32::from_bits(words[i]));
        state.cell.push([words[1] as i32, words[2] as i32, words[3] as i32]);
        state.offset.push(Vec3::from_fn(|a| at(4 + a)));
        state.v.push(Vec3::zero());
        state.c.push(Mat3::zero());
        state.f.push(Mat3::from_fn(|a, b| at(7 + 3 * a + b)));
        state.history.push(at(16));
    }
    state.particles = Some(Arc::new(kinds));
    state
}

fn fate_number(fate: Fate) -> i32 {
    match fate {
        Fate::Wakes => 0,
        Fate::Stills => 1,
        Fate::Leaves => 2,
        Fate::Goes => 3,
    }
}

/// Words of a particle in what `leave` packs.
fn words_of(fate: Fate) -> usize {
    match fate {
        Fate::Leaves => LEAVING_WORDS,
        _ => 1,
    }
}

/// What a checksum says of chunks: nothing where there are none.
pub fn chunk_words(chunks: &Chunks) -> Vec<u32> {
    let words = |(key, chunk): (&ChunkKey, &Chunk)| {
        let (kind, value) = match chunk {
            Chunk::Awake { quiet } => (0, u64::from(*quiet)),
            Chunk::Held { touched } => (1, u64::from(*touched)),
            Chunk::Asleep(archived) => (2, archived.checksum()),
        };
        [key[0] as u32, key[1] as u32, kind, value as u32, (value >> 32) as u32]
    };
    chunks.iter().flat_map(words).collect()
}

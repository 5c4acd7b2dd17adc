//! Splitting and merging between control steps, decided by the host about those particles alone that it may
//! concern.
//!
//! Kernels find them, with a tolerance, and pack their state; the twin's `adapt` decides about this part of
//! the state as it would about the whole. What it makes is uploaded, with a table of stretches by which kernels
//! move all other particles into the new state: those never leave the device. A reverse pass goes the same way
//! back: cotangents of what was made are read, those of what it was made from are uploaded, all others move.
//! Inside a control step nothing is read.

use super::layout::{
    CONCERNED_HEAD, CONCERNED_WORDS, FollowingAt, GROUP_WORDS, MADE_ROWS, Status,
    UNLOADED_BAR_FLOATS, kind_number,
};
use super::moves::{self, Gone, Moves, Run};
use super::placement::{blocks_for, own_rows};
use super::population::Population;
use super::reverse::{bar_rows, set_bar};
use super::shaders::KernelId;
use super::simulator::push_particle;
use super::states::StateId;
use super::tables::Numbering;
use super::{GpuSimulator, Io, Present, SimulationError, most_particles, particles_on, within};
use crate::agents;
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Recording};
use crate::model::{Field, HeightField, MAX_PARTICLES, Model};
use crate::mpm::state::{Cotangent, Particles, State};
use crate::mpm::twin::{Adaptation, Adapted, Source};
use bytemuck::Zeroable;
use std::sync::Arc;

/// What decides, and what it needs on the device.
pub struct Following {
    pub adaptation: Adaptation,
    uniform: Buffer<FollowingAt>,
    concerned_count: Buffer<u32>,
    concerned: Buffer<u32>,
    /// How many there were the last time.
    expected: usize,
    /// Hash table of the groups in which particles may be merged.
    group_tags: Buffer<u32>,
    groups: Buffer<[u32; GROUP_WORDS]>,
    /// What was moved between host and device so far.
    moved: Exchanged,
}

/// What splitting and merging moved between host and device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchanged {
    /// Control steps at whose start particles could be split and merged, and at whose start some were.
    pub control_steps: usize,
    pub changes: usize,
    /// How often more particles had to be looked at, because some that were made came among them.
    pub asked_again: usize,
    /// Particles that the host looked at, and that it made.
    pub concerned: usize,
    pub made: usize,
    pub to_host_bytes: u64,
    pub to_device_bytes: u64,
}

/// What was done to the particles before a substep, for its adjoint.
pub struct Changed {
    adapted: Adapted,
    moves: Moves,
    /// The particles that the host looked at: how many there are of them afterwards, which of these it made, and
    /// which of those before are no more.
    part_after: usize,
    made: Vec<u32>,
    gone: Vec<u32>,
    /// The state before, and what its numbers mean.
    present: Present,
    population: Arc<Population>,
    numbering: Arc<Numbering>,
}

impl Changed {
    pub fn state(&self) -> StateId {
        self.present.state
    }

    /// Bytes of what the device keeps for it beside the state.
    pub fn bytes(&self) -> u64 {
        self.population.bytes()
    }
}

/// Particles that may be split or merged, in the order of ids.
struct Concerned {
    ids: Vec<u32>,
    places: Vec<u32>,
    state: State<f64>,
}

/// Ids and places of a part of a state, and what becomes of it.
type Decided = (Vec<u32>, Vec<u32>, (State<f64>, Adapted));

/// What the particles of a part of a state become.
struct Fates {
    gone: Vec<u32>,
    /// By the particle that each was made from, in the order of `gone`.
    heirs: Vec<u32>,
    made: Vec<u32>,
}

impl Fates {
    fn of(sources: &[Source], before: usize) -> Self {
        let (mut stays, mut heirs) = (vec![false; before], vec![0; before]);
        let mut made = Vec::new();
        for (after, source) in (0u32..).zip(sources) {
            match *source {
                Source::Kept(at) => stays[at as usize] = true,
                Source::Made(at) => {
                    heirs[at as usize] += 1;
                    made.push(after);
                }
            }
        }
        let gone: Vec<u32> = (0..before as u32).filter(|&p| !stays[p as usize]).collect();
        let heirs = gone.iter().map(|&p| heirs[p as usize]).collect();
        Self { gone, heirs, made }
    }
}

impl Following {
    /// Nothing where there is one level.
    pub fn new(gpu: &Gpu, model: &Model) -> Result<Option<Self>, GpuError> {
        if model.levels.count() == 1 {
            return Ok(None);
        }
        // Near an agent that starts to move, a part of all; more are made room for.
        let room = (model.particles.mass.len() / 16).max(256);
        Ok(Some(Self {
            adaptation: Adaptation::new(model),
            uniform: Buffer::with_usage(gpu, "following", 1, wgpu::BufferUsages::UNIFORM)?,
            concerned_count: Buffer::new(gpu, "concerned count", 1)?,
            concerned: concerned(gpu, room)?,
            expected: 0,
            group_tags: Buffer::new(gpu, "group tags", 0)?,
            groups: Buffer::new(gpu, "groups", 0)?,
            moved: Exchanged::default(),
        }))
    }

    /// Room for the groups of so many particles: each may be in two.
    fn hold_groups(&mut self, gpu: &Gpu, particles: usize) -> Result<(), GpuError> {
        let count = 2 * particles;
        if self.groups.len() < count {
            self.group_tags = Buffer::new(gpu, "group tags", count)?;
            self.groups = Buffer::new(gpu, "groups", count)?;
        }
        Ok(())
    }

    fn write(&mut self, gpu: &Gpu, values: FollowingAt) {
        self.uniform.write(gpu, 0, &[values]);
        self.sent(size_of::<FollowingAt>());
    }

    fn sent(&mut self, bytes: usize) {
        self.moved.to_device_bytes += bytes as u64;
    }

    fn received(&mut self, bytes: usize) {
        self.moved.to_host_bytes += bytes as u64;
    }

    pub fn bytes(&self) -> u64 {
        self.uniform.bytes()
            + self.concerned_count.bytes()
            + self.concerned.bytes()
            + self.group_tags.bytes()
            + self.groups.bytes()
    }
}

/// Room for so many particles.
fn concerned(gpu: &Gpu, count: usize) -> Result<Buffer<u32>, GpuError> {
    Buffer::new(gpu, "concerned", CONCERNED_HEAD + count * CONCERNED_WORDS)
}

/// By how much f32 distances to the reaches of a field may be off [m]: round-off of coordinates as large as
/// the boxes, and a thousandth of a cell.
fn tolerance(field: &Field<f64>, model: &Model) -> f64 {
    let extents = field.reaches.iter().map(|reach| {
        let sides = reach.low.0.iter().chain(&reach.high).chain(&reach.offset.0);
        sides.map(|side| side.abs()).sum::<f64>() * reach.depth_weight.max(1.0)
    });
    let map = field.map.iter().map(|map| {
        let HeightField { size, range, steepest, .. } = &*map.distances;
        let sides = size.iter().chain(range).chain(&map.offset);
        sides.map(|side| side.abs()).sum::<f64>() * steepest.max(1.0)
    });
    let widest = extents.chain(map).fold(0.0, f64::max);
    1e-3 * model.cell_width + 1e-6 * widest
}

impl GpuSimulator {
    /// What splitting and merging moved between host and device so far; nothing where there is one level.
    pub fn exchanged(&self) -> Option<Exchanged> {
        self.following.as_ref().map(|following| following.moved)
    }

    /// At the start of a control step: splits and merges particles until they fit the field. Waits for
    /// the device.
    pub(super) fn follow(&mut self, substep: usize, keep: bool) -> Result<(), SimulationError> {
        let Some(mut following) = self.following.take() else { return Ok(()) };
        let result = match substep.is_multiple_of(self.model.substeps_per_control) {
            true => self.split_and_merge(&mut following, substep, keep),
            false => Ok(()),
        };
        self.following = Some(following);
        result
    }

    fn split_and_merge(
        &mut self,
        following: &mut Following,
        substep: usize,
        keep: bool,
    ) -> Result<(), SimulationError> {
        let model = Arc::clone(&self.model);
        let field = agents::field_at(&model, &self.motion_until(substep + 1)?.drive, substep);
        following.moved.control_steps += 1;
        let Some((ids, places, (state, adapted))) = self.decide(following, substep, &field)? else {
            return Ok(());
        };
        let sources = adapted.sources();
        let Fates { gone, heirs, made } = Fates::of(&sources, ids.len());
        let one = |(&p, &heirs): (&u32, &u32)| {
            let (id, place) = (ids[p as usize], places[p as usize]);
            Gone { id, place, heirs }
        };
        let moves = Moves::new(self.population.count(), gone.iter().zip(&heirs).map(one).collect());
        let after = moves.count_after();
        within("particles after splitting", after, MAX_PARTICLES)?;
        within(&particles_on(&self.gpu), after, most_particles(&self.gpu, &model))?;

        let made_state = chosen_state(&state, &made);
        let made_particles = moves::chosen(state.particles_or(&model.particles), &made);
        let changed = Changed {
            adapted,
            part_after: sources.len(),
            made,
            gone,
            present: self.present,
            population: Arc::clone(&self.population),
            numbering: Arc::clone(self.tables.numbering()),
            moves,
        };
        self.move_particles(following, &changed.moves, &made_state, &made_particles)?;
        self.usage.look()?;
        self.usage.make(blocks_for(&made_state, &made_particles, model.levels.count()));
        match keep {
            true => self.changed = Some(changed),
            false => self.pool.release(changed.state()),
        }
        following.moved.changes += 1;
        following.moved.made += made_state.particle_count();
        Ok(())
    }

    /// What the twin does at the start of a control step, to particles of these ids and places.
    fn decide(
        &mut self,
        following: &mut Following,
        substep: usize,
        field: &Field<f64>,
    ) -> Result<Option<Decided>, SimulationError> {
        for is_unfiltered in [false, true] {
            let part = self.read_concerned(following, substep, field, is_unfiltered)?;
            let Some(adapted) = following.adaptation.adapt(field, part.state) else { break };
            if is_unfiltered || !adapted.1.meets_others {
                return Ok(Some((part.ids, part.places, adapted)));
            }
            following.moved.asked_again += 1;
        }
        Ok(None)
    }

    /// The particles that may be split or merged at the start of a control step; with all that may be in a group
    /// with what is made, if unfiltered.
    fn read_concerned(
        &mut self,
        following: &mut Following,
        substep: usize,
        field: &Field<f64>,
        is_unfiltered: bool,
    ) -> Result<Concerned, SimulationError> {
        let gpu = self.gpu.clone();
        following.write(
            &gpu,
            FollowingAt {
                control_secs: following.adaptation.control_secs() as f32,
                hysteresis: following.adaptation.hysteresis() as f32,
                tolerance: tolerance(field, &self.model) as f32,
                is_unfiltered: u32::from(is_unfiltered),
                ..FollowingAt::zeroed()
            },
        );
        let control = self.motion_until(substep + 1)?.control_of(substep) as u32;
        let mut words = self.find_concerned(following, control)?;
        let mut count = words[0] as usize;
        if CONCERNED_HEAD + count * CONCERNED_WORDS > following.concerned.len() {
            // Room for twice as many, and once more.
            following.concerned = concerned(&gpu, 2 * count)?;
            following.expected = count;
            words = self.find_concerned(following, control)?;
            count = words[0] as usize;
        }
        let known = words.len();
        let end = CONCERNED_HEAD + count * CONCERNED_WORDS;
        if known < end {
            words.extend(following.concerned.read_range(&gpu, known, end - known)?);
            following.received(4 * (end - known));
        }
        following.expected = count;
        following.moved.concerned += count;
        let mut particles: Vec<&[u32]> =
            words[CONCERNED_HEAD..end].chunks_exact(CONCERNED_WORDS).collect();
        let id = |words: &[u32]| self.population.ids[words[0] as usize];
        particles.sort_unstable_by_key(|words| id(words));
        let mut state = State::default();
        let inverse_width = 1.0 / self.model.cell_width;
        particles.iter().for_each(|words| push_particle(&mut state, &words[1..], inverse_width));
        let ids: Vec<u32> = particles.iter().map(|words| id(words)).collect();
        let places = particles.iter().map(|words| words[0]).collect();
        let own = moves::chosen(self.population.particles(&self.model), &ids);
        state.particles = Some(Arc::new(own));
        Ok(Concerned { ids, places, state })
    }

    /// How many there are, what went wrong until now, and as many of them as there were the last time and some.
    fn find_concerned(
        &self,
        following: &mut Following,
        control: u32,
    ) -> Result<Vec<u32>, SimulationError> {
        let gpu = &self.gpu;
        following.hold_groups(gpu, self.population.row_stride)?;
        let mut recording = Recording::new(gpu);
        recording.clear(&following.concerned_count);
        recording.clear(&following.group_tags);
        recording.clear(&following.groups);
        let resources = self
            .resources(KernelId::Concern, self.io())
            .with("following", &following.uniform)
            .with("group_tags", &following.group_tags)
            .with("groups", &following.groups)
            .with("concerned_count", &following.concerned_count)
            .with("concerned", &following.concerned);
        for kernel in [KernelId::Group, KernelId::Lead, KernelId::Compare, KernelId::Concern] {
            let kernel = self.kernels.get(kernel);
            let bound = kernel.bind(gpu, &resources)?;
            let threads = Dispatch::Threads(self.population.count());
            recording.dispatch(kernel, &bound, &[control], threads);
        }
        recording.copy((&following.concerned_count, 0), (&following.concerned, 0), 1);
        let status = self.tables.status();
        let (target, bytes) = (following.concerned.raw(), size_of::<Status>() as u64);
        recording.encoder().copy_buffer_to_buffer(status.raw(), 0, target, 4, bytes);
        recording.submit();
        let expected = following.expected + following.expected / 8 + 16;
        let words = CONCERNED_HEAD + expected * CONCERNED_WORDS;
        let words = following.concerned.read_range(gpu, 0, words.min(following.concerned.len()))?;
        following.received(4 * words.len());
        self.report(bytemuck::pod_read_unaligned(bytemuck::cast_slice(&words[1..CONCERNED_HEAD])))?;
        Ok(words)
    }

    /// Makes a state of those particles that stay and those that were made the present one.
    fn move_particles(
        &mut self,
        following: &mut Following,
        moves: &Moves,
        state: &State<f64>,
        particles: &Particles,
    ) -> Result<(), SimulationError> {
        let gpu = self.gpu.clone();
        let before = Arc::clone(&self.population);
        let population = Arc::new(before.moved(&gpu, &self.model, moves, particles)?);
        self.use_population(&population)?;
        let id = self.pool.acquire(&gpu)?;

        let (places, ids) = (moves.places(), moves.ids());
        following.write(
            &gpu,
            FollowingAt {
                stride_before: before.row_stride as u32,
                place_runs: places.len() as u32,
                id_runs: ids.len() as u32,
                made_count: state.particle_count() as u32,
                ..FollowingAt::zeroed()
            },
        );
        let runs = self.upload_runs(following, &[places, ids].concat())?;
        let rows = made_rows(&self.model, following, (state, particles), &moves.made_ids());
        let made = Buffer::from_slice(&gpu, "made", &rows)?;
        following.sent(size_of_val(rows.as_slice()));

        let io = Io { output: id, ..self.io() };
        let mut recording = Recording::new(&gpu);
        for kernel in [KernelId::MoveParticles, KernelId::MoveIds] {
            let resources = before
                .as_before(self.resources(kernel, io))
                .with("following", &following.uniform)
                .with("runs", &runs)
                .with("made", &made);
            let kernel = self.kernels.get(kernel);
            let bound = kernel.bind(&gpu, &resources)?;
            let threads = Dispatch::Threads(population.count());
            recording.dispatch(kernel, &bound, &[], threads);
        }
        self.pool.copy_rigid(&mut recording, self.present.state, id);
        recording.submit();
        self.present = Present { state: id, counted: false, placed: None, ..self.present };
        Ok(())
    }

    fn upload_runs(
        &self,
        following: &mut Following,
        runs: &[Run],
    ) -> Result<Buffer<Run>, SimulationError> {
        following.sent(size_of_val(runs));
        Ok(Buffer::from_slice(&self.gpu, "runs", runs)?)
    }

    /// Undoes what was done to the particles before the substep that was just walked back: the cotangent
    /// becomes that of the state before. Waits for the device.
    pub(super) fn follow_adj(&mut self, changed: Changed) -> Result<(), SimulationError> {
        let Some(mut following) = self.following.take() else { return Ok(()) };
        let result = self.split_and_merge_adj(&mut following, changed);
        self.following = Some(following);
        self.note_memory();
        result
    }

    fn split_and_merge_adj(
        &mut self,
        following: &mut Following,
        changed: Changed,
    ) -> Result<(), SimulationError> {
        let (gpu, model) = (self.gpu.clone(), Arc::clone(&self.model));
        let made_places = changed.moves.made_places();
        let floats = self.read_made_bars(following, &made_places)?;
        // Of what stays as it was, it passes by the host.
        let mut bar = Cotangent::zeros(changed.part_after);
        let mut constants = Vec::new();
        for (&p, words) in changed.made.iter().zip(floats.chunks_exact(UNLOADED_BAR_FLOATS)) {
            constants.push(set_bar(&mut bar, p as usize, words, &model));
        }
        let materials = &self.population.particles(&model).material;
        let made_ids = changed.moves.made_ids();
        let material = |&id: &u32| materials[id as usize] as usize;
        let summed: Vec<_> = made_ids.iter().map(material).zip(constants).collect();

        let bar = following.adaptation.adapt_adj(&changed.adapted, bar);
        let row = |&p: &u32| bar_rows(&bar, p as usize, &model);
        let returned: Vec<[f32; 4]> = changed.gone.iter().flat_map(row).collect();
        following.sent(size_of_val(returned.as_slice()));
        let returned = Buffer::from_slice(&gpu, "returned cotangents", &returned)?;
        let places = changed.moves.places_back();
        following.write(
            &gpu,
            FollowingAt {
                stride_before: self.population.row_stride as u32,
                place_runs: places.len() as u32,
                ..FollowingAt::zeroed()
            },
        );
        let runs = self.upload_runs(following, &places)?;

        self.pool.release(self.present.state);
        self.use_population(&changed.population)?;
        self.use_numbering(&changed.numbering);
        self.present = Present { counted: false, ..changed.present };
        let mut resources = self.resources(KernelId::MoveBars, self.io());
        if let (Some(reverse), Some(motion)) = (&mut self.reverse, &self.motion) {
            let received =
                reverse.go_back(&gpu, &model, &motion.drive, &self.population, &summed)?;
            following.received(received);
            resources = reverse.while_moved(resources);
        }
        let resources = resources
            .with("following", &following.uniform)
            .with("runs", &runs)
            .with("returned_bars", &returned);
        let kernel = self.kernels.get(KernelId::MoveBars);
        let bound = kernel.bind(&gpu, &resources)?;
        let mut recording = Recording::new(&gpu);
        let threads = Dispatch::Threads(self.population.count());
        recording.dispatch(kernel, &bound, &[], threads);
        recording.submit();
        if let Some(reverse) = &mut self.reverse {
            reverse.have_moved();
        }
        Ok(())
    }

    /// The cotangents of the particles that were made.
    fn read_made_bars(
        &mut self,
        following: &mut Following,
        places: &[u32],
    ) -> Result<Vec<f32>, SimulationError> {
        let gpu = self.gpu.clone();
        following
            .write(&gpu, FollowingAt { made_count: places.len() as u32, ..FollowingAt::zeroed() });
        let made_places = Buffer::from_slice(&gpu, "made places", places)?;
        following.sent(size_of_val(places));
        let resources = self
            .resources(KernelId::GatherBars, self.io())
            .with("following", &following.uniform)
            .with("made_places", &made_places);
        let kernel = self.kernels.get(KernelId::GatherBars);
        let bound = kernel.bind(&gpu, &resources)?;
        let mut recording = Recording::new(&gpu);
        recording.dispatch(kernel, &bound, &[], Dispatch::Threads(places.len()));
        recording.submit();
        let count = places.len() * UNLOADED_BAR_FLOATS;
        let floats = match &self.reverse {
            Some(reverse) => reverse.read_packed(&gpu, count)?,
            None => Vec::new(),
        };
        following.received(4 * floats.len());
        Ok(floats)
    }
}

/// Some particles of a state.
fn chosen_state(state: &State<f64>, chosen: &[u32]) -> State<f64> {
    let all = || chosen.iter().map(|&p| p as usize);
    State {
        cell: all().map(|p| state.cell[p]).collect(),
        offset: all().map(|p| state.offset[p]).collect(),
        v: all().map(|p| state.v[p]).collect(),
        c: all().map(|p| state.c[p]).collect(),
        f: all().map(|p| state.f[p]).collect(),
        history: all().map(|p| state.history[p]).collect(),
        ..State::default()
    }
}

/// The rows of the particles that were made, with their cells, ids and kinds.
fn made_rows(
    model: &Model,
    following: &Following,
    (state, particles): (&State<f64>, &Particles),
    ids: &[u32],
) -> Vec<[u32; 4]> {
    let mut rows = Vec::with_capacity(MADE_ROWS * ids.len());
    for (p, &id) in ids.iter().enumerate() {
        let own = own_rows(state, particles, model, p);
        rows.extend(own.map(|row| row.map(f32::to_bits)));
        let [x, y, z] = state.cell[p].map(|c| c as u32);
        let kind = kind_number(&following.adaptation.kind(particles, p));
        rows.extend([[x, y, z, 0], [id, kind, 0, 0]]);
    }
    rows
}

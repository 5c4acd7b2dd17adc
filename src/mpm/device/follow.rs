//! Splitting and merging between control steps, decided by the host about those particles alone that it may
//! concern.
//!
//! Kernels find them, with a tolerance, and pack their state; the twin's `adapt` decides about this part of
//! the state as it would about the whole. Inside a control step nothing is read.

use super::change::{Cause, Ferry, New};
use super::ground::Ground;
use super::layout::{CONCERNED_HEAD, CONCERNED_WORDS, FollowingAt, GROUP_WORDS, Status};
use super::moves::{self, Gone, Moves};
use super::reverse::{bar_rows, set_bar};
use super::shaders::KernelId;
use super::simulator::push_particle;
use super::{GpuSimulator, SimulationError};
use crate::agents;
use crate::gpu::{Buffer, Gpu, GpuError, Recording};
use crate::laws::CONSTANTS;
use crate::model::{Field, HeightField, Model};
use crate::mpm::state::{Cotangent, State};
use crate::mpm::twin::{Adaptation, Adapted, Source};
use bytemuck::Zeroable;
use std::sync::Arc;

/// What changes the population, and what it needs on the device.
pub struct Following {
    /// What decides about splits and merges.
    pub adaptation: Adaptation,
    pub ferry: Ferry,
    /// Where chunks sleep.
    pub ground: Option<Ground>,
    concerned_count: Buffer<u32>,
    concerned: Buffer<u32>,
    /// How many there were the last time.
    expected: usize,
    /// Hash table of the groups in which particles may be merged.
    group_tags: Buffer<u32>,
    groups: Buffer<[u32; GROUP_WORDS]>,
}

/// What was split and merged before a substep, for its adjoint.
pub struct Resized {
    adapted: Adapted,
    /// The particles that the host looked at: how many there are of them afterwards, which of these it made, and
    /// which of those before are no more.
    part_after: usize,
    made: Vec<u32>,
    gone: Vec<u32>,
}

impl Resized {
    /// From the cotangents of what was made, as `gather_bars` packs them: those of the constants, and rows of what
    /// it was made from.
    pub fn adj<'a>(
        &self,
        model: &Model,
        adaptation: &Adaptation,
        bars: impl Iterator<Item = &'a [f32]>,
    ) -> (Vec<[f64; CONSTANTS]>, Vec<[f32; 4]>) {
        // Of what stays as it was, it passes by the host.
        let mut bar = Cotangent::zeros(self.part_after);
        let made = self.made.iter().zip(bars);
        let constants =
            made.map(|(&p, floats)| set_bar(&mut bar, p as usize, floats, model)).collect();
        let bar = adaptation.adapt_adj(&self.adapted, bar);
        let row = |&p: &u32| bar_rows(&bar, p as usize, model);
        (constants, self.gone.iter().flat_map(row).collect())
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
            ferry: Ferry::new(gpu)?,
            ground: Ground::new(gpu, model)?,
            concerned_count: Buffer::new(gpu, "concerned count", 1)?,
            concerned: concerned(gpu, room)?,
            expected: 0,
            group_tags: Buffer::new(gpu, "group tags", 0)?,
            groups: Buffer::new(gpu, "groups", 0)?,
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

    pub fn bytes(&self) -> u64 {
        self.ferry.bytes()
            + self.ground.as_ref().map_or(0, Ground::bytes)
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
    /// At the start of a control step: lets chunks sleep and wake, and splits and merges particles until they
    /// fit the field. Waits for the device.
    pub(super) fn follow(&mut self, substep: usize, keep: bool) -> Result<(), SimulationError> {
        if !substep.is_multiple_of(self.model.substeps_per_control) {
            return Ok(());
        }
        let Some(mut following) = self.following.take() else { return Ok(()) };
        let result = self.follow_with(&mut following, substep, keep);
        self.following = Some(following);
        result
    }

    fn follow_with(
        &mut self,
        following: &mut Following,
        substep: usize,
        keep: bool,
    ) -> Result<(), SimulationError> {
        let drive = &self.motion_until(substep + 1)?.drive;
        let field = agents::field_at(&self.model, drive, substep);
        let is_asked = self.settle(following, (substep, &field), keep)?;
        self.split_and_merge(following, (substep, is_asked), &field, keep)
    }

    /// `is_asked` says that the particles which it may concern are being looked for.
    fn split_and_merge(
        &mut self,
        following: &mut Following,
        (substep, is_asked): (usize, bool),
        field: &Field<f64>,
        keep: bool,
    ) -> Result<(), SimulationError> {
        let model = Arc::clone(&self.model);
        following.ferry.moved.control_steps += 1;
        let decided = self.decide(following, (substep, is_asked), field)?;
        let Some((ids, places, (state, adapted))) = decided else { return Ok(()) };
        let sources = adapted.sources();
        let Fates { gone, heirs, made } = Fates::of(&sources, ids.len());
        let one = |(&p, &heirs): (&u32, &u32)| {
            let (id, place) = (ids[p as usize], places[p as usize]);
            Gone { id, place, heirs }
        };
        let moves = Moves::new(self.population.count(), gone.iter().zip(&heirs).map(one).collect());
        let new = New {
            state: chosen_state(&state, &made),
            particles: moves::chosen(state.particles_or(&model.particles), &made),
        };
        following.ferry.moved.changes += 1;
        following.ferry.moved.made += made.len();
        let resized = Resized { adapted, part_after: sources.len(), made, gone };
        let held = self.population.particles(&model).held.clone();
        self.change(following, (Cause::Resized(resized), moves), &new, &held, keep)
    }

    /// What the twin does at the start of a control step, to particles of these ids and places.
    fn decide(
        &mut self,
        following: &mut Following,
        (substep, is_asked): (usize, bool),
        field: &Field<f64>,
    ) -> Result<Option<Decided>, SimulationError> {
        for is_unfiltered in [false, true] {
            if is_unfiltered || !is_asked {
                self.ask_concerned(following, (substep, field), is_unfiltered)?;
            }
            let part = self.read_concerned(following, substep)?;
            let Some(adapted) = following.adaptation.adapt(field, part.state) else { break };
            if is_unfiltered || !adapted.1.meets_others {
                return Ok(Some((part.ids, part.places, adapted)));
            }
            following.ferry.moved.asked_again += 1;
        }
        Ok(None)
    }

    /// Has the device look for the particles that may be split or merged at the start of a control step; with all
    /// that may be in a group with what is made, if unfiltered.
    pub(super) fn ask_concerned(
        &self,
        following: &mut Following,
        (substep, field): (usize, &Field<f64>),
        is_unfiltered: bool,
    ) -> Result<(), SimulationError> {
        let values = FollowingAt {
            control_secs: following.adaptation.control_secs() as f32,
            hysteresis: following.adaptation.hysteresis() as f32,
            tolerance: tolerance(field, &self.model) as f32,
            is_unfiltered: u32::from(is_unfiltered),
            ..FollowingAt::zeroed()
        };
        following.ferry.write(&self.gpu, values);
        self.find_concerned(following, substep)
    }

    /// The particles that were looked for.
    fn read_concerned(
        &mut self,
        following: &mut Following,
        substep: usize,
    ) -> Result<Concerned, SimulationError> {
        let gpu = self.gpu.clone();
        let mut words = self.read_found(following)?;
        let mut count = words[0] as usize;
        if CONCERNED_HEAD + count * CONCERNED_WORDS > following.concerned.len() {
            // Room for twice as many, and once more.
            following.concerned = concerned(&gpu, 2 * count)?;
            following.expected = count;
            self.find_concerned(following, substep)?;
            words = self.read_found(following)?;
            count = words[0] as usize;
        }
        let known = words.len();
        let end = CONCERNED_HEAD + count * CONCERNED_WORDS;
        if known < end {
            words.extend(following.concerned.read_range(&gpu, known, end - known)?);
            following.ferry.received(4 * (end - known));
        }
        following.expected = count;
        following.ferry.moved.concerned += count;
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

    fn find_concerned(
        &self,
        following: &mut Following,
        substep: usize,
    ) -> Result<(), SimulationError> {
        let gpu = &self.gpu;
        let control = self.motion_until(substep + 1)?.control_of(substep) as u32;
        following.hold_groups(gpu, self.population.row_stride)?;
        let mut recording = Recording::new(gpu);
        recording.clear(&following.concerned_count);
        recording.clear(&following.group_tags);
        recording.clear(&following.groups);
        let resources = self
            .resources(KernelId::Concern, self.io())
            .with("following", following.ferry.uniform())
            .with("group_tags", &following.group_tags)
            .with("groups", &following.groups)
            .with("concerned_count", &following.concerned_count)
            .with("concerned", &following.concerned);
        for kernel in [KernelId::Group, KernelId::Lead, KernelId::Compare, KernelId::Concern] {
            let over = (kernel, self.population.count());
            self.dispatch_with(&mut recording, over, &resources, &[control])?;
        }
        recording.copy((&following.concerned_count, 0), (&following.concerned, 0), 1);
        let status = self.tables.status();
        let (target, bytes) = (following.concerned.raw(), size_of::<Status>() as u64);
        recording.encoder().copy_buffer_to_buffer(status.raw(), 0, target, 4, bytes);
        recording.submit();
        Ok(())
    }

    /// How many there are, what went wrong until now, and as many of them as there were the last time and some.
    fn read_found(&self, following: &mut Following) -> Result<Vec<u32>, SimulationError> {
        let gpu = &self.gpu;
        let expected = following.expected + following.expected / 8 + 16;
        let words = CONCERNED_HEAD + expected * CONCERNED_WORDS;
        let words = following.concerned.read_range(gpu, 0, words.min(following.concerned.len()))?;
        following.ferry.received(4 * words.len());
        self.report(bytemuck::pod_read_unaligned(bytemuck::cast_slice(&words[1..CONCERNED_HEAD])))?;
        Ok(words)
    }
}

/// Some particles of a state.
pub fn chosen_state(state: &State<f64>, chosen: &[u32]) -> State<f64> {
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

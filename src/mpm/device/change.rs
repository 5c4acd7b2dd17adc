//! What changes which particles there are, between control steps, and the way back: splitting and merging
//! (`follow.rs`), chunks that fall asleep and wake (`ground.rs`).
//!
//! The host says which particles are no more and which are new, with a table of stretches by which kernels move
//! all others into the new state: those never leave the device. A reverse pass goes the same way back:
//! cotangents of what is new are read, those of what was gone are uploaded, all others move.

use super::follow::Resized;
use super::ground::Slept;
use super::layout::{
    FollowingAt, MADE_ROWS, PARTICLE_ROWS, PLACE_HELD, UNLOADED_BAR_FLOATS, kind_number,
};
use super::moves::{Moves, Run};
use super::placement::{blocks_for, own_rows};
use super::population::Population;
use super::shaders::KernelId;
use super::states::StateId;
use super::tables::Numbering;
use super::{
    Following, GpuSimulator, Io, Present, SimulationError, most_particles, particles_on, within,
};
use crate::gpu::{Buffer, Gpu, GpuError, Recording};
use crate::laws::CONSTANTS;
use crate::model::{MAX_PARTICLES, Model};
use crate::mpm::state::{Particles, State};
use crate::mpm::twin::Adaptation;
use bytemuck::Zeroable;
use std::sync::Arc;

/// What carries particles between host and device.
pub struct Ferry {
    uniform: Buffer<FollowingAt>,
    /// What was moved so far.
    pub moved: Exchanged,
}

/// What changes of the population moved between host and device.
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
    /// Control steps at whose start particles of chunks came, left, or were held or let go; and how many came and
    /// left.
    pub passages: usize,
    pub came: usize,
    pub left: usize,
    pub to_host_bytes: u64,
    pub to_device_bytes: u64,
    /// Of these, what chunks moved that fall asleep and wake.
    pub ground_to_host_bytes: u64,
    pub ground_to_device_bytes: u64,
}

impl Ferry {
    pub fn new(gpu: &Gpu) -> Result<Self, GpuError> {
        let uniform = Buffer::with_usage(gpu, "following", 1, wgpu::BufferUsages::UNIFORM)?;
        Ok(Self { uniform, moved: Exchanged::default() })
    }

    pub fn uniform(&self) -> &Buffer<FollowingAt> {
        &self.uniform
    }

    pub fn write(&mut self, gpu: &Gpu, values: FollowingAt) {
        self.uniform.write(gpu, 0, &[values]);
        self.sent(size_of::<FollowingAt>());
    }

    /// A buffer with contents from the host.
    pub fn upload<T: bytemuck::Pod>(
        &mut self,
        gpu: &Gpu,
        label: &str,
        contents: &[T],
    ) -> Result<Buffer<T>, GpuError> {
        self.sent(size_of_val(contents));
        Buffer::from_slice(gpu, label, contents)
    }

    pub fn sent(&mut self, bytes: usize) {
        self.moved.to_device_bytes += bytes as u64;
    }

    pub fn received(&mut self, bytes: usize) {
        self.moved.to_host_bytes += bytes as u64;
    }

    /// Notes that all that was moved since is of the ground.
    pub fn count_as_ground(&mut self, before: &Exchanged) {
        let moved = &mut self.moved;
        moved.ground_to_host_bytes += moved.to_host_bytes - before.to_host_bytes;
        moved.ground_to_device_bytes += moved.to_device_bytes - before.to_device_bytes;
    }

    pub fn bytes(&self) -> u64 {
        self.uniform.bytes()
    }
}

/// What was done to the particles before a substep, for its adjoint.
pub struct Changed {
    cause: Cause,
    moves: Moves,
    before: Before,
}

/// Why, with what the adjoint has to know of it.
pub enum Cause {
    Resized(Resized),
    Slept(Slept),
}

/// The state before a change, and what its numbers mean.
struct Before {
    present: Present,
    population: Arc<Population>,
    numbering: Arc<Numbering>,
}

/// Particles that are new, by their number (`moves.rs`).
pub struct New {
    pub state: State<f64>,
    pub particles: Particles,
}

impl Changed {
    pub fn state(&self) -> StateId {
        self.before.present.state
    }

    /// Bytes of what the device keeps for it beside the state.
    pub fn bytes(&self) -> u64 {
        self.before.population.bytes()
    }
}

impl GpuSimulator {
    /// What changes of the population moved between host and device so far; nothing where there is one level.
    pub fn exchanged(&self) -> Option<Exchanged> {
        self.following.as_ref().map(|following| following.ferry.moved)
    }

    /// Makes a state of those particles that stay and those that are new the present one. `held` says which of
    /// those that were there are held now. `keep` records it.
    pub(super) fn change(
        &mut self,
        following: &mut Following,
        (cause, moves): (Cause, Moves),
        new: &New,
        held: &[bool],
        keep: bool,
    ) -> Result<(), SimulationError> {
        let after = moves.count_after();
        within("particles after splitting and waking", after, MAX_PARTICLES)?;
        within(&particles_on(&self.gpu), after, most_particles(&self.gpu, &self.model))?;
        let before = Before {
            present: self.present.clone(),
            population: Arc::clone(&self.population),
            numbering: Arc::clone(self.tables.numbering()),
        };
        self.move_particles(following, &moves, new, held)?;
        self.usage.look()?;
        self.usage.make(blocks_for(&new.state, &new.particles, self.model.levels.count()));
        match keep {
            true => self.changed.push(Changed { cause, moves, before }),
            false => self.pool.release(before.present.state),
        }
        Ok(())
    }

    fn move_particles(
        &mut self,
        following: &mut Following,
        moves: &Moves,
        new: &New,
        held: &[bool],
    ) -> Result<(), SimulationError> {
        let gpu = self.gpu.clone();
        let Following { ferry, adaptation, .. } = following;
        let before = Arc::clone(&self.population);
        let population = before.moved(&gpu, &self.model, moves, (&new.particles, held))?;
        let population = Arc::new(population);
        self.use_population(&population)?;
        let id = self.pool.acquire(&gpu)?;

        let (places, ids) = (moves.places(), moves.ids());
        let values = FollowingAt {
            stride_before: before.row_stride as u32,
            place_runs: places.len() as u32,
            id_runs: ids.len() as u32,
            made_count: new.state.particle_count() as u32,
            ..FollowingAt::zeroed()
        };
        ferry.write(&gpu, values);
        let runs: Buffer<Run> = ferry.upload(&gpu, "runs", &[places, ids].concat())?;
        let rows = made_rows(&self.model, adaptation, new, &moves.made_ids());
        let made = ferry.upload(&gpu, "made", &rows)?;

        let io = Io { output: id, ..self.io() };
        let mut recording = Recording::new(&gpu);
        for kernel in [KernelId::MoveParticles, KernelId::MoveIds] {
            let resources = before
                .as_before(self.resources(kernel, io))
                .with("following", &ferry.uniform)
                .with("runs", &runs)
                .with("made", &made);
            self.dispatch_with(&mut recording, (kernel, population.count()), &resources, &[])?;
        }
        self.pool.copy_rigid(&mut recording, self.present.state, id);
        recording.submit();
        self.present = Present { state: id, counted: false, placed: None, ..self.present.clone() };
        Ok(())
    }

    /// Undoes what was done to the particles before the substep that was just walked back: the cotangent
    /// becomes that of the state before. Waits for the device.
    pub(super) fn change_back(&mut self, changed: Changed) -> Result<(), SimulationError> {
        let Some(mut following) = self.following.take() else { return Ok(()) };
        let result = self.go_back(&mut following, changed);
        self.following = Some(following);
        self.note_memory();
        result
    }

    fn go_back(
        &mut self,
        following: &mut Following,
        changed: Changed,
    ) -> Result<(), SimulationError> {
        let Changed { cause, moves, before } = changed;
        let moved = following.ferry.moved;
        let floats = self.read_new_bars(&mut following.ferry, &moves.made_places())?;
        let bars = floats.chunks_exact(UNLOADED_BAR_FLOATS);
        // By the constants of materials; and rows for what was gone.
        let (constants, returned) = match &cause {
            Cause::Resized(resized) => resized.adj(&self.model, &following.adaptation, bars),
            Cause::Slept(slept) => match &mut self.reverse {
                Some(reverse) => slept.adj(&self.model, &mut reverse.asleep, bars),
                None => (Vec::new(), Vec::new()),
            },
        };
        let materials = &self.population.particles(&self.model).material;
        let made_ids = moves.made_ids();
        let material = |&id: &u32| materials[id as usize] as usize;
        let summed: Vec<_> = made_ids.iter().map(material).zip(constants).collect();
        self.move_back(&mut following.ferry, &moves, before, (&summed, &returned))?;
        if let Cause::Slept(slept) = &cause {
            self.hold_adj(following, slept)?;
            following.ferry.count_as_ground(&moved);
        }
        Ok(())
    }

    /// Moves cotangents to where particles were before, of which some are returned.
    fn move_back(
        &mut self,
        ferry: &mut Ferry,
        moves: &Moves,
        before: Before,
        (summed, returned): (&[(usize, [f64; CONSTANTS])], &[[f32; 4]]),
    ) -> Result<(), SimulationError> {
        let (gpu, model) = (self.gpu.clone(), Arc::clone(&self.model));
        let returned = ferry.upload(&gpu, "returned cotangents", returned)?;
        let places = moves.places_back();
        let values = FollowingAt {
            stride_before: self.population.row_stride as u32,
            place_runs: places.len() as u32,
            ..FollowingAt::zeroed()
        };
        ferry.write(&gpu, values);
        let runs: Buffer<Run> = ferry.upload(&gpu, "runs", &places)?;

        self.pool.release(self.present.state);
        self.use_population(&before.population)?;
        self.use_numbering(&before.numbering);
        self.present = Present { counted: false, ..before.present };
        let mut resources = self.resources(KernelId::MoveBars, self.io());
        if let (Some(reverse), Some(motion)) = (&mut self.reverse, &self.motion) {
            let received =
                reverse.go_back(&gpu, &model, &motion.drive, &self.population, summed)?;
            ferry.received(received);
            resources = reverse.while_moved(resources);
        }
        let resources = resources
            .with("following", &ferry.uniform)
            .with("runs", &runs)
            .with("returned_bars", &returned);
        let mut recording = Recording::new(&gpu);
        let over = (KernelId::MoveBars, self.population.count());
        self.dispatch_with(&mut recording, over, &resources, &[])?;
        recording.submit();
        if let Some(reverse) = &mut self.reverse {
            reverse.have_moved();
        }
        Ok(())
    }

    /// The cotangents of the particles that are new.
    fn read_new_bars(
        &mut self,
        ferry: &mut Ferry,
        places: &[u32],
    ) -> Result<Vec<f32>, SimulationError> {
        let gpu = self.gpu.clone();
        ferry.write(&gpu, FollowingAt { made_count: places.len() as u32, ..FollowingAt::zeroed() });
        let made_places = ferry.upload(&gpu, "made places", places)?;
        let resources = self
            .resources(KernelId::GatherBars, self.io())
            .with("following", &ferry.uniform)
            .with("made_places", &made_places);
        let mut recording = Recording::new(&gpu);
        let over = (KernelId::GatherBars, places.len());
        self.dispatch_with(&mut recording, over, &resources, &[])?;
        recording.submit();
        let count = places.len() * UNLOADED_BAR_FLOATS;
        let floats = match &self.reverse {
            Some(reverse) => reverse.read_packed(&gpu, count)?,
            None => Vec::new(),
        };
        ferry.received(4 * floats.len());
        Ok(floats)
    }
}

/// What is gone and has no cotangent.
pub const NO_BAR: [[f32; 4]; PARTICLE_ROWS] = [[0.0; 4]; PARTICLE_ROWS];

/// The rows of the particles that are new, with their cells, ids and kinds.
fn made_rows(model: &Model, adaptation: &Adaptation, new: &New, ids: &[u32]) -> Vec<[u32; 4]> {
    let New { state, particles } = new;
    let mut rows = Vec::with_capacity(MADE_ROWS * ids.len());
    for (p, &id) in ids.iter().enumerate() {
        let own = own_rows(state, particles, model, p);
        rows.extend(own.map(|row| row.map(f32::to_bits)));
        let [x, y, z] = state.cell[p].map(|c| c as u32);
        let held = if particles.is_held(p) { PLACE_HELD } else { 0 };
        let kind = kind_number(&adaptation.kind(particles, p));
        rows.extend([[x, y, z, held], [id, kind, 0, 0]]);
    }
    rows
}

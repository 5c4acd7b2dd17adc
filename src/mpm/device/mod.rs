//! The GPU solver: block-sparse MLS-MPM in WGSL, forward and adjoint, behind [`Simulator`].
//!
//! ```text
//! blocks -> sort -> p2g -> grid_update -> g2p               state n -> state n + 1
//! count, blocks, sort (again)                               state n, its nodes
//!        -> g2p_adj -> grid_update_adj -> p2g_adj           cotangent n + 1 -> cotangent n
//! ```
//!
//! `stages.rs` is the table of this; `shaders/stage/` has one file per entry point. Particles are
//! never moved in memory: a counting sort of indices by (block slot, cell), by id inside a cell,
//! fixes the order of every sum, so that a run repeats bit by bit whatever the number of threads,
//! the numbering of slots, the order in storage, the place in the world. Each cell accumulates what
//! it gives to its 27 nodes, each node sums its 27 cells: no float atomics, no barriers.
//! Storage that is out of order costs time alone: measured on a software device with 30 000 particles
//! of liquid, 13 % once they had mixed for 3000 substeps, a third if shuffled.
//!
//! Levels of resolution (`stages::LEVEL_STAGES`) give a particle two entries in the lists of cells: one on
//! the finest level that it takes part in and, in a band, one on the level above. Block keys say their
//! level, so that blocks, sorting, p2g and the nodes know nothing of it:
//!
//! ```text
//! blocks -> sort -> share -> p2g -> grid_update -> collect -> g2p_blended -> place
//! ```
//!
//! `share` writes what a particle gives to each of its levels, `collect` what each of them says,
//! `g2p_blended` puts that together and asks the field of the substep to come; `place` finds the new cells
//! through the hash table, and what stands in a block for the first time makes it (`claim_blocks`,
//! `settle`). The stress belongs to the start of a substep there, as in the twin, and the rows of a state
//! hold h C itself. The host decides between control steps which particles are split and merged (`follow.rs`):
//! it reads those that may be, and the device moves all others into the new state (`change.rs`, `moves.rs`).
//!
//! Where ground sleeps, the host decides that between control steps as well (`ground.rs`), from a table of chunks
//! that a kernel fills. A particle that is held says so where it says its levels (`PLACE_HELD`): its entries give
//! to the nodes as any others, and `g2p_blended` leaves it where it is.
//!
//! A slot that no particle is near is given to another block when slots become scarce
//! (`renumber.rs`): memory follows the blocks in use, however far a body travels.
//!
//! A derivative is that of the branches (yield, contact) that the run took in f32: where round-off
//! moves a state over a kink, it is exact for that state, and not the one that f64 finds.
//!
//! Deliberately absent: reading anything back during a control step, and without levels during a
//! rollout (with them, what may be split or merged, or falls asleep, is read between control steps), but
//! for a few counters that say how full the tables are, which the host waits for once after a load and
//! where they fill fast. A particle that diverges, or a table that is full, leaves a note on the device
//! that is reported by
//! the next call that waits. And a g2p with one thread a particle: a GPU might prefer it (more
//! threads, fewer registers), software devices are slower with it, and no GPU was at hand to decide.

mod change;
mod dispatch;
mod exchange;
mod fields;
mod follow;
mod ground;
mod growth;
mod layout;
mod levels;
mod limits;
mod motion;
mod moves;
mod observations;
mod placement;
mod population;
mod renumber;
mod report;
mod reverse;
mod rigid;
mod shaders;
mod simulator;
mod sources;
mod stages;
mod states;
mod substeps;
mod tables;
#[cfg(test)]
mod tests;
mod wrench;

pub use change::Exchanged;
pub use fields::{Fields, field_number};
pub use placement::Placement;
pub use report::Traffic;
pub use shaders::KernelId;
pub use stages::{LEVEL_STAGES, Launch, MEASURED, Over, STAGES, Stage};
pub use tables::Capacity;

use super::simulator::SimulationError;
use super::state::{Chunks, Life, State, count_chunks};
use crate::gpu::{Bound, Buffer, Gpu, GpuError, Recording, Resources, Timer};
use crate::model::Model;
use change::Changed;
use follow::Following;
use growth::Usage;
use layout::{
    Activations, BANDS, FIRST_BODY, MATERIALS, MUSCLES, MaterialAt, NONE, Parameters, REACHES,
    ResolutionAt, RigidMotionAt, SINKS, SinkAt, Status,
};
use levels::Entries;
use limits::{most_particles, particles_on, within};
use motion::{Motion, moving_colliders};
use observations::Observations;
use population::Population;
use reverse::Reverse;
use rigid::RigidBodies;
use shaders::Kernels;
use states::{NodesId, StateId, StatePool};
use std::collections::HashMap;
use std::sync::Arc;
use tables::{Numbering, Tables};
use wrench::Impulses;

/// Fraction of a full node's mass below which a node is empty (numerics.md 2).
const EMPTY_NODE: f64 = 1e-18;

/// The simulator on a GPU, or on a software device.
pub struct GpuSimulator {
    gpu: Gpu,
    model: Arc<Model>,
    kernels: Kernels,
    uniforms: Uniforms,
    tables: Tables,
    /// Which particles there are, and where each is stored.
    population: Arc<Population>,
    /// Where there are levels of resolution: what is given to them and taken, and what splits and merges.
    entries: Option<Entries>,
    following: Option<Following>,
    /// What was done to the particles before the substep that is recorded, or was walked back, next; in order.
    changed: Vec<Changed>,
    /// The chunks before that.
    chunks_before: Arc<Chunks>,
    motion: Option<Motion>,
    pool: StatePool,
    present: Present,
    checkpoints: Vec<Option<Checkpoint>>,
    record: Record,
    reverse: Option<Reverse>,
    /// Whether impulses on colliders are measured; their buffers, once there is a drive.
    senses: bool,
    impulses: Option<Impulses>,
    observations: Observations,
    rigid: RigidBodies,
    fields: Fields,
    /// Where states and observations are packed for the host.
    unloaded: Buffer<u32>,
    observed: Buffer<u32>,
    /// Buffers bound to kernels so far; forgotten when a buffer is replaced.
    bounds: HashMap<(KernelId, Io), Bound>,
    timer: Option<Timer>,
    usage: Usage,
    renumberings: usize,
    peak_bytes: u64,
}

/// What does not change during a run, and small changing uniforms.
struct Uniforms {
    parameters: Buffer<Parameters>,
    materials: Buffer<MaterialAt>,
    muscles: Buffer<[f32; 4]>,
    sinks: Buffer<SinkAt>,
    /// Activations that the present state's stress was computed with.
    present_activations: Buffer<Activations>,
    activation_changes: Buffer<Activations>,
}

/// The present state.
#[derive(Clone)]
struct Present {
    state: StateId,
    /// The rows hold h C still: no stress was computed yet.
    raw: bool,
    /// `cells` counts its particles.
    counted: bool,
    /// How many particles have come.
    come: usize,
    /// What its stress was computed with.
    activations: Activations,
    /// The resolution field by which its particles are in cells, if they are.
    placed: Option<ResolutionAt>,
    /// The ground as chunks, as [`State::chunks`].
    chunks: Arc<Chunks>,
}

/// A stored state.
#[derive(Clone)]
struct Checkpoint {
    present: Present,
    /// Of its locations.
    numbering: Arc<Numbering>,
    population: Arc<Population>,
}

/// The substeps `first ..`, each to be walked back.
#[derive(Default)]
struct Record {
    first: usize,
    substeps: Vec<Recorded>,
}

/// What a substep leaves for its adjoint.
struct Recorded {
    /// The state before it, and the numbering of its locations.
    state: StateId,
    numbering: Arc<Numbering>,
    nodes: NodesId,
    /// What was done to the particles before it, in order, and the chunks that there were before that.
    changes: Vec<Changed>,
    chunks: Arc<Chunks>,
}

impl Record {
    fn end(&self) -> usize {
        self.first + self.substeps.len()
    }
}

/// Which state a kernel reads and which it writes, and which of the two cotangents it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Io {
    input: StateId,
    output: StateId,
    bar: usize,
    /// Where the nodes of a substep that is recorded, or walked back, are kept.
    nodes: Option<NodesId>,
}

impl GpuSimulator {
    /// A simulator at the model's initial state; motion is set by
    /// [`Simulator::drive`](super::simulator::Simulator::drive).
    ///
    /// # Errors
    /// [`SimulationError::Capacity`] where the device's buffers or our tables are too small; it says
    /// how many particles the device takes.
    pub fn new(model: &Arc<Model>, gpu: &Gpu) -> Result<Self, SimulationError> {
        Self::with_placement(model, gpu, &Placement::of(&model.initial, model))
    }

    /// The same with the particles stored in a given order: for tests that results do not depend
    /// on it.
    pub fn with_placement(
        model: &Arc<Model>,
        gpu: &Gpu,
        placement: &Placement,
    ) -> Result<Self, SimulationError> {
        within("materials", model.materials.len(), MATERIALS)?;
        within("muscles", model.muscles.len(), MUSCLES)?;
        let what = "places of agents, now and lately, and regions that levels of resolution follow";
        within(what, model.levels.most_reaches(), REACHES)?;
        within("bands between levels of resolution", model.levels.bands.len(), BANDS)?;
        let particles = model.particles.mass.len();
        within(&particles_on(gpu), particles, most_particles(gpu, model))?;
        let following = Following::new(gpu, model)?;
        let adaptation = following.as_ref().map(|following| &following.adaptation);
        let population = Population::new(gpu, (&model.initial, model), placement, 0, adaptation)?;
        let kernels = Kernels::new(gpu, model)?;
        let capacity = Capacity::for_placement(gpu, placement, population.entry_count());
        let tables = Tables::new(gpu, capacity, population.entry_count())?;
        let mut pool = StatePool::new(
            population.state_size(),
            layout::particle_rows(model),
            model.rigid_bodies.len(),
        );
        let present = Present {
            state: pool.acquire(gpu)?,
            raw: true,
            counted: false,
            come: 0,
            activations: bytemuck::Zeroable::zeroed(),
            placed: None,
            chunks: Arc::default(),
        };
        let mut simulator = Self {
            uniforms: Uniforms::new(gpu, model)?,
            unloaded: Buffer::new(gpu, "unloaded", layout::UNLOADED_WORDS * particles)?,
            observed: Buffer::new(gpu, "observed", layout::OBSERVED_WORDS * particles)?,
            gpu: gpu.clone(),
            model: Arc::clone(model),
            kernels,
            tables,
            population: Arc::new(population),
            entries: None,
            following,
            changed: Vec::new(),
            chunks_before: Arc::default(),
            motion: None,
            pool,
            present,
            checkpoints: Vec::new(),
            record: Record::default(),
            reverse: None,
            senses: false,
            impulses: None,
            observations: Observations::default(),
            rigid: RigidBodies::new(gpu, model)?,
            fields: Fields::new(gpu, model)?,
            bounds: HashMap::new(),
            timer: None,
            usage: Usage::loaded(placement.closure, placement.occupied),
            renumberings: 0,
            peak_bytes: 0,
        };
        simulator.place(&model.initial, placement)?;
        Ok(simulator)
    }

    /// The device it runs on.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Replaces the state, stored as the placement says.
    fn place(&mut self, state: &State<f64>, placement: &Placement) -> Result<(), SimulationError> {
        let particles = state.particles_or(&self.model.particles).mass.len();
        if state.particle_count() != particles
            || (!self.has_levels() && particles != self.model.particles.mass.len())
        {
            return Err(SimulationError::Capacity {
                what: "particles of the state".into(),
                needed: state.particle_count() as u64,
                allowed: particles.min(self.model.particles.mass.len()) as u64,
            });
        }
        within(&particles_on(&self.gpu), particles, most_particles(&self.gpu, &self.model))?;
        if state.rigid.len() != self.rigid.count {
            return Err(SimulationError::Capacity {
                what: "rigid bodies of the state".into(),
                needed: state.rigid.len() as u64,
                allowed: self.rigid.count as u64,
            });
        }
        if !self.tables.capacity.holds(placement) {
            let entries = self.population.entries_of(particles);
            let capacity = Capacity::for_placement(&self.gpu, placement, entries);
            within("occupied blocks of the grid", placement.occupied, capacity.occupied)?;
            self.tables = Tables::new(&self.gpu, capacity, particles)?;
        }
        within("occupied blocks of the grid", placement.occupied, self.tables.capacity.occupied)?;
        self.usage = Usage::loaded(placement.closure, placement.occupied);
        // Stored states and cotangents belong to the old placement.
        self.forget_record();
        for checkpoint in self.checkpoints.iter_mut().filter_map(Option::take) {
            self.pool.release(checkpoint.present.state);
        }
        self.reverse = None;

        self.tables.load(&self.gpu, placement)?;
        let stride = self.population.row_stride;
        let adaptation = self.following.as_ref().map(|following| &following.adaptation);
        let of = (state, &*self.model);
        let population = Population::new(&self.gpu, of, placement, stride, adaptation)?;
        self.population = Arc::new(population);
        self.populate()?;
        self.pool.release(self.present.state);
        let id = self.pool.acquire(&self.gpu)?;
        self.upload(id, state, placement);
        let motions: Vec<_> = state.rigid.iter().map(RigidMotionAt::new).collect();
        self.pool.get(id).rigid.write(&self.gpu, 0, &motions);
        self.clear_impulses();
        let unborn = state.life.iter().filter(|life| **life == Life::Unborn).count();
        self.present = Present {
            state: id,
            raw: true,
            counted: false,
            come: particles - unborn,
            placed: None,
            chunks: Arc::clone(&state.chunks),
            ..self.present
        };
        if let Some(Motion { births: Some(births), drive, .. }) = &self.motion {
            births.place(&self.gpu, &self.model, drive, &self.population.places);
        }
        self.note_memory();
        Ok(())
    }

    /// Forgets impulses of a substep that was broken off.
    fn clear_impulses(&self) {
        let mut recording = Recording::new(&self.gpu);
        self.rigid.clear(&mut recording);
        recording.submit();
    }

    fn write_parameters(&self) {
        let model = &self.model;
        let (dt, h) = (model.substep_secs, model.cell_width);
        let heaviest = model.particles.mass.iter().copied().fold(0.0, f64::max);
        let population = &self.population;
        let parameters = Parameters {
            gravity_step: model.gravity.0.map(|g| (dt * g) as f32),
            dt: dt as f32,
            cell_width: h as f32,
            cells_per_speed: (dt / h) as f32,
            affine_step: (4.0 * dt / h) as f32,
            // A full node carries the mass of about eight particles.
            empty_mass: (EMPTY_NODE * 8.0 * heaviest) as f32,
            particle_count: population.count() as u32,
            row_stride: population.row_stride as u32,
            slot_capacity: self.tables.capacity.slots as u32,
            occupied_capacity: self.tables.capacity.occupied as u32,
            hash_mask: self.tables.capacity.hash_places() as u32 - 1,
            collider_count: model.colliders.len() as u32,
            moving_count: moving_colliders(model).len() as u32,
            rigid_count: self.rigid.count as u32,
            entry_count: population.entry_count() as u32,
            entry_stride: population.entry_stride() as u32,
            pad: [0; 2],
        };
        self.uniforms.parameters.write(&self.gpu, 0, &[parameters]);
    }

    fn forget_record(&mut self) {
        for recorded in std::mem::take(&mut self.record.substeps) {
            self.pool.release(recorded.state);
            self.pool.release_nodes(recorded.nodes);
            recorded.changes.iter().for_each(|changed| self.pool.release(changed.state()));
        }
        for changed in std::mem::take(&mut self.changed) {
            self.pool.release(changed.state());
        }
    }

    /// Every buffer by the name that the shaders know it by.
    fn resources(&self, kernel: KernelId, io: Io) -> Resources {
        let mut resources = self
            .tables
            .resources()
            .with("parameters", &self.uniforms.parameters)
            .with("materials", &self.uniforms.materials)
            .with("muscles", &self.uniforms.muscles)
            .with("sinks", &self.uniforms.sinks)
            .with("activation_changes", &self.uniforms.activation_changes)
            .with("unloaded", &self.unloaded)
            .with("observed", &self.observed);
        resources = self.population.resources(resources);
        if let Some(motion) = &self.motion {
            resources = motion.resources(resources);
        }
        // Host work concerns the activations that the present state has, not a control step's.
        if matches!(
            kernel,
            KernelId::Unload | KernelId::UnloadRaw | KernelId::UnloadRows | KernelId::UnloadLevels
        ) {
            let activations = &self.uniforms.present_activations;
            resources = resources.with_element("activations", activations);
        }
        if let Some(nodes) = io.nodes.and_then(|id| self.pool.nodes(id)) {
            resources = nodes.resources(resources);
        }
        let input = self.pool.get(io.input);
        resources = input.as_input(resources);
        resources = self.pool.get(io.output).as_output(resources);
        resources = resources.with("contributions", &input.particles);
        resources = self.fields.resources(self.rigid.resources(resources));
        if let Some(reverse) = &self.reverse {
            resources = reverse.resources(resources, io.bar);
            if kernel == KernelId::P2gOfCotangents {
                resources = reverse.contributions(resources, io.bar);
            }
        }
        if let Some(entries) = &self.entries {
            resources = entries.resources(resources);
            resources = match kernel {
                KernelId::P2gOfEntries => entries.as_particles(resources, false),
                KernelId::P2gOfEntryCotangents => entries.as_particles(resources, true),
                // They concern the state that was just written.
                KernelId::Enter | KernelId::Place | KernelId::ClaimBlocks | KernelId::Settle => {
                    self.pool.get(io.output).as_placed(resources)
                }
                _ => resources,
            };
        }
        if let Some(impulses) = &self.impulses {
            resources = match kernel {
                KernelId::Wrench | KernelId::WrenchTotal => impulses.for_sums(resources),
                _ => impulses.for_adjoint(resources),
            };
        }
        if kernel.gives_to_bodies() {
            resources = self.rigid.impulses(resources);
        }
        resources
    }

    /// Whether substeps have impulses to sum.
    fn measures(&self) -> bool {
        self.senses && !self.model.colliders.is_empty()
    }

    /// The kernel's buffers, bound once and kept.
    fn bound(&mut self, kernel: KernelId, io: Io) -> Result<Bound, GpuError> {
        if let Some(bound) = self.bounds.get(&(kernel, io)) {
            return Ok(bound.clone());
        }
        let resources = self.resources(kernel, io);
        let bound = self.kernels.get(kernel).bind(&self.gpu, &resources)?;
        self.bounds.insert((kernel, io), bound.clone());
        Ok(bound)
    }

    /// Waits, and reports what went wrong on the device since the last load or restore.
    fn check(&self) -> Result<(), SimulationError> {
        self.report(self.tables.read_status(&self.gpu)?)?;
        self.tables.check_nodes(&self.gpu)
    }

    /// What a status says, if anything went wrong.
    fn report(&self, status: Status) -> Result<(), SimulationError> {
        let Status { substep, first, slots_needed, occupied_needed } = status;
        let capacity = self.tables.capacity;
        if slots_needed > 0 {
            return Err(SimulationError::Capacity {
                what: "blocks of the grid".into(),
                needed: u64::from(slots_needed),
                allowed: capacity.slots as u64,
            });
        }
        if occupied_needed > 0 {
            return Err(SimulationError::Capacity {
                what: "occupied blocks of the grid".into(),
                needed: u64::from(occupied_needed),
                allowed: capacity.occupied as u64,
            });
        }
        if substep != NONE && first >= FIRST_BODY {
            return Err(SimulationError::RigidDiverged {
                body: self.model.rigid_bodies[(first - FIRST_BODY) as usize].name.clone(),
                substep: substep as usize,
                cause: "its motion is not finite, or it moves a cell or more in a substep".into(),
            });
        }
        if substep != NONE {
            return Err(SimulationError::Diverged {
                particle: self.population.ids[(first / 2) as usize] as usize,
                substep: substep as usize,
                cause: match first % 2 {
                    0 => "its state is not finite".into(),
                    _ => "it moves four cells or more in a substep".into(),
                },
            });
        }
        Ok(())
    }

    fn note_memory(&mut self) {
        let held = self.tables.bytes()
            + self.old_numberings_bytes()
            + self.pool.bytes()
            + self.unloaded.bytes()
            + self.observed.bytes()
            + self.rigid.bytes()
            + self.fields.bytes()
            + self.motion.as_ref().map_or(0, Motion::bytes)
            + self.impulses.as_ref().map_or(0, Impulses::bytes)
            + self.entries.as_ref().map_or(0, Entries::bytes)
            + self.following.as_ref().map_or(0, Following::bytes)
            + self.population.bytes()
            + self.record.substeps.iter().flat_map(|r| &r.changes).map(Changed::bytes).sum::<u64>()
            + count_chunks(&self.present.chunks).memory_bytes
            + self.reverse.as_ref().map_or(0, Reverse::bytes);
        self.peak_bytes = self.peak_bytes.max(held);
    }
}

impl Uniforms {
    fn new(gpu: &Gpu, model: &Model) -> Result<Self, GpuError> {
        let uniform = wgpu::BufferUsages::UNIFORM;
        let materials = Buffer::with_usage(gpu, "materials", MATERIALS, uniform)?;
        materials.write(gpu, 0, &MaterialAt::table(model));
        let sinks = Buffer::with_usage(gpu, "sinks", SINKS, uniform)?;
        sinks.write(gpu, 0, &SinkAt::table(model));
        let muscles = Buffer::with_usage(gpu, "muscles", MUSCLES, uniform)?;
        let fibre = |m: &crate::model::Muscle| {
            let [x, y, z] = m.fibre.0.map(|c| c as f32);
            [x, y, z, 0.0]
        };
        muscles.write(gpu, 0, &model.muscles.iter().map(fibre).collect::<Vec<_>>());
        Ok(Self {
            parameters: Buffer::with_usage(gpu, "parameters", 1, uniform)?,
            materials,
            muscles,
            sinks,
            present_activations: Buffer::with_usage(gpu, "present activations", 1, uniform)?,
            activation_changes: Buffer::with_usage(gpu, "activation changes", 1, uniform)?,
        })
    }
}

//! States on the device: a pool of equal buffers. Every substep reads one and writes another, so
//! that recording a substep is keeping its buffer.

use super::layout::{BLOCK_CELLS, RigidMotionAt};
use super::placement::row_stride;
use crate::gpu::{Buffer, Gpu, GpuError, Recording, Resources};

/// One state of all particles.
pub struct StateBuffers {
    pub particles: Buffer<[f32; 4]>,
    pub locations: Buffer<[u32; 2]>,
    pub rigid: Buffer<RigidMotionAt>,
}

/// Number of a state in the pool.
pub type StateId = usize;

/// All states, and which of them are free.
pub struct StatePool {
    particle_count: usize,
    /// Rows of a particle.
    rows: usize,
    /// Rigid bodies, one at least.
    bodies: usize,
    states: Vec<StateBuffers>,
    free: Vec<StateId>,
    /// Momenta of the nodes in recorded substeps, and which of them are free.
    momenta: Vec<Option<Buffer<[f32; 4]>>>,
    free_momenta: Vec<MomentaId>,
}

/// Number of a recorded substep's momenta in the pool.
pub type MomentaId = usize;

impl StatePool {
    pub fn new(particle_count: usize, rows: usize, bodies: usize) -> Self {
        Self {
            particle_count,
            rows,
            bodies: bodies.max(1),
            states: Vec::new(),
            free: Vec::new(),
            momenta: Vec::new(),
            free_momenta: Vec::new(),
        }
    }

    /// A state to write, from the free ones or newly allocated.
    pub fn acquire(&mut self, gpu: &Gpu) -> Result<StateId, GpuError> {
        if let Some(id) = self.free.pop() {
            return Ok(id);
        }
        let rows = self.rows * row_stride(self.particle_count);
        self.states.push(StateBuffers {
            particles: Buffer::new(gpu, "particles", rows)?,
            locations: Buffer::new(gpu, "locations", self.particle_count)?,
            rigid: Buffer::new(gpu, "rigid motions", self.bodies)?,
        });
        Ok(self.states.len() - 1)
    }

    pub fn release(&mut self, id: StateId) {
        self.free.push(id);
    }

    /// Allocates until `count` states exist.
    pub fn reserve(&mut self, gpu: &Gpu, count: usize) -> Result<(), GpuError> {
        while self.states.len() < count {
            let held = std::mem::take(&mut self.free);
            let id = self.acquire(gpu);
            self.free = held;
            self.free.push(id?);
        }
        Ok(())
    }

    /// Room for the momenta of a substep that will be walked back, in a grid of `slots` blocks.
    pub fn acquire_momenta(&mut self, gpu: &Gpu, slots: usize) -> Result<MomentaId, GpuError> {
        let nodes = slots * BLOCK_CELLS;
        while let Some(id) = self.free_momenta.pop() {
            match &self.momenta[id] {
                Some(buffer) if buffer.len() == nodes => return Ok(id),
                // Of a grid of another size.
                _ => self.momenta[id] = None,
            }
        }
        self.momenta.push(Some(Buffer::new(gpu, "recorded momenta", nodes)?));
        Ok(self.momenta.len() - 1)
    }

    pub fn release_momenta(&mut self, id: MomentaId) {
        self.free_momenta.push(id);
    }

    pub fn momenta(&self, id: MomentaId) -> Option<&Buffer<[f32; 4]>> {
        self.momenta[id].as_ref()
    }

    pub fn get(&self, id: StateId) -> &StateBuffers {
        &self.states[id]
    }

    pub fn copy(&self, recording: &mut Recording, from_id: StateId, to_id: StateId) {
        let (from, to) = (self.get(from_id), self.get(to_id));
        recording.copy((&from.particles, 0), (&to.particles, 0), from.particles.len());
        recording.copy((&from.locations, 0), (&to.locations, 0), from.locations.len());
        self.copy_rigid(recording, from_id, to_id);
    }

    /// The rigid bodies alone.
    pub fn copy_rigid(&self, recording: &mut Recording, from: StateId, to: StateId) {
        let (from, to) = (self.get(from), self.get(to));
        recording.copy((&from.rigid, 0), (&to.rigid, 0), from.rigid.len());
    }

    /// Bytes of one state.
    pub fn state_bytes(&self) -> u64 {
        let rows = self.rows * row_stride(self.particle_count);
        let rigid = self.bodies * size_of::<RigidMotionAt>();
        (rows * 16 + self.particle_count * 8 + rigid) as u64
    }

    pub fn bytes(&self) -> u64 {
        let momenta: u64 = self.momenta.iter().flatten().map(Buffer::bytes).sum();
        self.states.len() as u64 * self.state_bytes() + momenta
    }
}

impl StateBuffers {
    /// Offers the state as what a kernel reads.
    pub fn as_input(&self, resources: Resources) -> Resources {
        resources
            .with("particles", &self.particles)
            .with("locations", &self.locations)
            .with("rigid_motions", &self.rigid)
    }

    /// Offers the state as what a kernel writes.
    pub fn as_output(&self, resources: Resources) -> Resources {
        resources
            .with("particles_out", &self.particles)
            .with("locations_out", &self.locations)
            .with("rigid_motions_out", &self.rigid)
    }
}

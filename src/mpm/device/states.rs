//! States on the device: a pool of equal buffers. Every substep reads one and writes another, so
//! that recording a substep is keeping its buffer.

use super::layout::{BLOCK_CELLS, RigidMotionAt};
use crate::gpu::{Buffer, Gpu, GpuError, Recording, Resources};

/// One state of all particles.
pub struct StateBuffers {
    pub particles: Buffer<[f32; 4]>,
    /// Of the entries, where there are levels of resolution; otherwise of the particles.
    pub locations: Buffer<[u32; 2]>,
    /// Where there are levels of resolution.
    pub fine_cells: Option<Buffer<[i32; 4]>>,
    pub rigid: Buffer<RigidMotionAt>,
}

/// Number of a state in the pool.
pub type StateId = usize;

/// What the size of a state follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSize {
    pub row_stride: usize,
    pub locations: usize,
    pub has_cells: bool,
}

/// All states, and which of them are free.
pub struct StatePool {
    /// Of states to come.
    size: StateSize,
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
    pub fn new(size: StateSize, rows: usize, bodies: usize) -> Self {
        Self {
            size,
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
        let id = self.free.pop();
        if let Some(id) = id
            && self.states[id].size(self.rows) == self.size
        {
            return Ok(id);
        }
        let StateSize { row_stride, locations, has_cells } = self.size;
        let state = StateBuffers {
            particles: Buffer::new(gpu, "particles", self.rows * row_stride)?,
            locations: Buffer::new(gpu, "locations", locations)?,
            fine_cells: match has_cells {
                true => Some(Buffer::new(gpu, "fine cells", row_stride)?),
                false => None,
            },
            rigid: Buffer::new(gpu, "rigid motions", self.bodies)?,
        };
        match id {
            // Of another population.
            Some(id) => {
                self.states[id] = state;
                Ok(id)
            }
            None => {
                self.states.push(state);
                Ok(self.states.len() - 1)
            }
        }
    }

    /// Sets the size of states to come.
    pub fn use_size(&mut self, size: StateSize) {
        self.size = size;
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
        if let (Some(from), Some(to)) = (&from.fine_cells, &to.fine_cells) {
            recording.copy((from, 0), (to, 0), from.len());
        }
        self.copy_rigid(recording, from_id, to_id);
    }

    /// The rigid bodies alone.
    pub fn copy_rigid(&self, recording: &mut Recording, from: StateId, to: StateId) {
        let (from, to) = (self.get(from), self.get(to));
        recording.copy((&from.rigid, 0), (&to.rigid, 0), from.rigid.len());
    }

    /// Bytes of one state.
    pub fn state_bytes(&self) -> u64 {
        let StateSize { row_stride, locations, has_cells } = self.size;
        let rows = (self.rows + usize::from(has_cells)) * row_stride;
        let rigid = self.bodies * size_of::<RigidMotionAt>();
        (rows * 16 + locations * 8 + rigid) as u64
    }

    pub fn bytes(&self) -> u64 {
        let momenta: u64 = self.momenta.iter().flatten().map(Buffer::bytes).sum();
        self.states.iter().map(StateBuffers::bytes).sum::<u64>() + momenta
    }
}

impl StateBuffers {
    fn size(&self, rows: usize) -> StateSize {
        StateSize {
            row_stride: self.particles.len() / rows,
            locations: self.locations.len(),
            has_cells: self.fine_cells.is_some(),
        }
    }

    fn bytes(&self) -> u64 {
        let cells = self.fine_cells.as_ref().map_or(0, Buffer::bytes);
        self.particles.bytes() + self.locations.bytes() + cells + self.rigid.bytes()
    }

    /// Offers the state as what a kernel reads.
    pub fn as_input(&self, resources: Resources) -> Resources {
        let resources = resources
            .with("particles", &self.particles)
            .with("locations", &self.locations)
            .with("rigid_motions", &self.rigid);
        match &self.fine_cells {
            Some(cells) => resources.with("fine_cells", cells),
            None => resources,
        }
    }

    /// Offers where its particles are as what a kernel finds out.
    pub fn as_placed(&self, resources: Resources) -> Resources {
        let resources = resources.with("locations", &self.locations);
        match &self.fine_cells {
            Some(cells) => resources.with("fine_cells", cells),
            None => resources,
        }
    }

    /// Offers the state as what a kernel writes.
    pub fn as_output(&self, resources: Resources) -> Resources {
        let resources = resources
            .with("particles_out", &self.particles)
            .with("locations_out", &self.locations)
            .with("rigid_motions_out", &self.rigid);
        match &self.fine_cells {
            Some(cells) => resources.with("fine_cells_out", cells),
            None => resources,
        }
    }
}

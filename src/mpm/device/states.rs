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
    /// Nodes of recorded substeps, and which of them are free.
    nodes: Vec<Option<NodeBuffers>>,
    free_nodes: Vec<NodesId>,
}

/// What a recorded substep keeps of its nodes, so that its adjoint need not sum and collide again.
pub struct NodeBuffers {
    momenta: Buffer<[f32; 4]>,
    velocities: Buffer<[f32; 4]>,
}

/// Number of a recorded substep's nodes in the pool.
pub type NodesId = usize;

impl StatePool {
    pub fn new(size: StateSize, rows: usize, bodies: usize) -> Self {
        Self {
            size,
            rows,
            bodies: bodies.max(1),
            states: Vec::new(),
            free: Vec::new(),
            nodes: Vec::new(),
            free_nodes: Vec::new(),
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

    /// Room for the nodes of a substep that will be walked back, in a grid of `slots` blocks.
    pub fn acquire_nodes(&mut self, gpu: &Gpu, slots: usize) -> Result<NodesId, GpuError> {
        let count = slots * BLOCK_CELLS;
        while let Some(id) = self.free_nodes.pop() {
            match &self.nodes[id] {
                Some(nodes) if nodes.momenta.len() == count => return Ok(id),
                // Of a grid of another size.
                _ => self.nodes[id] = None,
            }
        }
        self.nodes.push(Some(NodeBuffers {
            momenta: Buffer::new(gpu, "recorded momenta", count)?,
            velocities: Buffer::new(gpu, "recorded velocities", count)?,
        }));
        Ok(self.nodes.len() - 1)
    }

    pub fn release_nodes(&mut self, id: NodesId) {
        self.free_nodes.push(id);
    }

    pub fn nodes(&self, id: NodesId) -> Option<&NodeBuffers> {
        self.nodes[id].as_ref()
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
        let nodes: u64 = self.nodes.iter().flatten().map(NodeBuffers::bytes).sum();
        self.states.iter().map(StateBuffers::bytes).sum::<u64>() + nodes
    }
}

impl NodeBuffers {
    /// Offers them in place of those that every other substep writes.
    pub fn resources(&self, resources: Resources) -> Resources {
        resources.with("momenta", &self.momenta).with("velocities", &self.velocities)
    }

    fn bytes(&self) -> u64 {
        self.momenta.bytes() + self.velocities.bytes()
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

//! The sparse grid's buffers: blocks, cells, hash table, lists, sorted order, moments, grids.

use super::layout::{BLOCK_CELLS, Block, Cell, ListArguments, NONE, SlotArguments, Status};
use super::placement::{Placement, hash_table};
use crate::gpu::{Buffer, Gpu, GpuError, Recording, Resources};
use bytemuck::Zeroable;

/// How many slots and occupied blocks there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Blocks that hold particles or touch one that does or did.
    pub slots: usize,
    /// Blocks that hold particles at the same time.
    pub occupied: usize,
}

impl Capacity {
    /// Room for a state to spread and travel: two to three times the blocks it needs now and some.
    /// `super::growth` adds more when that gets scarce.
    pub fn for_placement(gpu: &Gpu, placement: &Placement) -> Self {
        let particles = placement.ids.len();
        let most = Self::most_occupied(gpu, particles);
        let spread = (3 * placement.blocks.len() + 256).max((particles / 8).min(2048));
        Self { slots: 2 * placement.closure + 1024, occupied: spread.min(most).max(1) }
    }

    /// Never more occupied blocks than particles, than one row of workgroups, or than one binding
    /// of moments takes.
    pub fn most_occupied(gpu: &Gpu, particles: usize) -> usize {
        let bound = gpu.device.limits().max_storage_buffer_binding_size as usize;
        particles.min(65_535).min(bound / MOMENT_BYTES)
    }

    pub fn holds(&self, placement: &Placement) -> bool {
        self.slots >= placement.closure && self.occupied >= placement.blocks.len()
    }

    /// Places of the hash table: at most a quarter is ever used.
    pub fn hash_places(&self) -> usize {
        (4 * self.slots).next_power_of_two()
    }
}

/// Bytes of the moments of one occupied block.
const MOMENT_BYTES: usize = 27 * BLOCK_CELLS * 16;

/// The buffers.
pub struct Tables {
    pub capacity: Capacity,
    blocks: Buffer<Block>,
    cells: Buffer<Cell>,
    hash_tags: Buffer<u32>,
    hash_slots: Buffer<u32>,
    slots: Buffer<SlotArguments>,
    lists: Buffer<ListArguments>,
    empty_lists: Buffer<ListArguments>,
    status: Buffer<Status>,
    ids: Buffer<u32>,
    order: Buffer<u32>,
    moments: Buffer<[f32; 4]>,
    momenta: Buffer<[f32; 4]>,
    velocities: Buffer<[f32; 4]>,
}

impl Tables {
    pub fn new(gpu: &Gpu, capacity: Capacity, particles: usize) -> Result<Self, GpuError> {
        let nodes = capacity.slots * BLOCK_CELLS;
        let indirect = wgpu::BufferUsages::INDIRECT | wgpu::BufferUsages::STORAGE;
        let places = capacity.hash_places();
        let empty_lists = Buffer::from_slice(gpu, "empty lists", &[ListArguments::EMPTY])?;
        Ok(Self {
            capacity,
            blocks: Buffer::new(gpu, "blocks", capacity.slots)?,
            cells: Buffer::new(gpu, "cells", nodes)?,
            hash_tags: Buffer::new(gpu, "hash tags", places)?,
            hash_slots: Buffer::new(gpu, "hash slots", places)?,
            slots: Buffer::with_usage(gpu, "slot arguments", 1, indirect)?,
            lists: Buffer::with_usage(gpu, "list arguments", 1, indirect)?,
            empty_lists,
            status: Buffer::new(gpu, "status", 1)?,
            ids: Buffer::new(gpu, "ids", particles)?,
            order: Buffer::new(gpu, "order", particles)?,
            moments: Buffer::new(gpu, "moments", capacity.occupied * 27 * BLOCK_CELLS)?,
            momenta: Buffer::new(gpu, "momenta", nodes)?,
            velocities: Buffer::new(gpu, "velocities", nodes)?,
        })
    }

    /// Uploads the blocks that a state occupies; all others are free.
    pub fn load(&self, gpu: &Gpu, placement: &Placement) {
        let free = Block { neighbours: [NONE; 27], ..Block::zeroed() };
        let mut blocks = vec![free; self.capacity.slots];
        blocks[..placement.blocks.len()].copy_from_slice(&placement.blocks);
        self.blocks.write(gpu, 0, &blocks);
        let (tags, slots) = hash_table(&placement.blocks, self.capacity.hash_places());
        self.hash_tags.write(gpu, 0, &tags);
        self.hash_slots.write(gpu, 0, &slots);
        let slot_count = placement.blocks.len() as u32;
        let groups = slot_count.div_ceil(64);
        let arguments = SlotArguments { groups, groups_y: 1, groups_z: 1, slot_count };
        self.slots.write(gpu, 0, &[arguments]);
        self.ids.write(gpu, 0, &placement.ids);
        self.status.write(gpu, 0, &[Status::CLEAR]);
    }

    /// Larger tables with the same blocks under the same slot numbers. Waits for the device, to
    /// read the keys that the larger hash table must hold.
    pub fn enlarged(
        &self,
        gpu: &Gpu,
        capacity: Capacity,
        particles: usize,
    ) -> Result<Self, GpuError> {
        let larger = Self::new(gpu, capacity, particles)?;
        let arguments = self.slots.read(gpu)?[0];
        let known = (arguments.slot_count as usize).min(self.capacity.slots);
        let blocks = self.blocks.read_range(gpu, 0, known)?;
        let (tags, slots) = hash_table(&blocks, capacity.hash_places());
        larger.hash_tags.write(gpu, 0, &tags);
        larger.hash_slots.write(gpu, 0, &slots);
        let mut recording = Recording::new(gpu);
        recording.copy((&self.blocks, 0), (&larger.blocks, 0), self.capacity.slots);
        recording.copy((&self.slots, 0), (&larger.slots, 0), 1);
        recording.copy((&self.lists, 0), (&larger.lists, 0), 1);
        recording.copy((&self.status, 0), (&larger.status, 0), 1);
        recording.copy((&self.ids, 0), (&larger.ids, 0), particles);
        recording.submit();
        Ok(larger)
    }

    pub fn resources(&self) -> Resources {
        Resources::new()
            .with("blocks", &self.blocks)
            .with("cells", &self.cells)
            .with("hash_tags", &self.hash_tags)
            .with("hash_slots", &self.hash_slots)
            .with("slots", &self.slots)
            .with("lists", &self.lists)
            .with("status", &self.status)
            .with("ids", &self.ids)
            .with("order", &self.order)
            .with("moments", &self.moments)
            .with("momenta", &self.momenta)
            .with("velocities", &self.velocities)
    }

    /// Empties the lists: before every substep.
    pub fn reset_lists(&self, recording: &mut Recording) {
        recording.copy((&self.empty_lists, 0), (&self.lists, 0), 1);
    }

    /// Forgets the counts of particles in cells.
    pub fn clear_counts(&self, recording: &mut Recording) {
        recording.clear(&self.cells);
    }

    /// Indirect arguments of the dispatches over slots, and over lists.
    pub fn slot_arguments(&self) -> &wgpu::Buffer {
        self.slots.raw()
    }
    pub fn list_arguments(&self) -> &wgpu::Buffer {
        self.lists.raw()
    }

    /// What went wrong, if anything. Waits for the device.
    pub fn read_status(&self, gpu: &Gpu) -> Result<Status, GpuError> {
        Ok(self.status.read(gpu)?[0])
    }

    /// Forgets what went wrong.
    pub fn clear_status(&self, gpu: &Gpu) {
        self.status.write(gpu, 0, &[Status::CLEAR]);
    }

    /// Blocks with particles, blocks with nodes, and cells with particles, in the last substep.
    /// Waits for the device.
    pub fn read_occupancy(&self, gpu: &Gpu) -> Result<[usize; 3], GpuError> {
        let lists = self.lists.read(gpu)?[0];
        let blocks = self.blocks.read(gpu)?;
        let cells: u32 = blocks.iter().flat_map(|b| b.mask).map(u32::count_ones).sum();
        Ok([lists.occupied[0] as usize, lists.nodes[0] as usize, cells as usize])
    }

    /// Of the node momenta that one recorded substep keeps.
    pub fn momenta_bytes(&self) -> u64 {
        self.momenta.bytes()
    }

    pub fn bytes(&self) -> u64 {
        self.blocks.bytes()
            + self.cells.bytes()
            + self.hash_tags.bytes()
            + self.hash_slots.bytes()
            + self.ids.bytes()
            + self.order.bytes()
            + self.moments.bytes()
            + self.momenta.bytes()
            + self.velocities.bytes()
    }
}

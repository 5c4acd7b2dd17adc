//! The sparse grid's buffers: blocks, cells, hash table, lists, sorted order, moments, grids.

use super::layout::{BLOCK_CELLS, Block, Cell, ListArguments, SlotArguments, Status};
use super::limits::within;
use super::placement::{Placement, hash_table};
use crate::gpu::{Buffer, Gpu, GpuError, Recording, Resources};
use crate::mpm::simulator::SimulationError;
use std::sync::Arc;

/// How many slots and occupied blocks there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Blocks that hold particles or touch one that does or did.
    pub slots: usize,
    /// Blocks that hold particles at the same time.
    pub occupied: usize,
}

/// Workgroups in a row: as many blocks as the dispatches over them take.
const MOST_BLOCKS: usize = 65_535;

/// Whether the blocks with nodes are no more than a dispatch takes.
pub fn nodes_within(lists: &ListArguments) -> Result<(), SimulationError> {
    within("blocks with nodes of the grid", lists.nodes[0] as usize, MOST_BLOCKS)
}

impl Capacity {
    /// Room for a state to spread and travel: two to three times the blocks it needs now and some.
    /// `super::growth` adds more when that gets scarce. `entries` is how many the lists of cells have.
    pub fn for_placement(gpu: &Gpu, placement: &Placement, entries: usize) -> Self {
        let particles = placement.ids.len();
        let most = Self::most_occupied(gpu, entries);
        let spread = (3 * placement.occupied + 256).max((particles / 8).min(2048));
        // What scatters has blocks around it that nobody shares.
        let scattered = 27 * placement.occupied.min(64);
        let slots = 2 * placement.closure + scattered.max(1024);
        let slots = slots.next_multiple_of(SLOT_GROUP);
        Self { slots, occupied: spread.min(most).max(1) }
    }

    /// Never more occupied blocks than entries in the lists of cells, than one row of workgroups, or than
    /// one binding of moments takes.
    pub fn most_occupied(gpu: &Gpu, entries: usize) -> usize {
        let bound = gpu.device.limits().max_storage_buffer_binding_size as usize;
        entries.min(MOST_BLOCKS).min(bound / MOMENT_BYTES)
    }

    pub fn holds(&self, placement: &Placement) -> bool {
        self.slots >= placement.closure && self.occupied >= placement.occupied
    }

    /// Whether it holds it with room to spread, where it is not known which blocks are in use.
    pub fn holds_loosely(&self, placement: &Placement) -> bool {
        self.slots >= 2 * placement.closure && 2 * self.occupied >= 3 * placement.occupied
    }

    /// Places of the hash table: at most a quarter is ever used.
    pub fn hash_places(&self) -> usize {
        (4 * self.slots).next_power_of_two()
    }
}

/// Slots come in whole workgroups of the dispatches over them: a table that was replaced by a larger
/// one is then never indexed beyond its end.
pub const SLOT_GROUP: usize = 64;

/// Bytes of the moments of one occupied block.
const MOMENT_BYTES: usize = 27 * BLOCK_CELLS * 16;

/// Which block each slot stands for. What is in use is never changed: a location stays good together
/// with the numbering it was written in, also after slots were given anew.
pub struct Numbering {
    pub blocks: Buffer<Block>,
    slots: Buffer<SlotArguments>,
}

impl Numbering {
    /// All slots free.
    fn new(gpu: &Gpu, slots: usize) -> Result<Self, GpuError> {
        let indirect = wgpu::BufferUsages::INDIRECT | wgpu::BufferUsages::STORAGE;
        let arguments = Buffer::with_usage(gpu, "slot arguments", 1, indirect)?;
        arguments.write(gpu, 0, &[slot_arguments(0)]);
        Ok(Self { blocks: Buffer::new(gpu, "blocks", slots)?, slots: arguments })
    }

    pub fn bytes(&self) -> u64 {
        self.blocks.bytes() + self.slots.bytes()
    }
}

fn slot_arguments(slot_count: u32) -> SlotArguments {
    let groups = slot_count.div_ceil(SLOT_GROUP as u32);
    SlotArguments { groups, groups_y: 1, groups_z: 1, slot_count }
}

/// The buffers.
pub struct Tables {
    pub capacity: Capacity,
    /// That of the present state's locations.
    numbering: Arc<Numbering>,
    /// That of the slots in the hash table.
    hashed: Arc<Numbering>,
    cells: Buffer<Cell>,
    hash_tags: Buffer<u32>,
    hash_slots: Buffer<u32>,
    lists: Buffer<ListArguments>,
    empty_lists: Buffer<ListArguments>,
    status: Buffer<Status>,
    order: Buffer<u32>,
    moments: Buffer<[f32; 4]>,
    momenta: Buffer<[f32; 4]>,
    velocities: Buffer<[f32; 4]>,
}

impl Tables {
    /// For so many entries in the lists of cells.
    pub fn new(gpu: &Gpu, capacity: Capacity, entries: usize) -> Result<Self, GpuError> {
        let nodes = capacity.slots * BLOCK_CELLS;
        let indirect = wgpu::BufferUsages::INDIRECT | wgpu::BufferUsages::STORAGE;
        let places = capacity.hash_places();
        let empty_lists = Buffer::from_slice(gpu, "empty lists", &[ListArguments::EMPTY])?;
        let numbering = Arc::new(Numbering::new(gpu, capacity.slots)?);
        Ok(Self {
            capacity,
            hashed: Arc::clone(&numbering),
            numbering,
            cells: Buffer::new(gpu, "cells", nodes)?,
            hash_tags: Buffer::new(gpu, "hash tags", places)?,
            hash_slots: Buffer::new(gpu, "hash slots", places)?,
            lists: Buffer::with_usage(gpu, "list arguments", 1, indirect)?,
            empty_lists,
            status: Buffer::new(gpu, "status", 1)?,
            order: Buffer::new(gpu, "order", entries)?,
            moments: Buffer::new(gpu, "moments", capacity.occupied * 27 * BLOCK_CELLS)?,
            momenta: Buffer::new(gpu, "momenta", nodes)?,
            velocities: Buffer::new(gpu, "velocities", nodes)?,
        })
    }

    /// Uploads the blocks that a state occupies; all other slots are free.
    pub fn load(&mut self, gpu: &Gpu, placement: &Placement) -> Result<(), GpuError> {
        let numbering = Numbering::new(gpu, self.capacity.slots)?;
        numbering.blocks.write(gpu, 0, &placement.blocks);
        numbering.slots.write(gpu, 0, &[slot_arguments(placement.blocks.len() as u32)]);
        let (tags, slots) = hash_table(&placement.blocks, self.capacity.hash_places());
        self.hash_tags.write(gpu, 0, &tags);
        self.hash_slots.write(gpu, 0, &slots);
        self.numbering = Arc::new(numbering);
        self.hashed = Arc::clone(&self.numbering);
        self.status.write(gpu, 0, &[Status::CLEAR]);
        Ok(())
    }

    /// Follows another number of entries.
    pub fn hold(&mut self, gpu: &Gpu, entries: usize) -> Result<(), GpuError> {
        if self.order.len() < entries {
            self.order = Buffer::new(gpu, "order", entries)?;
        }
        Ok(())
    }

    /// Tables of another size for the same particles; no slot is taken.
    pub fn resized(&self, gpu: &Gpu, capacity: Capacity) -> Result<Self, GpuError> {
        let entries = self.order.len();
        let resized = Self::new(gpu, capacity, entries)?;
        let mut recording = Recording::new(gpu);
        recording.copy((&self.status, 0), (&resized.status, 0), 1);
        recording.submit();
        Ok(resized)
    }

    /// Starts a numbering without slots, and an empty hash table for it.
    pub fn start_numbering(&mut self, gpu: &Gpu) -> Result<(), GpuError> {
        self.numbering = Arc::new(Numbering::new(gpu, self.capacity.slots)?);
        self.hashed = Arc::clone(&self.numbering);
        let mut recording = Recording::new(gpu);
        recording.clear(&self.hash_tags);
        recording.submit();
        Ok(())
    }

    pub fn numbering(&self) -> &Arc<Numbering> {
        &self.numbering
    }

    /// Lets locations mean another numbering; returns whether it is another one.
    pub fn use_numbering(&mut self, numbering: &Arc<Numbering>) -> bool {
        let is_other = !Arc::ptr_eq(&self.numbering, numbering);
        self.numbering = Arc::clone(numbering);
        is_other
    }

    /// Whether new blocks can be found and added: the hash table knows the slots in use.
    pub fn is_hashed(&self) -> bool {
        Arc::ptr_eq(&self.numbering, &self.hashed)
    }

    pub fn resources(&self) -> Resources {
        Resources::new()
            .with("blocks", &self.numbering.blocks)
            .with("cells", &self.cells)
            .with("hash_tags", &self.hash_tags)
            .with("hash_slots", &self.hash_slots)
            .with("slots", &self.numbering.slots)
            .with("lists", &self.lists)
            .with("status", &self.status)
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
        self.numbering.slots.raw()
    }
    pub fn list_arguments(&self) -> &wgpu::Buffer {
        self.lists.raw()
    }

    /// What went wrong, if anything. Waits for the device.
    pub fn read_status(&self, gpu: &Gpu) -> Result<Status, GpuError> {
        Ok(self.status.read(gpu)?[0])
    }

    /// Refuses more blocks with nodes than one row of workgroups takes, which a device need not run. There are
    /// never more of them than slots; where there can be too many, waits for the device.
    pub fn check_nodes(&self, gpu: &Gpu) -> Result<(), SimulationError> {
        match self.capacity.slots > MOST_BLOCKS {
            true => nodes_within(&self.lists.read(gpu)?[0]),
            false => Ok(()),
        }
    }

    pub fn status(&self) -> &Buffer<Status> {
        &self.status
    }

    /// Forgets what went wrong.
    pub fn clear_status(&self, gpu: &Gpu) {
        self.status.write(gpu, 0, &[Status::CLEAR]);
    }

    /// Blocks with particles, blocks with nodes, cells with particles, and entries in them, in the last
    /// substep. Waits for the device.
    pub fn read_occupancy(&self, gpu: &Gpu) -> Result<[usize; 4], GpuError> {
        let lists = self.lists.read(gpu)?[0];
        let blocks = self.numbering.blocks.read(gpu)?;
        let cells: u32 = blocks.iter().flat_map(|b| b.mask).map(u32::count_ones).sum();
        let entries = lists.particle_total as usize;
        Ok([lists.occupied[0] as usize, lists.nodes[0] as usize, cells as usize, entries])
    }

    /// Of the nodes that one recorded substep keeps.
    pub fn nodes_bytes(&self) -> u64 {
        self.momenta.bytes() + self.velocities.bytes()
    }

    pub fn bytes(&self) -> u64 {
        self.numbering.bytes()
            + self.cells.bytes()
            + self.hash_tags.bytes()
            + self.hash_slots.bytes()
            + self.order.bytes()
            + self.moments.bytes()
            + self.momenta.bytes()
            + self.velocities.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By default limits buffers end before that; where a device has larger ones they do not.
    #[test]
    fn more_blocks_with_nodes_than_a_dispatch_takes_are_an_error() {
        let lists = |nodes: u32| ListArguments { nodes: [nodes, 1, 1], ..ListArguments::EMPTY };
        assert!(nodes_within(&lists(65_535)).is_ok());
        let error = nodes_within(&lists(65_536)).unwrap_err().to_string();
        assert!(error.contains("blocks with nodes of the grid: 65536 needed, 65535"), "{error}");
    }
}

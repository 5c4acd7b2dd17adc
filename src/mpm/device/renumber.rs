//! Slots given anew to the blocks that hold particles now: how slots of blocks that were left become
//! free, how tables grow, and how a state stored under an older numbering becomes the present one.
//!
//! All of it is work of the device, in the order of submission; nothing is waited for. Checkpoints
//! and recorded substeps keep the numbering that they were stored in. No result depends on it.

use super::shaders::KernelId;
use super::tables::{Capacity, Numbering};
use super::{GpuSimulator, SimulationError};
use crate::gpu::{Buffer, Dispatch, Recording};
use std::sync::Arc;

impl GpuSimulator {
    /// Gives the blocks that the present state occupies slots in an empty table of this size; the
    /// next substep adds those around them.
    pub(super) fn renumber(&mut self, capacity: Capacity) -> Result<(), SimulationError> {
        let gpu = self.gpu.clone();
        let old = Arc::clone(self.tables.numbering());
        if capacity != self.tables.capacity {
            self.tables = self.tables.resized(&gpu, capacity)?;
            // The cotangents of nodes are as large as the grid.
            if let Some(reverse) = &mut self.reverse {
                reverse.resize_grid(&gpu, capacity.slots)?;
            }
            self.write_parameters();
        }
        self.tables.start_numbering(&gpu)?;
        self.bounds.clear();
        self.present.counted = false;
        self.usage = self.usage.renumbered();
        self.renumberings += 1;

        let renumbered = Buffer::<u32>::new(&gpu, "renumbered", old.blocks.len())?;
        let mut recording = Recording::new(&gpu);
        for (kernel, threads) in [
            (KernelId::MarkBlocks, self.population.entry_count()),
            (KernelId::Renumber, old.blocks.len()),
            (KernelId::Relocate, self.population.entry_count()),
        ] {
            let resources = self.resources(kernel, self.io());
            let resources =
                resources.with("renumbered", &renumbered).with("old_blocks", &old.blocks);
            let kernel = self.kernels.get(kernel);
            let bound = kernel.bind(&gpu, &resources)?;
            recording.dispatch(kernel, &bound, &[], Dispatch::Threads(threads));
        }
        recording.submit();
        self.note_memory();
        Ok(())
    }

    /// Makes a numbering that of the present state, after it was replaced by a stored one.
    pub(super) fn use_numbering(&mut self, numbering: &Arc<Numbering>) {
        if self.tables.use_numbering(numbering) {
            self.bounds.clear();
        }
    }

    /// How often slots were given anew: for tests that nothing depends on it.
    pub fn renumberings(&self) -> usize {
        self.renumberings
    }

    /// Bytes of the numberings that stored states keep, beside the present one.
    pub(super) fn old_numberings_bytes(&self) -> u64 {
        let recorded = self.record.substeps.iter().map(|recorded| &recorded.numbering);
        let stored = self.checkpoints.iter().flatten().map(|checkpoint| &checkpoint.numbering);
        let mut kept = vec![self.tables.numbering()];
        for numbering in recorded.chain(stored) {
            // Neighbours in time share one: look at the latest first.
            if kept.iter().rev().all(|known| !Arc::ptr_eq(known, numbering)) {
                kept.push(numbering);
            }
        }
        kept[1..].iter().map(|numbering| numbering.bytes()).sum()
    }
}

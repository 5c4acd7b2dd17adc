//! Room for bodies that travel or spread: tables are enlarged before they are full.
//!
//! After each run of substeps a copy of the counters is under way to the host; the next run looks at
//! it, without waiting. Slots keep their numbers, so that stored states stay valid.

use super::layout::{ListArguments, SlotArguments};
use super::tables::{Capacity, Tables};
use super::{GpuSimulator, SimulationError};
use crate::gpu::{Gpu, GpuError, Recording};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many slots and occupied blocks were in use at the end of the last run.
pub struct Usage {
    staging: wgpu::Buffer,
    arrived: Option<Arc<AtomicBool>>,
}

const SLOT_BYTES: u64 = size_of::<SlotArguments>() as u64;
const LIST_BYTES: u64 = size_of::<ListArguments>() as u64;

impl Usage {
    pub fn new(gpu: &Gpu) -> Self {
        let staging = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("usage"),
            size: SLOT_BYTES + LIST_BYTES,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self { staging, arrived: None }
    }

    /// Starts a copy of the counters, unless one is under way.
    fn ask(&mut self, gpu: &Gpu, tables: &Tables) {
        if self.arrived.is_some() {
            return;
        }
        let mut recording = Recording::new(gpu);
        let encoder = recording.encoder();
        encoder.copy_buffer_to_buffer(tables.slot_arguments(), 0, &self.staging, 0, SLOT_BYTES);
        let lists = tables.list_arguments();
        encoder.copy_buffer_to_buffer(lists, 0, &self.staging, SLOT_BYTES, LIST_BYTES);
        recording.submit();
        let flag = Arc::new(AtomicBool::new(false));
        let arrived = Arc::clone(&flag);
        self.staging.map_async(wgpu::MapMode::Read, .., move |result| {
            arrived.store(result.is_ok(), Ordering::Release);
        });
        self.arrived = Some(flag);
    }

    /// The counters, if they have come.
    fn take(&mut self) -> Result<Option<Capacity>, GpuError> {
        if !self.arrived.as_ref().is_some_and(|flag| flag.load(Ordering::Acquire)) {
            return Ok(None);
        }
        self.arrived = None;
        let view = self.staging.get_mapped_range(..);
        let view = view.map_err(|error| GpuError::Device(error.to_string()))?;
        let (slots, lists) = view.split_at(SLOT_BYTES as usize);
        let slots: SlotArguments = bytemuck::pod_read_unaligned(slots);
        let lists: ListArguments = bytemuck::pod_read_unaligned(lists);
        drop(view);
        self.staging.unmap();
        let (slots, occupied) = (slots.slot_count as usize, lists.occupied[0] as usize);
        Ok(Some(Capacity { slots, occupied }))
    }
}

impl GpuSimulator {
    /// Asks how full the tables are.
    pub(super) fn ask_usage(&mut self) {
        self.usage.ask(&self.gpu, &self.tables);
    }

    /// Enlarges the tables if they are more than half full. Not while substeps wait to be walked
    /// back: their momenta are as large as the tables were.
    pub(super) fn make_room(&mut self) -> Result<(), SimulationError> {
        if !self.record.states.is_empty() {
            return Ok(());
        }
        let Some(used) = self.usage.take()? else { return Ok(()) };
        let present = self.tables.capacity;
        let most = Capacity::most_occupied(&self.gpu, self.ids.len());
        let grown = Capacity {
            slots: if 2 * used.slots > present.slots { 4 * used.slots } else { present.slots },
            occupied: match 2 * used.occupied > present.occupied {
                true => (4 * used.occupied).min(most).max(present.occupied),
                false => present.occupied,
            },
        };
        if grown == present {
            return Ok(());
        }
        let gpu = self.gpu.clone();
        self.tables = self.tables.enlarged(&gpu, grown, self.ids.len())?;
        self.pool.drop_momenta();
        // The cotangents of nodes are as large as the grid.
        if let Some(reverse) = &mut self.reverse {
            reverse.enlarge_grid(&gpu, grown.slots)?;
        }
        self.bounds.clear();
        self.present.counted = false;
        self.write_parameters();
        self.note_memory();
        Ok(())
    }
}

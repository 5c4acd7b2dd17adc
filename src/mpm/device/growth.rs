//! Room for bodies that travel or spread: when slots become scarce, those of blocks that were left
//! are freed; when the blocks in use need more, tables are enlarged.
//!
//! After each batch of substeps a copy of the counters is under way to the host; the next batch looks
//! at it, without waiting unless blocks are met so fast that the tables could fill unseen.

use super::layout::{ListArguments, SlotArguments};
use super::tables::{Capacity, SLOT_GROUP, Tables, nodes_within};
use super::{GpuSimulator, SimulationError};
use crate::gpu::{Gpu, Recording};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How full the tables are, as far as the host knows.
pub struct Usage {
    /// Copies of the counters that are under way, oldest first.
    under_way: VecDeque<Copy>,
    idle: Vec<wgpu::Buffer>,
    /// Substeps run.
    run: usize,
    /// What is known, and the substeps run at that time.
    known: Option<(Used, usize)>,
    /// Slots taken per substep, lately; not known before the first counters have come.
    pace: Option<usize>,
    /// Slots and occupied blocks that particles which were just made may take, beside what is known.
    made: (usize, usize),
}

/// A copy of the counters on its way to the host.
struct Copy {
    staging: wgpu::Buffer,
    arrived: Arc<AtomicBool>,
    /// Substeps run when it was asked for.
    run: usize,
}

/// The counters at the end of some substep.
#[derive(Clone, Copy)]
struct Used {
    slots: usize,
    /// Slots of blocks that hold particles or touch one that does.
    live: usize,
    occupied: usize,
}

/// Substeps after a load by which the host learns how fast blocks are met.
const FIRST_BATCH: usize = 2;

/// Blocks may be met this many times faster than they were.
const PACE_MARGIN: usize = 2;

const SLOT_BYTES: u64 = size_of::<SlotArguments>() as u64;
const LIST_BYTES: u64 = size_of::<ListArguments>() as u64;

impl Usage {
    /// Of a state that was just loaded, with so many slots in use once its first substep has run.
    pub fn loaded(slots: usize, occupied: usize) -> Self {
        Self { known: Some((Used { slots, live: slots, occupied }, 0)), ..Self::unknown(None) }
    }

    /// Of a numbering that was just started; blocks are met as fast as before.
    pub fn renumbered(&self) -> Self {
        Self::unknown(self.pace)
    }

    fn unknown(pace: Option<usize>) -> Self {
        Self {
            under_way: VecDeque::new(),
            idle: Vec::new(),
            run: 0,
            known: None,
            pace,
            made: (0, 0),
        }
    }

    /// Starts a copy of the counters.
    fn ask(&mut self, gpu: &Gpu, tables: &Tables) -> wgpu::SubmissionIndex {
        let staging = self.idle.pop().unwrap_or_else(|| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("usage"),
                size: SLOT_BYTES + LIST_BYTES,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        });
        let mut recording = Recording::new(gpu);
        let encoder = recording.encoder();
        encoder.copy_buffer_to_buffer(tables.slot_arguments(), 0, &staging, 0, SLOT_BYTES);
        let lists = tables.list_arguments();
        encoder.copy_buffer_to_buffer(lists, 0, &staging, SLOT_BYTES, LIST_BYTES);
        let submission = recording.submit();
        let arrived = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&arrived);
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // A failed map means a lost device, which the next wait reports.
            flag.store(result.is_ok(), Ordering::Release);
        });
        self.under_way.push_back(Copy { staging, arrived, run: self.run });
        submission
    }

    /// Takes note of the counters that have come.
    pub fn look(&mut self) -> Result<(), SimulationError> {
        let has_arrived = |copy: &mut Copy| copy.arrived.load(Ordering::Acquire);
        while let Some(copy) = self.under_way.pop_front_if(has_arrived) {
            let view = copy.staging.get_mapped_range(..);
            let view = view.map_err(|error| SimulationError::Device(error.to_string()))?;
            let (slots, lists) = view.split_at(SLOT_BYTES as usize);
            let slots: SlotArguments = bytemuck::pod_read_unaligned(slots);
            let lists: ListArguments = bytemuck::pod_read_unaligned(lists);
            drop(view);
            copy.staging.unmap();
            self.idle.push(copy.staging);
            nodes_within(&lists)?;
            let used = Used {
                slots: slots.slot_count as usize,
                live: lists.live as usize,
                occupied: lists.occupied[0] as usize,
            };
            self.note(used, copy.run);
        }
        Ok(())
    }

    fn note(&mut self, used: Used, run: usize) {
        if let Some((before, since)) = self.known.filter(|(_, since)| run > *since) {
            let taken = used.slots.saturating_sub(before.slots + self.made.0);
            // A body that pauses may go on.
            let half_of_before = self.pace.unwrap_or(0) / 2;
            self.pace = Some(taken.div_ceil(run - since).max(half_of_before));
        }
        self.known = Some((used, run));
        self.made = (0, 0);
    }

    /// Notes that particles were made in so many blocks, which have so many with those around.
    pub fn make(&mut self, (occupied, closure): (usize, usize)) {
        self.made = (self.made.0 + closure, self.made.1 + occupied);
    }

    /// Slots that may be taken in so many substeps.
    fn taken_in(&self, substeps: usize) -> usize {
        PACE_MARGIN * self.pace.unwrap_or(0) * substeps
    }

    /// Slots that may be in use after `substeps` more.
    fn expected(&self, substeps: usize) -> usize {
        self.known.map_or(0, |(used, run)| used.slots + self.taken_in(self.run - run + substeps))
    }

    /// Substeps to submit together, of those that one would like to.
    pub fn batch(&self, liked: usize) -> usize {
        if self.pace.is_some() { liked } else { liked.min(FIRST_BATCH) }
    }

    /// Whether the host should wait for the counters before so many substeps more: what it knows
    /// is too old, or it knows no pace yet.
    fn is_uncertain(&self, substeps: usize, slots: usize) -> bool {
        self.expected(substeps) > slots || (self.pace.is_none() && self.run > 0)
    }
}

impl GpuSimulator {
    /// Notes that substeps were submitted, and asks how full the tables are.
    pub(super) fn ask_usage(&mut self, substeps: usize) -> wgpu::SubmissionIndex {
        self.usage.run += substeps;
        self.usage.ask(&self.gpu, &self.tables)
    }

    /// Before some substeps more: frees slots if more than half of them are taken, in larger tables if
    /// the blocks in use need them. A record keeps what it needs of the tables before.
    pub(super) fn make_room(&mut self, substeps: Range<usize>) -> Result<(), SimulationError> {
        let opened = self.opened_in(substeps.clone()) + self.usage.made.0;
        let substeps = substeps.len();
        let present = self.tables.capacity;
        self.usage.look()?;
        if self.usage.is_uncertain(substeps, present.slots.saturating_sub(opened)) {
            self.gpu.wait()?;
            self.usage.look()?;
        }
        let Some((used, _)) = self.usage.known else { return Ok(()) };
        let is_short = 2 * used.slots > present.slots
            || self.usage.expected(substeps) + opened > present.slots;
        let occupied = used.occupied + self.usage.made.1;
        let most = Capacity::most_occupied(&self.gpu, self.population.entry_count());
        // Half of it is left to spread into, or to cross until the counters are looked at again.
        let needed = (4 * used.live).max(2 * (used.live + self.usage.taken_in(substeps) + opened));
        let capacity = Capacity {
            slots: match is_short {
                true => present.slots.max(needed.next_multiple_of(SLOT_GROUP)),
                false => present.slots,
            },
            occupied: match 2 * occupied > present.occupied {
                true => (4 * occupied).min(most).max(present.occupied),
                false => present.occupied,
            },
        };
        if !is_short && capacity == present {
            return Ok(());
        }
        self.renumber(capacity)?;
        self.usage.known = Some((Used { slots: used.live, ..used }, 0));
        Ok(())
    }
}

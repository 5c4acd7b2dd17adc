//! Which particles there are and where each is stored: one population from load to load, or where
//! there are levels of resolution until some particle is split or merged (`follow.rs`).

use super::layout::{NONE, kind_number};
use super::levels::Entries;
use super::limits::most_with_levels;
use super::moves::Moves;
use super::placement::{Placement, row_stride};
use super::states::{StateId, StateSize};
use super::{GpuSimulator, SimulationError};
use crate::gpu::{Buffer, Gpu, GpuError, Resources};
use crate::model::Model;
use crate::mpm::state::{Particles, State};
use crate::mpm::twin::Adaptation;
use std::sync::Arc;

/// The particles of a state.
pub struct Population {
    /// What they are, by id, where that is not what the model says.
    own: Option<Arc<Particles>>,
    /// Id of each storage place, and storage place of each id.
    pub ids: Vec<u32>,
    pub places: Vec<u32>,
    /// Distance between rows of their arrays.
    pub row_stride: usize,
    /// Whether each has a second entry in the lists of cells.
    has_levels: bool,
    /// On the device: id of each entry; what each particle is, where there are levels.
    device_ids: Buffer<u32>,
    kinds: Option<Buffer<u32>>,
}

impl Population {
    /// Of a state that is loaded. `adaptation` is there where there are levels. `stride` is that of buffers which
    /// serve if they are neither too small nor far too large.
    pub fn new(
        gpu: &Gpu,
        (state, model): (&State<f64>, &Model),
        placement: &Placement,
        stride: usize,
        adaptation: Option<&Adaptation>,
    ) -> Result<Self, GpuError> {
        let (own, ids) = (state.particles.clone(), placement.ids.clone());
        let population = Self::without_contents(gpu, own, ids, stride, adaptation.is_some())?;
        population.device_ids.write(gpu, 0, &population.entry_ids());
        if let (Some(kinds), Some(adaptation)) = (&population.kinds, adaptation) {
            let particles = population.particles(model);
            let kind = |&id: &u32| kind_number(&adaptation.kind(particles, id as usize));
            kinds.write(gpu, 0, &population.ids.iter().map(kind).collect::<Vec<_>>());
        }
        Ok(population)
    }

    /// After some particles were split or merged, or came or left; `made` are those that are new, `held` says which
    /// of the others are held now. What is on the device is still to be moved.
    pub fn moved(
        &self,
        gpu: &Gpu,
        model: &Model,
        moves: &Moves,
        (made, held): (&Particles, &[bool]),
    ) -> Result<Self, GpuError> {
        let own = Some(Arc::new(moves.particles(self.particles(model), made, held)));
        let ids = moves.ids_by_place(&self.ids);
        Self::without_contents(gpu, own, ids, self.row_stride, true)
    }

    fn without_contents(
        gpu: &Gpu,
        own: Option<Arc<Particles>>,
        ids: Vec<u32>,
        stride: usize,
        has_levels: bool,
    ) -> Result<Self, GpuError> {
        let count = ids.len();
        let mut places = vec![0; count];
        for (place, &id) in ids.iter().enumerate() {
            places[id as usize] = place as u32;
        }
        let row_stride = match has_levels {
            false => row_stride(count),
            true if (count..=2 * count).contains(&stride) => stride,
            // Room for some to be split before buffers are replaced again, if the device has it.
            true => row_stride((count + count / 4).min(most_with_levels(gpu)).max(count).max(1)),
        };
        let entries = if has_levels { 2 * row_stride } else { count };
        let device_ids = Buffer::new(gpu, "ids", entries)?;
        let kinds = match has_levels {
            true => Some(Buffer::new(gpu, "kinds", row_stride)?),
            false => None,
        };
        Ok(Self { own, ids, places, row_stride, has_levels, device_ids, kinds })
    }

    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Entries in the lists of cells, and the distance between their rows.
    pub fn entry_count(&self) -> usize {
        self.entries_of(self.count())
    }
    /// How many so many particles would have.
    pub fn entries_of(&self, particles: usize) -> usize {
        if self.has_levels { 2 * particles } else { particles }
    }
    pub fn entry_stride(&self) -> usize {
        if self.has_levels { 2 * self.row_stride } else { self.row_stride }
    }

    /// What they are, by id.
    pub fn particles<'a>(&'a self, model: &'a Model) -> &'a Particles {
        self.own.as_deref().unwrap_or(&model.particles)
    }

    /// The same, for results of a run in which that changes.
    pub fn changing_particles(&self, model: &Model) -> Option<Arc<Particles>> {
        self.has_levels
            .then(|| self.own.clone().unwrap_or_else(|| Arc::new(model.particles.clone())))
    }

    /// Ids of all entries: those of the second ones are their particles'.
    fn entry_ids(&self) -> Vec<u32> {
        let mut ids = self.ids.clone();
        if self.has_levels {
            ids.resize(self.row_stride, NONE);
            ids.extend_from_slice(&self.ids);
            ids.resize(2 * self.row_stride, NONE);
        }
        ids
    }

    pub fn state_size(&self) -> StateSize {
        let locations = if self.has_levels { self.entry_stride() } else { self.count() };
        StateSize { row_stride: self.row_stride, locations, has_cells: self.has_levels }
    }

    pub fn resources(&self, resources: Resources) -> Resources {
        let resources = resources.with("ids", &self.device_ids);
        match &self.kinds {
            Some(kinds) => resources.with("kinds", kinds),
            None => resources,
        }
    }

    /// Offers it as what there was before particles were split or merged.
    pub fn as_before(&self, resources: Resources) -> Resources {
        let resources = resources.with("ids_before", &self.device_ids);
        match &self.kinds {
            Some(kinds) => resources.with("kinds_before", kinds),
            None => resources,
        }
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        self.device_ids.bytes() + self.kinds.as_ref().map_or(0, Buffer::bytes)
    }
}

impl GpuSimulator {
    pub(super) fn has_levels(&self) -> bool {
        self.model.levels.count() > 1
    }

    /// Makes a population the present one: its buffers, and what kernels are told.
    pub(super) fn use_population(
        &mut self,
        population: &Arc<Population>,
    ) -> Result<(), SimulationError> {
        if Arc::ptr_eq(&self.population, population) {
            return Ok(());
        }
        self.population = Arc::clone(population);
        self.populate()
    }

    /// Room for the present population.
    pub(super) fn populate(&mut self) -> Result<(), SimulationError> {
        let gpu = self.gpu.clone();
        let population = Arc::clone(&self.population);
        let count = population.count();
        self.bounds.clear();
        self.tables.hold(&gpu, population.entry_count().max(population.state_size().locations))?;
        let (unloaded, observed) = (super::layout::UNLOADED_WORDS, super::layout::OBSERVED_WORDS);
        if self.unloaded.len() < unloaded * count {
            self.unloaded = Buffer::new(&gpu, "unloaded", unloaded * population.row_stride)?;
            self.observed = Buffer::new(&gpu, "observed", observed * population.row_stride)?;
        }
        let stride = population.entry_stride();
        if self.has_levels() && self.entries.as_ref().is_none_or(|e| e.stride() < stride) {
            let had_bars = self.reverse.is_some();
            let mut entries = Entries::new(&gpu, stride)?;
            if had_bars {
                entries.reserve_bars(&gpu, &self.model.levels)?;
            }
            self.entries = Some(entries);
        }
        self.pool.use_size(population.state_size());
        self.write_parameters();
        Ok(())
    }

    /// The rows of a state into buffers of the present population.
    pub(super) fn upload(&self, id: StateId, state: &State<f64>, placement: &Placement) {
        let buffers = self.pool.get(id);
        let particles = self.population.particles(&self.model);
        let stride = self.population.row_stride;
        let rows = placement.rows(state, particles, &self.model, stride);
        buffers.particles.write(&self.gpu, 0, &rows);
        match &buffers.fine_cells {
            Some(fine_cells) => {
                fine_cells.write(&self.gpu, 0, &placement.fine_cells(state, particles));
                // In no cell before `place` has found one.
                let nowhere = vec![[NONE; 2]; buffers.locations.len()];
                buffers.locations.write(&self.gpu, 0, &nowhere);
            }
            None => buffers.locations.write(&self.gpu, 0, &placement.locations),
        }
    }
}

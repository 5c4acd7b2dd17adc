//! Which particles there are and where each is stored: one population from load to load, or where
//! there are levels of resolution until some particle is split or merged.
//!
//! Splitting and merging is work of the host, between control steps: the state is read, the twin's
//! `adapt` decides, and a state that has changed is loaded again; one that has not stays on the device as it
//! is. A reverse pass undoes it likewise, by the transposes of what was recorded. Inside a control step
//! nothing is read back.

use super::layout::NONE;
use super::levels::Entries;
use super::placement::{Placement, row_stride};
use super::states::{StateId, StateSize};
use super::tables::{Capacity, Numbering};
use super::{GpuSimulator, Present, SimulationError, most_particles, particles_on, within};
use crate::agents;
use crate::gpu::Buffer;
use crate::model::{MAX_PARTICLES, Model};
use crate::mpm::simulator::Simulator;
use crate::mpm::state::{Particles, State};
use crate::mpm::twin::Adapted;
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
}

impl Population {
    /// `stride` is that of buffers which serve if they are neither too small nor far too large.
    pub fn new(state: &State<f64>, placement: &Placement, stride: usize, has_levels: bool) -> Self {
        let count = placement.ids.len();
        let mut places = vec![0; count];
        for (place, &id) in placement.ids.iter().enumerate() {
            places[id as usize] = place as u32;
        }
        let row_stride = match has_levels {
            false => row_stride(count),
            true if (count..=2 * count).contains(&stride) => stride,
            // Room for some to be split before buffers are replaced again.
            true => row_stride(count + count / 4),
        };
        let (own, ids) = (state.particles.clone(), placement.ids.clone());
        Self { own, ids, places, row_stride, has_levels }
    }

    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Entries in the lists of cells, and the distance between their rows.
    pub fn entry_count(&self) -> usize {
        if self.has_levels { 2 * self.count() } else { self.count() }
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
    pub fn entry_ids(&self) -> Vec<u32> {
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
}

/// What was done to the particles before a substep, for its adjoint.
pub struct Changed {
    adapted: Adapted,
    /// The state before, and what its numbers mean.
    present: Present,
    pub population: Arc<Population>,
    pub numbering: Arc<Numbering>,
}

impl Changed {
    pub fn state(&self) -> StateId {
        self.present.state
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
        self.tables.write_ids(&gpu, &population.entry_ids());
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
                entries.reserve_bars(&gpu)?;
            }
            self.entries = Some(entries);
        }
        self.pool.use_size(population.state_size());
        self.write_parameters();
        Ok(())
    }

    /// At the start of a control step: splits and merges particles until they fit the field. Waits for
    /// the device.
    pub(super) fn follow(&mut self, substep: usize, keep: bool) -> Result<(), SimulationError> {
        let Some(adaptation) = self.adaptation.clone() else { return Ok(()) };
        if !substep.is_multiple_of(self.model.substeps_per_control) {
            return Ok(());
        }
        let model = Arc::clone(&self.model);
        let field = agents::field_at(&model, &self.motion_until(substep + 1)?.drive, substep);
        let state = self.read()?;
        let Some((state, adapted)) = adaptation.adapt(&field, state) else { return Ok(()) };
        within("particles after splitting", state.particle_count(), MAX_PARTICLES)?;
        let most = most_particles(&self.gpu, &self.model);
        within(&particles_on(&self.gpu), state.particle_count(), most)?;

        let placement = Placement::of(&state, &model);
        let stride = self.population.row_stride;
        let changed = Changed {
            adapted,
            present: self.present,
            population: Arc::clone(&self.population),
            numbering: Arc::clone(self.tables.numbering()),
        };
        let population = Arc::new(Population::new(&state, &placement, stride, true));
        self.use_population(&population)?;
        let gpu = self.gpu.clone();
        let id = self.pool.acquire(&gpu)?;
        self.upload(id, &state, &placement);
        let mut recording = crate::gpu::Recording::new(&gpu);
        self.pool.copy_rigid(&mut recording, self.present.state, id);
        recording.submit();
        self.present = Present { state: id, counted: false, placed: None, ..self.present };
        match keep {
            true => self.changed = Some(changed),
            false => self.pool.release(changed.state()),
        }
        let needed = Capacity::for_placement(&gpu, &placement);
        let present = self.tables.capacity;
        if !present.holds_loosely(&placement) {
            self.renumber(Capacity {
                slots: present.slots.max(needed.slots),
                occupied: present.occupied.max(needed.occupied),
            })?;
        }
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
                fine_cells.write(&self.gpu, 0, &placement.fine_cells(state));
                // In no cell before `place` has found one.
                let nowhere = vec![[NONE; 2]; buffers.locations.len()];
                buffers.locations.write(&self.gpu, 0, &nowhere);
            }
            None => buffers.locations.write(&self.gpu, 0, &placement.locations),
        }
    }

    /// Undoes what was done to the particles before the substep that was just walked back: the cotangent
    /// becomes that of the state before. Waits for the device.
    pub(super) fn follow_adj(&mut self, changed: Changed) -> Result<(), SimulationError> {
        let Some(adaptation) = self.adaptation.clone() else { return Ok(()) };
        let bar = self.read_gradient()?;
        let before = adaptation.adapt_adj(&changed.adapted, bar.initial.clone());
        self.pool.release(self.present.state);
        self.use_population(&changed.population)?;
        self.use_numbering(&changed.numbering);
        self.present = Present { counted: false, ..changed.present };
        let (gpu, model) = (self.gpu.clone(), Arc::clone(&self.model));
        if let (Some(reverse), Some(motion)) = (&mut self.reverse, &self.motion) {
            reverse.follow(&gpu, &model, motion, &self.population, (&bar, &before))?;
        }
        self.note_memory();
        Ok(())
    }
}

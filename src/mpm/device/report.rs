//! What the solver costs: time by stage, dispatches, bytes.

use super::layout::{BLOCK_CELLS, Block, Cell, particle_rows};
use super::{GpuSimulator, SimulationError, stages};
use crate::gpu::{StageTime, Timer};

/// Bytes that one substep has to move, by the layout; reads that hit a cache are not counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Of particles: state, order, location.
    pub particle_bytes: u64,
    /// Of cells' moments and of nodes, spread over the particles.
    pub grid_bytes: u64,
    /// Both, by particle.
    pub bytes_per_particle: f64,
}

impl GpuSimulator {
    /// Notes the time of every dispatch from now on. Returns whether the device can.
    pub fn start_timing(&mut self) -> Result<bool, SimulationError> {
        self.timer = Timer::new(&self.gpu)?;
        Ok(self.timer.is_some())
    }

    /// Time by kernel since the last call, as far as the timer had room. Waits for the device.
    pub fn take_times(&mut self) -> Result<Vec<StageTime>, SimulationError> {
        match &mut self.timer {
            Some(timer) => Ok(timer.take(&self.gpu)?),
            None => Ok(Vec::new()),
        }
    }

    /// Dispatches of one forward substep; the two for new blocks are normally empty.
    pub fn dispatches_per_substep(&self) -> usize {
        self.needed(stages::forward(self.has_levels())).len()
    }

    /// Bytes of a substep as the particles lie now. Waits for the device.
    pub fn traffic(&self) -> Result<Traffic, SimulationError> {
        let [occupied, nodes, cells] = self.tables.read_occupancy(&self.gpu)?;
        let row = 16;
        let location = 8;
        let word = 4;
        // fill: location, order; sort: order, id; p2g: order, four rows; g2p: order, all rows in
        // and out, location, one counter.
        let particle_bytes = location
            + word
            + 2 * word
            + word
            + 4 * row
            + word
            + 2 * particle_rows(&self.model) * row
            + location
            + word;
        let moments = 27 * row;
        let grid_bytes = 2 * cells * moments
            + occupied * (size_of::<Block>() + 4 * BLOCK_CELLS * size_of::<Cell>())
            + nodes * BLOCK_CELLS * 3 * row;
        let particles = self.population.count().max(1);
        Ok(Traffic {
            particle_bytes: (particle_bytes * particles) as u64,
            grid_bytes: grid_bytes as u64,
            bytes_per_particle: particle_bytes as f64 + grid_bytes as f64 / particles as f64,
        })
    }
}

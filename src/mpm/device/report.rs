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
        let [occupied, nodes, cells, entries] = self.tables.read_occupancy(&self.gpu)?;
        let particles = self.population.count().max(1);
        let particle_bytes = match self.has_levels() {
            false => particles * self.particle_bytes(),
            true => particles * self.shared_particle_bytes() + entries * ENTRY_BYTES,
        };
        let moments = 27 * ROW;
        let grid_bytes = 2 * cells * moments
            + occupied * (size_of::<Block>() + 4 * BLOCK_CELLS * size_of::<Cell>())
            + nodes * BLOCK_CELLS * 3 * ROW;
        let bytes = particle_bytes + grid_bytes;
        Ok(Traffic {
            particle_bytes: particle_bytes as u64,
            grid_bytes: grid_bytes as u64,
            bytes_per_particle: bytes as f64 / particles as f64,
        })
    }

    /// fill: location, order; sort: order, id; p2g: order, four rows; g2p: order, all rows in and out,
    /// location, one counter.
    fn particle_bytes(&self) -> usize {
        let rows = particle_rows(&self.model);
        LOCATION + WORD + 2 * WORD + WORD + 4 * ROW + WORD + 2 * rows * ROW + LOCATION + WORD
    }

    /// Where there are levels, without what is of entries. fill: both locations; share: all rows, the cell;
    /// g2p_blended: place and shape in, all rows out, the cell in and out; place: the cell, both locations.
    fn shared_particle_bytes(&self) -> usize {
        let rows = particle_rows(&self.model);
        let (share, blended, place) = (rows + 1, 4 + rows + 2, 1);
        2 * LOCATION + (share + blended + place) * ROW + 2 * LOCATION
    }
}

const ROW: usize = 16;
const LOCATION: usize = 8;
const WORD: usize = 4;
/// Of an entry. fill, sort: order, order and id; share: five rows; p2g: order, four rows; collect: order, one
/// row in and three out; g2p_blended: those three and its share; place: one counter.
const ENTRY_BYTES: usize =
    WORD + 2 * WORD + 5 * ROW + WORD + 4 * ROW + WORD + 4 * ROW + 4 * ROW + WORD;

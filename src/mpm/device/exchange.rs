//! Particles that come and go, on the device: the rows of what leaves nozzles are uploaded once per
//! drive, and put into the state at the end of their substep.

use super::layout::{BIRTH_BAR_FLOATS, BirthAt};
use super::placement::class_number;
use super::shaders::KernelId;
use super::{GpuSimulator, Io, SimulationError};
use crate::agents::{BirthCotangent, Drive};
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Recording, Resources};
use crate::math::Vec3;
use crate::model::Model;
use std::ops::Range;

/// What comes in the substeps of a drive.
pub struct Births {
    births: Buffer<BirthAt>,
    /// Blocks in which something comes, by substep, each once in a substep.
    openings: Buffer<[i32; 4]>,
    /// Where the openings of each substep begin; one more than substeps.
    first_opening: Vec<usize>,
}

impl Births {
    /// None where nothing ever comes. `places[id]` is where a particle is stored.
    pub fn new(
        gpu: &Gpu,
        model: &Model,
        drive: &Drive,
        places: &[u32],
    ) -> Result<Option<Self>, GpuError> {
        if model.emitters.is_empty() {
            return Ok(None);
        }
        let mut openings = Vec::new();
        let mut first_opening = Vec::with_capacity(drive.substeps() + 1);
        for substep in 0..drive.substeps() {
            first_opening.push(openings.len());
            let cells = drive.births[drive.births_at(substep)].iter().map(|birth| birth.cell);
            let mut keys: Vec<[i32; 4]> =
                cells.map(|[x, y, z]| [x >> 2, y >> 2, z >> 2, 0]).collect();
            keys.sort_unstable();
            keys.dedup();
            openings.append(&mut keys);
        }
        first_opening.push(openings.len());
        // Buffers are not empty.
        openings.resize(openings.len().max(1), [0; 4]);
        let births = Buffer::new(gpu, "births", drive.births.len().max(1))?;
        let births = Self {
            births,
            openings: Buffer::from_slice(gpu, "openings", &openings)?,
            first_opening,
        };
        births.place(gpu, model, drive, places);
        Ok(Some(births))
    }

    /// Follows another order of storage.
    pub fn place(&self, gpu: &Gpu, model: &Model, drive: &Drive, places: &[u32]) {
        let float = |v: Vec3<f64>| v.0.map(|x| x as f32);
        let rows: Vec<BirthAt> = drive
            .births
            .iter()
            .map(|birth| {
                let p = birth.particle as usize;
                BirthAt {
                    cell: birth.cell,
                    particle: places[p],
                    offset: float(birth.offset),
                    mass: model.particles.mass[p] as f32,
                    velocity: float(birth.velocity),
                    specific_volume: (model.particles.volume[p] / model.particles.mass[p]) as f32,
                    spin: float(birth.spin),
                    class_number: class_number(&model.particles, p) as f32,
                }
            })
            .collect();
        self.births.write(gpu, 0, &rows);
    }

    /// The openings of a substep.
    pub fn openings(&self, substep: usize) -> Range<usize> {
        self.first_opening[substep]..self.first_opening[substep + 1]
    }

    pub fn resources(&self, resources: Resources) -> Resources {
        resources.with("births", &self.births).with("openings", &self.openings)
    }

    pub fn bytes(&self) -> u64 {
        self.births.bytes() + self.openings.bytes()
    }
}

/// What `emit_adj` wrote.
pub fn read_bars(gpu: &Gpu, bars: &Buffer<f32>) -> Result<Vec<BirthCotangent>, GpuError> {
    let floats = bars.read(gpu)?;
    let cotangent = |bar: &[f32]| {
        let vector = |first: usize| Vec3::from_fn(|a| f64::from(bar[first + a]));
        BirthCotangent { position: vector(0), velocity: vector(3), spin: vector(6) }
    };
    Ok(floats.chunks_exact(BIRTH_BAR_FLOATS).map(cotangent).collect())
}

impl GpuSimulator {
    /// After g2p, in which sinks take what they hold: what was away stays away, and what leaves a nozzle
    /// comes.
    pub(super) fn exchange(
        &mut self,
        recording: &mut Recording,
        substep: usize,
        io: Io,
    ) -> Result<(), SimulationError> {
        if !self.model.exchanges() {
            return Ok(());
        }
        let particles = self.population.count();
        self.run(recording, KernelId::Carry, substep, io, particles)?;
        match self.births_in(substep) {
            0 => Ok(()),
            births => {
                self.run(recording, KernelId::Open, substep, io, 1)?;
                self.run(recording, KernelId::Emit, substep, io, births)
            }
        }
    }

    /// The cotangents of what came, before those of the substep are walked back.
    pub(super) fn exchange_adj(
        &mut self,
        recording: &mut Recording,
        substep: usize,
        io: Io,
    ) -> Result<(), SimulationError> {
        match self.births_in(substep) {
            0 => Ok(()),
            births => self.run(recording, KernelId::EmitAdj, substep, io, births),
        }
    }

    /// Slots that what comes in some substeps may take, with the blocks around.
    pub(super) fn opened_in(&self, substeps: Range<usize>) -> usize {
        const AROUND: usize = 27;
        let Some(motion) = &self.motion else { return 0 };
        let Some(births) = &motion.births else { return 0 };
        AROUND * substeps.map(|substep| births.openings(substep).len()).sum::<usize>()
    }

    fn births_in(&self, substep: usize) -> usize {
        self.motion.as_ref().map_or(0, |motion| motion.drive.births_at(substep).len())
    }

    fn run(
        &mut self,
        recording: &mut Recording,
        kernel: KernelId,
        substep: usize,
        io: Io,
        threads: usize,
    ) -> Result<(), SimulationError> {
        let bound = self.bound(kernel, io)?;
        let elements = self.elements(kernel, substep);
        recording.dispatch(self.kernels.get(kernel), &bound, &elements, Dispatch::Threads(threads));
        Ok(())
    }
}

//! Levels of resolution on the device: the field of every control step, and what entries give and take.

use super::fields::map_field;
use super::layout::{BANDS, FieldAt, MapAt, REACHES, ReachAt, ResolutionAt};
use crate::agents::{Drive, field_at};
use crate::gpu::{Buffer, Gpu, GpuError, Resources};
use crate::model::{Field, Levels, Model};
use bytemuck::Zeroable;

/// Rows of an entry, of what it takes, and of its cotangent.
const ENTRY_ROWS: usize = 5;
/// Rows by particle of the largest of these, of which each particle has two.
pub const PARTICLE_ROWS: usize = 2 * ENTRY_ROWS;
/// All entries may want a block at once, in one row of workgroups of 64.
pub const MOST_PARTICLES: usize = 65_535 * 64 / 2;
const COLLECTED_ROWS: usize = 3;
const ENTRY_BAR_ROWS: usize = 4;

/// The fields of a drive, by control step; one at least.
pub struct Resolutions {
    values: Vec<ResolutionAt>,
    buffer: Buffer<ResolutionAt>,
}

impl Resolutions {
    /// None where there is one level.
    pub fn new(gpu: &Gpu, model: &Model, drive: &Drive) -> Result<Option<Self>, GpuError> {
        if model.levels.count() == 1 {
            return Ok(None);
        }
        let start = |control: usize| control * drive.substeps_per_control;
        let map = map_field(model);
        let mut values: Vec<ResolutionAt> = (0..drive.control_steps)
            .map(|control| ResolutionAt::new(&field_at(model, drive, start(control)), map))
            .collect();
        if values.is_empty() {
            values.push(ResolutionAt::zeroed());
        }
        let uniform = wgpu::BufferUsages::UNIFORM;
        let buffer = Buffer::with_usage(gpu, "resolutions", values.len(), uniform)?;
        buffer.write(gpu, 0, &values);
        Ok(Some(Self { values, buffer }))
    }

    pub fn at(&self, control: usize) -> ResolutionAt {
        self.values[control]
    }

    pub fn resources(&self, resources: Resources) -> Resources {
        resources.with_element("resolution", &self.buffer)
    }

    pub fn bytes(&self) -> u64 {
        self.buffer.bytes()
    }
}

impl ResolutionAt {
    /// With no more bands and reaches than there is room for; `map` is what the device knows of the field's map.
    pub fn new(field: &Field<f64>, map: Option<FieldAt>) -> Self {
        let mut resolution = Self {
            reach_count: field.reaches.len() as u32,
            band_count: field.bands.len() as u32,
            blend: field.blend as f32,
            coupled: f32::from(u8::from(field.coupled)),
            bands: [[0.0; 4]; BANDS],
            reaches: [ReachAt::zeroed(); REACHES],
            map: MapAt::zeroed(),
            pad: [0; 40],
        };
        if let (Some(own), Some(known)) = (&field.map, map) {
            let offset = own.offset.map(|c| c as f32);
            resolution.map = MapAt { cell: own.cell, offset, field: known };
        }
        for (to, &(start, width)) in resolution.bands.iter_mut().zip(&field.bands) {
            *to = [start as f32, width as f32, 0.0, 0.0];
        }
        for (to, reach) in resolution.reaches.iter_mut().zip(&field.reaches) {
            *to = ReachAt {
                cell: reach.cell,
                depth_weight: reach.depth_weight as f32,
                offset: reach.offset.0.map(|c| c as f32),
                pad: 0.0,
                low: reach.low.0.map(|c| c as f32),
                pad_low: 0.0,
                along: reach.along.map(|c| c as f32),
                high: reach.high.map(|c| c as f32),
            };
        }
        resolution
    }
}

/// What holds for a substep alone: rows of all entries, and which of them have no block yet.
pub struct Entries {
    /// Distance between rows.
    stride: usize,
    given: Buffer<[f32; 4]>,
    collected: Buffer<[f32; 4]>,
    wanted: Buffer<u32>,
    /// Cotangents, once there is a reverse pass: of what entries give and take, and of how particles are shared.
    bars: Option<[Buffer<[f32; 4]>; 2]>,
}

impl Entries {
    pub fn new(gpu: &Gpu, stride: usize) -> Result<Self, GpuError> {
        Ok(Self {
            stride,
            given: Buffer::new(gpu, "entries", ENTRY_ROWS * stride)?,
            collected: Buffer::new(gpu, "collected", COLLECTED_ROWS * stride)?,
            wanted: Buffer::new(gpu, "wanted", stride)?,
            bars: None,
        })
    }

    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Room for cotangents; returns whether there was none.
    pub fn reserve_bars(&mut self, gpu: &Gpu, levels: &Levels) -> Result<bool, GpuError> {
        let is_new = self.bars.is_none();
        if is_new {
            let rows = ENTRY_BAR_ROWS * self.stride;
            // Two entries a particle; without anybody to read them, nothing is written.
            let shares = if levels.moves_in_gradients() { self.stride / 2 } else { 1 };
            self.bars = Some([
                Buffer::new(gpu, "entries_bar", rows)?,
                Buffer::new(gpu, "shares_bar", shares)?,
            ]);
        }
        Ok(is_new)
    }

    pub fn resources(&self, resources: Resources) -> Resources {
        let resources = resources
            .with("entries", &self.given)
            .with("collected", &self.collected)
            .with("wanted", &self.wanted);
        match &self.bars {
            Some([bars, shares]) => resources.with("entries_bar", bars).with("shares_bar", shares),
            None => resources,
        }
    }

    /// Entries in the place of particles, for the kernel p2g; their cotangents if `of_bars`.
    pub fn as_particles(&self, resources: Resources, of_bars: bool) -> Resources {
        let resources = resources.with("particles", &self.given);
        match (&self.bars, of_bars) {
            (Some([bars, _]), true) => resources.with("contributions", bars),
            _ => resources.with("contributions", &self.given),
        }
    }

    pub fn bytes(&self) -> u64 {
        let bars = self.bars.iter().flatten().map(Buffer::bytes).sum::<u64>();
        self.given.bytes() + self.collected.bytes() + self.wanted.bytes() + bars
    }
}

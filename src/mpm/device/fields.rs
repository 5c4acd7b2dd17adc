//! Shapes from files on the device: where each field lies, and the coefficients of all of them.

use super::layout::{FIELDS, FieldAt, padded};
use super::within;
use crate::gpu::{Buffer, FloatTexture, Gpu, Resources};
use crate::model::{Extents, HeightField, MeshShape, Model, SPLINE_ERROR, Shape};
use crate::mpm::simulator::SimulationError;
use bytemuck::Zeroable;
use std::sync::Arc;

/// The fields of a model; solids that share one share its number.
pub struct Fields {
    table: Buffer<FieldAt>,
    coefficients: FloatTexture,
}

impl Fields {
    /// # Errors
    /// [`SimulationError::Capacity`] if there are too many of them.
    pub fn new(gpu: &Gpu, model: &Model) -> Result<Self, SimulationError> {
        let distinct = distinct(model);
        within("different meshes and height fields", distinct.len(), FIELDS)?;
        let samples = distinct.iter().map(|sampled| sampled.coefficients().len()).sum();
        within("samples of meshes and height fields", samples, FloatTexture::capacity(gpu))?;
        let (mut table, mut all) = (Vec::new(), Vec::new());
        for sampled in distinct {
            table.push(sampled.at(all.len()));
            all.extend_from_slice(sampled.coefficients());
        }
        let uniform = wgpu::BufferUsages::UNIFORM;
        let buffer = Buffer::with_usage(gpu, "fields", FIELDS, uniform)?;
        buffer.write(gpu, 0, &table);
        let coefficients = FloatTexture::from_slice(gpu, "coefficients of fields", &all)?;
        Ok(Self { table: buffer, coefficients })
    }

    pub fn resources(&self, resources: Resources) -> Resources {
        resources.with("fields", &self.table).with_texture("coefficients", &self.coefficients)
    }

    pub fn bytes(&self) -> u64 {
        self.table.bytes() + self.coefficients.bytes()
    }
}

impl FieldAt {
    /// With coefficients that begin at `first` among all.
    pub fn of_mesh(shape: &MeshShape, first: usize) -> Self {
        let field = &shape.field;
        let [x, y, z] = field.counts.map(|count| count as u32);
        let Extents { middle, half } = Extents::between(field.surface);
        Self {
            low: field.low.0.map(|x| x as f32),
            first: first as u32,
            spacing: [field.spacing as f32; 3],
            bound: (2.0 * SPLINE_ERROR * field.spacing) as f32,
            counts: [x, y, z, 0],
            middle: padded(middle),
            half: padded(half),
        }
    }

    /// The same of ground.
    pub fn of_ground(ground: &HeightField, first: usize) -> Self {
        let [x, y] = ground.counts.map(|count| count as u32);
        let [sx, sy] = ground.size;
        Self {
            low: [-0.5 * sx as f32, -0.5 * sy as f32, 0.0],
            first: first as u32,
            spacing: [ground.spacing(0) as f32, ground.spacing(1) as f32, 1.0],
            bound: (1.0 / ground.steepest.hypot(1.0)) as f32,
            counts: [x, y, 1, 0],
            ..Self::zeroed()
        }
    }
}

/// Whether a shape is made of samples.
pub fn has_field(shape: &Shape) -> bool {
    Sampled::of(shape).is_some()
}

/// The number of a shape's field among those of its model; zero, without meaning, if it has none.
pub fn field_number(model: &Model, shape: &Shape) -> usize {
    let of = Sampled::of(shape);
    distinct(model).iter().position(|known| Some(*known) == of).unwrap_or(0)
}

/// What the device knows of the map of distances of a model's levels, if it has one.
pub fn map_field(model: &Model) -> Option<FieldAt> {
    let map = Sampled::Ground(&model.levels.map.as_ref()?.distances);
    let before = distinct(model).into_iter().take_while(|known| *known != map);
    Some(map.at(before.map(|known| known.coefficients().len()).sum()))
}

/// Samples that a model has.
#[derive(Clone, Copy)]
enum Sampled<'a> {
    Mesh(&'a Arc<MeshShape>),
    Ground(&'a Arc<HeightField>),
}

impl PartialEq for Sampled<'_> {
    /// Whether they are the same, not whether they are alike.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Sampled::Mesh(a), Sampled::Mesh(b)) => Arc::ptr_eq(a, b),
            (Sampled::Ground(a), Sampled::Ground(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl<'a> Sampled<'a> {
    fn of(shape: &'a Shape) -> Option<Self> {
        match shape {
            Shape::Mesh(shape) => Some(Sampled::Mesh(shape)),
            Shape::HeightField(ground) => Some(Sampled::Ground(ground)),
            _ => None,
        }
    }

    fn coefficients(self) -> &'a [f32] {
        match self {
            Sampled::Mesh(shape) => &shape.field.coefficients,
            Sampled::Ground(ground) => &ground.coefficients,
        }
    }

    /// If its coefficients begin at `first` among all.
    fn at(self, first: usize) -> FieldAt {
        match self {
            Sampled::Mesh(shape) => FieldAt::of_mesh(shape, first),
            Sampled::Ground(ground) => FieldAt::of_ground(ground, first),
        }
    }
}

/// Each field once, in the order of the model's solids; then the map of its levels.
fn distinct(model: &Model) -> Vec<Sampled<'_>> {
    let mut distinct: Vec<Sampled> = Vec::new();
    let map = model.levels.map.iter().map(|map| Sampled::Ground(&map.distances));
    for sampled in model.shapes().filter_map(Sampled::of).chain(map) {
        if !distinct.contains(&sampled) {
            distinct.push(sampled);
        }
    }
    distinct
}

//! Shapes from files on the device: where each field lies, and the coefficients of all of them.

use super::layout::{FIELDS, FieldAt};
use super::within;
use crate::gpu::{Buffer, FloatTexture, Gpu, Resources};
use crate::model::{Model, Shape};
use crate::mpm::simulator::SimulationError;
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
        let samples = distinct.iter().map(|shape| coefficients(shape).len()).sum();
        within("samples of meshes and height fields", samples, FloatTexture::capacity(gpu))?;
        let (mut table, mut all) = (Vec::new(), Vec::new());
        for shape in distinct {
            table.extend(FieldAt::new(shape, all.len()));
            all.extend_from_slice(coefficients(shape));
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

/// Whether a shape is made of samples.
pub fn has_field(shape: &Shape) -> bool {
    matches!(shape, Shape::Mesh(_) | Shape::HeightField(_))
}

/// The number of a shape's field among those of its model; zero, without meaning, if it has none.
pub fn field_number(model: &Model, shape: &Shape) -> usize {
    distinct(model).iter().position(|known| is_same(known, shape)).unwrap_or(0)
}

/// Each field once, in the order of the model's solids.
fn distinct(model: &Model) -> Vec<&Shape> {
    let mut distinct: Vec<&Shape> = Vec::new();
    for shape in model.shapes().filter(|shape| has_field(shape)) {
        if !distinct.iter().any(|known| is_same(known, shape)) {
            distinct.push(shape);
        }
    }
    distinct
}

fn is_same(a: &Shape, b: &Shape) -> bool {
    match (a, b) {
        (Shape::Mesh(a), Shape::Mesh(b)) => Arc::ptr_eq(a, b),
        (Shape::HeightField(a), Shape::HeightField(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

fn coefficients(shape: &Shape) -> &[f32] {
    match shape {
        Shape::Mesh(shape) => &shape.field.coefficients,
        Shape::HeightField(ground) => &ground.coefficients,
        _ => &[],
    }
}

//! What is drawn many times: balls, solids, planes, one vertex-buffer entry each.

use crate::gpu::Gpu;
use crate::model::Shape;
use crate::render::{Bounds, Plane, Posed, Solid, View};
use bytemuck::{Pod, Zeroable};
use std::marker::PhantomData;

/// A vertex buffer of instances that grows when it must.
pub struct InstanceBuffer<T> {
    label: &'static str,
    buffer: wgpu::Buffer,
    capacity: usize,
    count: usize,
    of: PhantomData<T>,
}

impl<T: Pod> InstanceBuffer<T> {
    pub fn new(device: &wgpu::Device, label: &'static str) -> Self {
        let capacity = 1;
        let buffer = Self::allocate(device, label, capacity);
        Self { label, buffer, capacity, count: 0, of: PhantomData }
    }

    pub fn write(&mut self, gpu: &Gpu, contents: &[T]) {
        if contents.len() > self.capacity {
            self.capacity = contents.len();
            self.buffer = Self::allocate(&gpu.device, self.label, self.capacity);
        }
        self.count = contents.len();
        gpu.queue.write_buffer(&self.buffer, 0, bytemuck::cast_slice(contents));
    }

    pub fn draw(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        pipeline: &wgpu::RenderPipeline,
        vertices: std::ops::Range<u32>,
    ) {
        super::draw(pass, pipeline, &self.buffer, vertices, self.count);
    }

    fn allocate(device: &wgpu::Device, label: &str, capacity: usize) -> wgpu::Buffer {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: (capacity * size_of::<T>()) as u64,
            usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }
}

/// `Solid` of `shaders/view/cast.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct SolidInstance {
    to_body: [[f32; 3]; 3],
    eye: [f32; 3],
    half_size: [f32; 3],
    kind: u32,
    colour: [u8; 4],
}

impl SolidInstance {
    pub const ATTRIBUTES: [wgpu::VertexAttribute; 7] = wgpu::vertex_attr_array![
        0 => Float32x3, 1 => Float32x3, 2 => Float32x3, 3 => Float32x3, 4 => Float32x3,
        5 => Uint32, 6 => Unorm8x4
    ];

    /// The finite primitives among some colliders, relative to the eye.
    pub fn of(solids: &[Solid], view: &View, cell_width: f64) -> Vec<Self> {
        solids
            .iter()
            .filter_map(|solid| {
                let kind = match solid.shape {
                    Shape::HalfSpace | Shape::Mesh(_) | Shape::HeightField(_) => return None,
                    Shape::Sphere { .. } => 0,
                    Shape::Box { .. } => 1,
                    Shape::Capsule { .. } => 2,
                    Shape::Cylinder { .. } => 3,
                };
                let posed = Posed::new(solid, view.anchor, view.eye, cell_width);
                let [r, g, b] = solid.colour;
                Some(Self {
                    to_body: posed.to_body.to_cols_array_2d(),
                    eye: posed.eye.to_array(),
                    half_size: solid.shape.extents().half.0.map(|x| x as f32),
                    kind,
                    colour: [r, g, b, 255],
                })
            })
            .collect()
    }
}

/// `Plane` of `shaders/view/planes.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct PlaneInstance {
    normal: [f32; 3],
    eye_height: f32,
    axis_u: [f32; 3],
    spacing: f32,
    axis_v: [f32; 3],
    opacity: f32,
    eye_uv: [f32; 2],
}

impl PlaneInstance {
    pub const ATTRIBUTES: [wgpu::VertexAttribute; 7] = wgpu::vertex_attr_array![
        0 => Float32x3, 1 => Float32, 2 => Float32x3, 3 => Float32, 4 => Float32x3, 5 => Float32,
        6 => Float32x2
    ];

    /// The half-spaces that face the eye, the farthest first; `bounds` relative to the view's
    /// anchor.
    pub fn of(solids: &[Solid], view: &View, bounds: &Bounds, cell_width: f64) -> Vec<Self> {
        let mut planes: Vec<Plane> = solids
            .iter()
            .filter(|s| !s.is_finite())
            .filter_map(|s| Plane::new(s, view, bounds, cell_width))
            .collect();
        planes.sort_by(|a, b| b.eye_height.total_cmp(&a.eye_height));
        planes
            .into_iter()
            .map(|plane| Self {
                normal: plane.normal.to_array(),
                eye_height: plane.eye_height,
                axis_u: plane.axes[0].to_array(),
                spacing: plane.spacing,
                axis_v: plane.axes[1].to_array(),
                opacity: plane.opacity,
                eye_uv: plane.eye,
            })
            .collect()
    }
}

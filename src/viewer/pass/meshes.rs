//! Solids made of triangles, whose corners are uploaded once.

use crate::gpu::Gpu;
use crate::math::Vec3;
use crate::model::Shape;
use crate::render::{Posed, Solid, View};
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;
use wgpu::util::DeviceExt;

/// One corner of a triangle, of `shaders/view/mesh.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct Corner {
    position: [f32; 3],
    normal: [f32; 3],
}

impl Corner {
    pub const ATTRIBUTES: [wgpu::VertexAttribute; 2] =
        wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32x3];

    fn new(position: Vec3<f64>, normal: Vec3<f64>) -> Self {
        let floats = |v: Vec3<f64>| v.0.map(|x| x as f32);
        Self { position: floats(position), normal: floats(normal) }
    }
}

/// Where a mesh is, relative to the eye.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct MeshInstance {
    to_body: [[f32; 3]; 3],
    eye: [f32; 3],
    colour: [u8; 4],
}

impl MeshInstance {
    pub const ATTRIBUTES: [wgpu::VertexAttribute; 5] = wgpu::vertex_attr_array![
        2 => Float32x3, 3 => Float32x3, 4 => Float32x3, 5 => Float32x3, 6 => Unorm8x4
    ];

    fn new(solid: &Solid, view: &View, cell_width: f64) -> Self {
        let posed = Posed::new(solid, view.anchor, view.eye, cell_width);
        let [r, g, b] = solid.colour;
        let to_body = posed.to_body.to_cols_array_2d();
        Self { to_body, eye: posed.eye.to_array(), colour: [r, g, b, 255] }
    }
}

/// The triangles of the shapes seen so far.
#[derive(Default)]
pub struct Meshes {
    known: Vec<(Shape, wgpu::Buffer, u32)>,
}

/// What is drawn of them in one picture: instances, and of each the number of its shape.
pub struct Drawn {
    instances: wgpu::Buffer,
    shapes: Vec<usize>,
}

impl Meshes {
    /// Uploads shapes that are new, and the place of each mesh.
    pub fn prepare(&mut self, gpu: &Gpu, solids: &[Solid], view: &View, cell_width: f64) -> Drawn {
        let (mut instances, mut shapes) = (Vec::new(), Vec::new());
        let has_triangles = |s: &&Solid| matches!(s.shape, Shape::Mesh(_) | Shape::HeightField(_));
        for solid in solids.iter().filter(has_triangles) {
            instances.push(MeshInstance::new(solid, view, cell_width));
            shapes.push(self.number(gpu, &solid.shape));
        }
        let instances = buffer(gpu, "meshes", bytemuck::cast_slice(&instances));
        Drawn { instances, shapes }
    }

    fn number(&mut self, gpu: &Gpu, shape: &Shape) -> usize {
        if let Some(known) = self.known.iter().position(|(known, ..)| is_same(known, shape)) {
            return known;
        }
        let corners = corners(shape);
        let triangles = buffer(gpu, "triangles", bytemuck::cast_slice(&corners));
        self.known.push((shape.clone(), triangles, corners.len() as u32));
        self.known.len() - 1
    }

    pub fn draw(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        pipeline: &wgpu::RenderPipeline,
        drawn: &Drawn,
    ) {
        if drawn.shapes.is_empty() {
            return;
        }
        pass.set_pipeline(pipeline);
        pass.set_vertex_buffer(1, drawn.instances.slice(..));
        for (instance, &shape) in (0..).zip(&drawn.shapes) {
            let (_, triangles, count) = &self.known[shape];
            pass.set_vertex_buffer(0, triangles.slice(..));
            pass.draw(0..*count, instance..instance + 1);
        }
    }
}

fn is_same(a: &Shape, b: &Shape) -> bool {
    match (a, b) {
        (Shape::Mesh(a), Shape::Mesh(b)) => Arc::ptr_eq(a, b),
        (Shape::HeightField(a), Shape::HeightField(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

/// The corners of a shape's triangles: those of a mesh are flat, ground is smooth.
fn corners(shape: &Shape) -> Vec<Corner> {
    let surface = match shape {
        Shape::Mesh(shape) => &shape.mesh.surface,
        Shape::HeightField(ground) => ground.surface(),
        _ => return Vec::new(),
    };
    let vertices: Vec<Vec3<f64>> = surface.vertices().collect();
    let of_triangle = |corners: &[u32; 3]| {
        let corners = corners.map(|corner| vertices[corner as usize]);
        let [a, b, c] = corners;
        let across = (b - a).cross(c - a);
        let flat = across * across.norm_squared().sqrt().max(f64::MIN_POSITIVE).recip();
        corners.map(|p| match shape {
            Shape::HeightField(ground) => Corner::new(p, ground.at(p).normal),
            _ => Corner::new(p, flat),
        })
    };
    surface.triangles().iter().flat_map(of_triangle).collect()
}

fn buffer(gpu: &Gpu, label: &str, contents: &[u8]) -> wgpu::Buffer {
    gpu.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: Some(label),
        contents,
        usage: wgpu::BufferUsages::VERTEX,
    })
}

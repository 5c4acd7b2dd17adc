//! Draws a frame with wgpu into a texture: what the window shows, minus the window.
//!
//! Order: the sun's depth map (balls, solids, meshes), then background, solids, meshes, balls, planes
//! and lines into four samples per pixel. The depth buffer is reversed (1 near, 0 at infinity), so that near and far
//! need no limits.

mod instances;
mod meshes;
mod pipelines;
mod read;
mod targets;
mod uniforms;

use crate::gpu::Gpu;
use crate::render::{Ball, Bounds, Camera, Line, Solid};
use instances::{InstanceBuffer, PlaneInstance, SolidInstance};
use meshes::Meshes;
use pipelines::Pipelines;
use targets::{Colour, ShadowMap};
use uniforms::SceneUniform;
use wgpu::util::DeviceExt;

/// Pipelines and buffers of the scene, reused from frame to frame.
pub struct ScenePass {
    pipelines: Pipelines,
    shadow: ShadowMap,
    colour: Colour,
    balls: InstanceBuffer<Ball>,
    lines: InstanceBuffer<Line>,
    meshes: Meshes,
    /// Of the largest ball [m].
    radius: f32,
}

impl ScenePass {
    pub fn new(gpu: &Gpu) -> Self {
        Self {
            pipelines: Pipelines::new(&gpu.device),
            shadow: ShadowMap::new(&gpu.device),
            colour: Colour::new(&gpu.device, [1, 1]),
            balls: InstanceBuffer::new(&gpu.device, "balls"),
            lines: InstanceBuffer::new(&gpu.device, "lines"),
            meshes: Meshes::default(),
            radius: 0.0,
        }
    }

    /// Replaces the particles that the next pictures show.
    pub fn upload(&mut self, gpu: &Gpu, balls: &[Ball]) {
        self.balls.write(gpu, balls);
        self.radius = balls.iter().map(|b| b.radius).fold(0.0, f32::max);
    }

    /// Replaces the lines that the next pictures show.
    pub fn mark(&mut self, gpu: &Gpu, lines: &[Line]) {
        self.lines.write(gpu, lines);
    }

    /// Draws the uploaded particles and lines and some colliders; `bounds` are those of the frame they belong
    /// to, the cell width is in metres and the size in pixels.
    pub fn draw(
        &mut self,
        gpu: &Gpu,
        solids: &[Solid],
        cell_width: f64,
        bounds: &Bounds,
        camera: &Camera,
        size: [u32; 2],
    ) {
        let size = size.map(|n| n.clamp(1, gpu.device.limits().max_texture_dimension_2d));
        if self.colour.size() != size {
            self.colour = Colour::new(&gpu.device, size);
        }
        let view = camera.view(f64::from(size[0]) / f64::from(size[1]));
        let here = bounds.seen_from(view.anchor, cell_width);
        let uniform = SceneUniform::new(&view, &here, cell_width, self.radius, size[1]);
        let finite = SolidInstance::of(solids, &view, cell_width);
        let triangles = self.meshes.prepare(gpu, solids, &view, cell_width);
        let planes = PlaneInstance::of(solids, &view, &here, cell_width);

        let buffer = |label, contents: &[u8], usage| {
            gpu.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some(label),
                contents,
                usage,
            })
        };
        let uniform = buffer("scene", bytemuck::bytes_of(&uniform), wgpu::BufferUsages::UNIFORM);
        let vertex = wgpu::BufferUsages::VERTEX;
        let solid_buffer = buffer("solids", bytemuck::cast_slice(&finite), vertex);
        let plane_buffer = buffer("planes", bytemuck::cast_slice(&planes), vertex);

        let groups = self.pipelines.bind(&gpu.device, &uniform, &self.shadow);
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        {
            let mut pass = self.shadow.begin(&mut encoder);
            pass.set_bind_group(0, &groups.shadow, &[]);
            self.balls.draw(&mut pass, &self.pipelines.balls_shadow, 0..4);
            draw(&mut pass, &self.pipelines.solids_shadow, &solid_buffer, 0..36, finite.len());
            self.meshes.draw(&mut pass, &self.pipelines.meshes_shadow, &triangles);
        }
        {
            let mut pass = self.colour.begin(&mut encoder);
            pass.set_bind_group(0, &groups.colour, &[]);
            pass.set_pipeline(&self.pipelines.background);
            pass.draw(0..3, 0..1);
            draw(&mut pass, &self.pipelines.solids, &solid_buffer, 0..36, finite.len());
            self.meshes.draw(&mut pass, &self.pipelines.meshes, &triangles);
            self.balls.draw(&mut pass, &self.pipelines.balls, 0..4);
            draw(&mut pass, &self.pipelines.planes, &plane_buffer, 0..3, planes.len());
            self.lines.draw(&mut pass, &self.pipelines.lines_through, 0..4);
            self.lines.draw(&mut pass, &self.pipelines.lines, 0..4);
        }
        gpu.queue.submit([encoder.finish()]);
    }

    /// The picture, sRGB; another texture after each change of size.
    pub fn texture(&self) -> &wgpu::Texture {
        self.colour.picture()
    }
}

fn draw(
    pass: &mut wgpu::RenderPass<'_>,
    pipeline: &wgpu::RenderPipeline,
    instances: &wgpu::Buffer,
    vertices: std::ops::Range<u32>,
    count: usize,
) {
    if count > 0 {
        pass.set_pipeline(pipeline);
        pass.set_vertex_buffer(0, instances.slice(..));
        pass.draw(vertices, 0..count as u32);
    }
}

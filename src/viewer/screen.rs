//! The window's surface and egui's renderer, on one device with everything else.

use super::ViewerError;
use crate::gpu::{Gpu, block_on};
use egui_wgpu::{Renderer, RendererOptions, ScreenDescriptor};
use std::sync::Arc;
use wgpu::CurrentSurfaceTexture;
use winit::event_loop::ActiveEventLoop;
use winit::window::Window;

pub struct Screen {
    window: Arc<Window>,
    gpu: Gpu,
    surface: wgpu::Surface<'static>,
    configuration: wgpu::SurfaceConfiguration,
    renderer: Renderer,
}

impl Screen {
    /// Opens a device that can draw into the window.
    pub fn new(event_loop: &ActiveEventLoop, window: Arc<Window>) -> Result<Self, ViewerError> {
        let failed = |cause: String| ViewerError::Window(cause);
        let display = Box::new(event_loop.owned_display_handle());
        let instance =
            Gpu::instance_from(wgpu::InstanceDescriptor::new_with_display_handle(display));
        let surface =
            instance.create_surface(Arc::clone(&window)).map_err(|e| failed(e.to_string()))?;
        let adapter = block_on(instance.request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            compatible_surface: Some(&surface),
            ..Default::default()
        }))
        .map_err(|e| {
            failed(format!(
                "no graphics adapter can draw into it ({e}); install a Vulkan driver (in software: \
                 mesa-vulkan-drivers and libvulkan1), or use `softscape render`, which needs none"
            ))
        })?;
        let gpu = Gpu::open(instance, adapter)?;

        let size = window.inner_size();
        let mut configuration = surface
            .get_default_config(&gpu.adapter, size.width.max(1), size.height.max(1))
            .ok_or_else(|| failed("the adapter cannot draw into it".into()))?;
        // egui mixes colours in gamma space and wants a format that does not convert them.
        let formats = surface.get_capabilities(&gpu.adapter).formats;
        if let Some(plain) = formats.iter().find(|f| !f.is_srgb()) {
            configuration.format = *plain;
        }
        configuration.present_mode = wgpu::PresentMode::AutoVsync;
        surface.configure(&gpu.device, &configuration);
        let renderer = Renderer::new(&gpu.device, configuration.format, RendererOptions::default());
        Ok(Self { window, gpu, surface, configuration, renderer })
    }

    pub fn window(&self) -> &Window {
        &self.window
    }
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Follows the window; a minimised one has no size and keeps the old surface.
    pub fn resize(&mut self, [width, height]: [u32; 2]) {
        if width > 0 && height > 0 {
            self.configuration.width = width;
            self.configuration.height = height;
            self.surface.configure(&self.gpu.device, &self.configuration);
            self.window.request_redraw();
        }
    }

    /// Shows a texture as an egui image; `previous` is given up.
    pub fn register(
        &mut self,
        texture: &wgpu::Texture,
        previous: Option<egui::TextureId>,
    ) -> egui::TextureId {
        // egui takes the bytes as they are, in gamma space.
        let view = texture.create_view(&wgpu::TextureViewDescriptor {
            format: Some(texture.format().remove_srgb_suffix()),
            ..Default::default()
        });
        let filter = wgpu::FilterMode::Linear;
        match previous {
            Some(id) => {
                self.renderer.update_egui_texture_from_wgpu_texture(
                    &self.gpu.device,
                    &view,
                    filter,
                    id,
                );
                id
            }
            None => self.renderer.register_native_texture(&self.gpu.device, &view, filter),
        }
    }

    /// Draws egui's shapes and shows them. A surface that is out of date or lost is made anew and
    /// drawn to the next time.
    pub fn present(
        &mut self,
        textures: &egui::TexturesDelta,
        shapes: &[egui::ClippedPrimitive],
        pixels_per_point: f32,
    ) -> Result<(), ViewerError> {
        for (id, deltas) in &textures.set {
            for delta in deltas {
                self.renderer.update_texture(&self.gpu.device, &self.gpu.queue, *id, delta);
            }
        }
        if let Some(frame) = self.acquire()? {
            let screen = ScreenDescriptor {
                size_in_pixels: [self.configuration.width, self.configuration.height],
                pixels_per_point,
            };
            let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
            let (device, queue) = (&self.gpu.device, &self.gpu.queue);
            let mut commands =
                self.renderer.update_buffers(device, queue, &mut encoder, shapes, &screen);
            let view = frame.texture.create_view(&Default::default());
            let pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("window"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(wgpu::Color::WHITE),
                        store: wgpu::StoreOp::Store,
                    },
                })],
                ..Default::default()
            });
            self.renderer.render(&mut pass.forget_lifetime(), shapes, &screen);
            commands.push(encoder.finish());
            queue.submit(commands);
            self.window.pre_present_notify();
            queue.present(frame);
        }
        for id in &textures.free {
            self.renderer.free_texture(id);
        }
        Ok(())
    }

    /// The next texture to draw to, if there is one now.
    fn acquire(&mut self) -> Result<Option<wgpu::SurfaceTexture>, ViewerError> {
        match self.surface.get_current_texture() {
            CurrentSurfaceTexture::Success(frame) | CurrentSurfaceTexture::Suboptimal(frame) => {
                return Ok(Some(frame));
            }
            // Nothing to see; the system asks again when there is.
            CurrentSurfaceTexture::Occluded => return Ok(None),
            CurrentSurfaceTexture::Timeout => {}
            CurrentSurfaceTexture::Outdated | CurrentSurfaceTexture::Validation => {
                self.gpu.check()?;
                self.surface.configure(&self.gpu.device, &self.configuration);
            }
            CurrentSurfaceTexture::Lost => {
                self.gpu.check()?;
                self.surface = self
                    .gpu
                    .instance
                    .create_surface(Arc::clone(&self.window))
                    .map_err(|e| ViewerError::Window(e.to_string()))?;
                self.surface.configure(&self.gpu.device, &self.configuration);
            }
        }
        self.window.request_redraw();
        Ok(None)
    }
}

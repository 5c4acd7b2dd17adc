//! What is drawn into: the sun's depth map, and the picture with its samples.

/// Texels of the shadow map along each side.
pub const SHADOW_SIZE: u32 = 1024;
pub const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;
pub const COLOUR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;
/// Samples per pixel.
pub const SAMPLES: u32 = 4;

/// Depth as the sun sees it.
pub struct ShadowMap {
    pub view: wgpu::TextureView,
    pub sampler: wgpu::Sampler,
}

impl ShadowMap {
    pub fn new(device: &wgpu::Device) -> Self {
        let usage = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING;
        let texture = texture(device, "shadow", [SHADOW_SIZE; 2], DEPTH, 1, usage);
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("shadow"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            // Open where the point is at least as near the sun as what was drawn.
            compare: Some(wgpu::CompareFunction::GreaterEqual),
            ..Default::default()
        });
        Self { view: texture.create_view(&Default::default()), sampler }
    }

    pub fn begin<'e>(&self, encoder: &'e mut wgpu::CommandEncoder) -> wgpu::RenderPass<'e> {
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("shadow"),
            depth_stencil_attachment: Some(cleared_depth(&self.view)),
            ..Default::default()
        })
    }
}

/// The picture: samples, their depths, and the texture they are averaged into.
pub struct Colour {
    samples: wgpu::TextureView,
    depth: wgpu::TextureView,
    picture: wgpu::Texture,
}

impl Colour {
    pub fn new(device: &wgpu::Device, size: [u32; 2]) -> Self {
        let attachment = wgpu::TextureUsages::RENDER_ATTACHMENT;
        let shown = wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_SRC;
        let samples = texture(device, "samples", size, COLOUR, SAMPLES, attachment);
        let depth = texture(device, "depth", size, DEPTH, SAMPLES, attachment);
        Self {
            samples: samples.create_view(&Default::default()),
            depth: depth.create_view(&Default::default()),
            picture: texture(device, "picture", size, COLOUR, 1, attachment | shown),
        }
    }

    pub fn size(&self) -> [u32; 2] {
        [self.picture.width(), self.picture.height()]
    }

    pub fn picture(&self) -> &wgpu::Texture {
        &self.picture
    }

    pub fn begin<'e>(&self, encoder: &'e mut wgpu::CommandEncoder) -> wgpu::RenderPass<'e> {
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("picture"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.samples,
                depth_slice: None,
                resolve_target: Some(&self.picture.create_view(&Default::default())),
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Discard,
                },
            })],
            depth_stencil_attachment: Some(cleared_depth(&self.depth)),
            ..Default::default()
        })
    }
}

/// Nothing drawn yet: everything is at infinity, where a reversed depth is 0.
fn cleared_depth(view: &wgpu::TextureView) -> wgpu::RenderPassDepthStencilAttachment<'_> {
    wgpu::RenderPassDepthStencilAttachment {
        view,
        depth_ops: Some(wgpu::Operations {
            load: wgpu::LoadOp::Clear(0.0),
            store: wgpu::StoreOp::Store,
        }),
        stencil_ops: None,
    }
}

fn texture(
    device: &wgpu::Device,
    label: &str,
    [width, height]: [u32; 2],
    format: wgpu::TextureFormat,
    sample_count: u32,
    usage: wgpu::TextureUsages,
) -> wgpu::Texture {
    let bytes = [COLOUR.remove_srgb_suffix()];
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats: if format == COLOUR { &bytes } else { &[] },
    })
}

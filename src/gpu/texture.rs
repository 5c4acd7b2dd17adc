//! Floats that kernels read as a texture: no storage buffer, of which a stage has only eight.

use super::{Gpu, GpuError, block_on};

/// A list of floats, folded into rows; element n is texel `(n % ROW, n / ROW)`. Cloning shares it.
#[derive(Clone, Debug)]
pub struct FloatTexture {
    label: String,
    bytes: u64,
    pub(super) view: wgpu::TextureView,
}

impl FloatTexture {
    /// Texels of a row.
    pub const ROW: usize = 4096;

    /// How many floats a texture of this device takes.
    pub fn capacity(gpu: &Gpu) -> usize {
        Self::ROW * gpu.device.limits().max_texture_dimension_2d as usize
    }

    /// A texture with contents; an empty one has a single zero.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`], [`GpuError::OutOfMemory`].
    pub fn from_slice(gpu: &Gpu, label: &str, contents: &[f32]) -> Result<Self, GpuError> {
        let floats = contents.len().max(1);
        let (width, height) = (floats.min(Self::ROW), floats.div_ceil(Self::ROW));
        let (bytes, capacity) = (4 * (width * height) as u64, Self::capacity(gpu));
        if floats > capacity {
            let (bytes, allowed) = (4 * floats as u64, 4 * capacity as u64);
            return Err(GpuError::TooLarge { buffer: label.to_string(), bytes, allowed });
        }
        let size =
            wgpu::Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: 1 };
        let memory = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some(label),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::R32Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        if let Some(error) = block_on(memory.pop()) {
            let cause = error.to_string();
            return Err(GpuError::OutOfMemory { buffer: label.to_string(), bytes, cause });
        }
        let mut padded = contents.to_vec();
        padded.resize(width * height, 0.0);
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(4 * width as u32),
            rows_per_image: None,
        };
        let texels = bytemuck::cast_slice(&padded);
        gpu.queue.write_texture(texture.as_image_copy(), texels, layout, size);
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        Ok(Self { label: label.to_string(), bytes, view })
    }

    pub fn label(&self) -> &str {
        &self.label
    }
    /// Memory held [bytes].
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

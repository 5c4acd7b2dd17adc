//! The drawn picture, back in the host's memory.

use super::ScenePass;
use crate::gpu::{Gpu, GpuError};
use image::RgbaImage;

impl ScenePass {
    /// Copies the picture from the device. Waits for it: a window never does this.
    ///
    /// # Errors
    /// If the device failed or was lost.
    pub fn read(&self, gpu: &Gpu) -> Result<RgbaImage, GpuError> {
        let texture = self.texture();
        let (width, height) = (texture.width(), texture.height());
        let row = (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("picture"),
            size: u64::from(row) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        encoder.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(row),
                    rows_per_image: None,
                },
            },
            texture.size(),
        );
        gpu.queue.submit([encoder.finish()]);
        // A failed mapping shows below, as a range that is not mapped.
        buffer.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        gpu.wait()?;
        let mapped = buffer
            .slice(..)
            .get_mapped_range()
            .map_err(|error| GpuError::Device(error.to_string()))?;
        let pixels =
            mapped.chunks_exact(row as usize).flat_map(|r| &r[..width as usize * 4]).copied();
        Ok(RgbaImage::from_raw(width, height, pixels.collect())
            .expect("the buffer has four bytes per pixel"))
    }
}

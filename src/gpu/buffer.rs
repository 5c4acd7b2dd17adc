//! Typed buffers, and the names under which kernels find them.

use super::{FloatTexture, Gpu, GpuError, block_on};
use bytemuck::Pod;
use std::marker::PhantomData;

/// An array of `T` on a device, zero when made; cloning shares it.
#[derive(Clone, Debug)]
pub struct Buffer<T> {
    label: String,
    len: usize,
    raw: wgpu::Buffer,
    element: PhantomData<T>,
}

impl<T: Pod> Buffer<T> {
    /// A storage buffer that can be copied from and to.
    pub fn new(gpu: &Gpu, label: &str, len: usize) -> Result<Self, GpuError> {
        Self::with_usage(gpu, label, len, wgpu::BufferUsages::STORAGE)
    }

    /// A buffer of other usage; copying from and to it is always allowed.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`], [`GpuError::OutOfMemory`].
    pub fn with_usage(
        gpu: &Gpu,
        label: &str,
        len: usize,
        usage: wgpu::BufferUsages,
    ) -> Result<Self, GpuError> {
        let usage = usage | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let raw = allocate(gpu, label, (len.max(1) * size_of::<T>()) as u64, usage)?;
        Ok(Self { label: label.to_string(), len, raw, element: PhantomData })
    }

    /// A storage buffer with contents.
    pub fn from_slice(gpu: &Gpu, label: &str, contents: &[T]) -> Result<Self, GpuError> {
        let buffer = Self::new(gpu, label, contents.len())?;
        buffer.write(gpu, 0, contents);
        Ok(buffer)
    }

    /// Overwrites elements from `first` on, before the next submission.
    pub fn write(&self, gpu: &Gpu, first: usize, contents: &[T]) {
        let bytes = bytemuck::cast_slice(contents);
        // One staging allocation per call: pieces keep it small for large arrays.
        const PIECE: usize = 32 << 20;
        let start = (first * size_of::<T>()) as u64;
        for (index, piece) in bytes.chunks(PIECE).enumerate() {
            gpu.queue.write_buffer(&self.raw, start + (index * PIECE) as u64, piece);
        }
    }

    /// The contents. Waits for everything submitted.
    pub fn read(&self, gpu: &Gpu) -> Result<Vec<T>, GpuError> {
        self.read_range(gpu, 0, self.len)
    }

    /// Elements `first .. first + len`. Waits for everything submitted.
    pub fn read_range(&self, gpu: &Gpu, first: usize, len: usize) -> Result<Vec<T>, GpuError> {
        if len == 0 {
            return Ok(Vec::new());
        }
        let bytes = (len * size_of::<T>()) as u64;
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = allocate(gpu, "staging", bytes, usage)?;
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let start = (first * size_of::<T>()) as u64;
        encoder.copy_buffer_to_buffer(&self.raw, start, &staging, 0, bytes);
        gpu.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |_| ());
        gpu.wait()?;
        let view = staging.get_mapped_range(..).map_err(|e| GpuError::Device(e.to_string()))?;
        // The mapped bytes need not be aligned for T: copy, do not cast.
        let mut contents = vec![T::zeroed(); len];
        bytemuck::cast_slice_mut(&mut contents).copy_from_slice(&view);
        Ok(contents)
    }

    pub fn label(&self) -> &str {
        &self.label
    }
    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Memory held [bytes].
    pub fn bytes(&self) -> u64 {
        self.raw.size()
    }
    pub fn raw(&self) -> &wgpu::Buffer {
        &self.raw
    }
}

fn allocate(
    gpu: &Gpu,
    label: &str,
    bytes: u64,
    usage: wgpu::BufferUsages,
) -> Result<wgpu::Buffer, GpuError> {
    let limits = gpu.device.limits();
    let bound = usage.contains(wgpu::BufferUsages::STORAGE);
    let allowed = match bound {
        true => limits.max_buffer_size.min(limits.max_storage_buffer_binding_size),
        false => limits.max_buffer_size,
    };
    if bytes > allowed {
        return Err(GpuError::TooLarge { buffer: label.to_string(), bytes, allowed });
    }
    let memory = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let raw = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: bytes.next_multiple_of(4),
        usage,
        mapped_at_creation: false,
    });
    match block_on(memory.pop()) {
        None => Ok(raw),
        Some(error) => Err(GpuError::OutOfMemory {
            buffer: label.to_string(),
            bytes,
            cause: error.to_string(),
        }),
    }
}

/// A buffer, or a window of it, offered under a name.
#[derive(Clone)]
pub(super) struct Offer {
    pub name: String,
    pub buffer_label: String,
    pub element_bytes: u64,
    pub window_bytes: u64,
    pub raw: wgpu::Buffer,
    pub is_window: bool,
}

/// Buffers and textures by the names that the shaders use.
#[derive(Clone, Default)]
pub struct Resources {
    pub(super) offers: Vec<Offer>,
    textures: Vec<(String, FloatTexture)>,
}

impl Resources {
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers a whole buffer; a later offer of the same name replaces an earlier one.
    pub fn with<T: Pod>(self, name: &str, buffer: &Buffer<T>) -> Self {
        self.offer(name, buffer, buffer.bytes(), false)
    }

    /// Offers one `T` at a time of a uniform buffer: a kernel binds it as dynamic, and each
    /// dispatch chooses the element (`T` is a multiple of 256 bytes).
    pub fn with_element<T: Pod>(self, name: &str, buffer: &Buffer<T>) -> Self {
        self.offer(name, buffer, size_of::<T>() as u64, true)
    }

    fn offer<T: Pod>(
        mut self,
        name: &str,
        buffer: &Buffer<T>,
        window_bytes: u64,
        is_window: bool,
    ) -> Self {
        self.offers.retain(|offer| offer.name != name);
        self.offers.push(Offer {
            name: name.to_string(),
            buffer_label: buffer.label.clone(),
            element_bytes: size_of::<T>() as u64,
            window_bytes,
            raw: buffer.raw.clone(),
            is_window,
        });
        self
    }

    /// Offers a texture, as [`Self::with`] does a buffer.
    pub fn with_texture(mut self, name: &str, texture: &FloatTexture) -> Self {
        self.textures.retain(|(known, _)| known != name);
        self.textures.push((name.to_string(), texture.clone()));
        self
    }

    pub(super) fn texture(&self, name: &str) -> Option<&FloatTexture> {
        self.textures.iter().find(|(known, _)| known == name).map(|(_, texture)| texture)
    }

    pub(super) fn find(&self, name: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.name == name)
    }

    pub(super) fn names(&self) -> String {
        let textures = self.textures.iter().map(|(name, _)| name.as_str());
        let buffers = self.offers.iter().map(|offer| offer.name.as_str());
        let names: Vec<_> = buffers.chain(textures).collect();
        if names.is_empty() { "none".into() } else { names.join(", ") }
    }
}

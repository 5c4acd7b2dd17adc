//! One compute pipeline, with buffers bound by name.

use super::{Access, Binding, Gpu, GpuError, Resources, ShaderSource, block_on};

/// How a kernel is specialised.
#[derive(Clone, Copy, Debug, Default)]
pub struct KernelOptions<'a> {
    /// Values of pipeline-overridable constants.
    pub overrides: &'a [(&'a str, f64)],
    /// Uniforms of which each dispatch chooses one element.
    pub dynamic: &'a [&'a str],
}

/// A compute pipeline and what it needs.
#[derive(Debug)]
pub struct Kernel {
    pub name: String,
    pub bindings: Vec<Binding>,
    pub workgroup_size: [u32; 3],
    pub(super) pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    /// Names of the dynamic uniforms, by binding number: the order of the offsets of a dispatch.
    dynamic: Vec<String>,
}

/// A kernel's buffers, ready for dispatch.
#[derive(Clone, Debug)]
pub struct Bound {
    pub(super) group: wgpu::BindGroup,
    /// Bytes of one element of each dynamic uniform.
    pub(super) strides: Vec<u32>,
}

impl Kernel {
    /// Compiles entry point `entry`. Overrides that the shader does not declare are ignored, so
    /// that one list of overrides serves all kernels of a program.
    ///
    /// # Errors
    /// [`GpuError::Shader`], [`GpuError::NoEntryPoint`], [`GpuError::TooManyBuffers`].
    pub fn new(
        gpu: &Gpu,
        source: &ShaderSource,
        entry: &str,
        options: &KernelOptions,
    ) -> Result<Self, GpuError> {
        let shader = source.check()?;
        let bindings = shader.bindings(entry)?;
        let name = source.name.to_string();
        let storage = bindings.iter().filter(|b| b.access.is_storage()).count();
        let allowed = gpu.device.limits().max_storage_buffers_per_shader_stage;
        if storage > allowed as usize {
            return Err(GpuError::TooManyBuffers { kernel: name, stage_buffers: storage, allowed });
        }
        let is_dynamic = |b: &Binding| options.dynamic.contains(&b.name.as_str());
        let dynamic = bindings.iter().filter(|b| is_dynamic(b)).map(|b| b.name.clone()).collect();
        let entries: Vec<_> = bindings.iter().map(|b| layout_entry(b, is_dynamic(b))).collect();

        let declared = shader.overrides();
        let constants: Vec<(&str, f64)> = options
            .overrides
            .iter()
            .filter(|o| declared.iter().any(|d| d == o.0))
            .copied()
            .collect();
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let layout = gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&name),
            entries: &entries,
        });
        let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&name),
            bind_group_layouts: &[Some(&layout)],
            ..Default::default()
        });
        let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&name),
            source: wgpu::ShaderSource::Wgsl(source.compose().into()),
        });
        let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                ..Default::default()
            },
            cache: None,
        });
        if let Some(error) = block_on(scope.pop()) {
            let place = "while the device compiled it".to_string();
            return Err(GpuError::Shader { shader: name, place, message: error.to_string() });
        }
        let workgroup_size = shader.workgroup_size(entry)?;
        Ok(Self { name, bindings, workgroup_size, pipeline, layout, dynamic })
    }

    /// Finds each buffer of the kernel by name.
    ///
    /// # Errors
    /// [`GpuError::MissingBuffer`], [`GpuError::ElementSize`], [`GpuError::TooSmall`],
    /// [`GpuError::Usage`]: each names the kernel's side and the buffer's side.
    pub fn bind(&self, gpu: &Gpu, resources: &Resources) -> Result<Bound, GpuError> {
        let mut entries = Vec::with_capacity(self.bindings.len());
        let mut strides = Vec::new();
        for binding in &self.bindings {
            if binding.access == Access::Texture {
                let view = resources.texture(&binding.name).map(|texture| &texture.view);
                let view = view.ok_or_else(|| GpuError::MissingBuffer {
                    kernel: self.name.clone(),
                    binding: binding.name.clone(),
                    offered: resources.names(),
                })?;
                entries.push(wgpu::BindGroupEntry {
                    binding: binding.binding,
                    resource: wgpu::BindingResource::TextureView(view),
                });
                continue;
            }
            let offer = resources.find(&binding.name).ok_or_else(|| GpuError::MissingBuffer {
                kernel: self.name.clone(),
                binding: binding.name.clone(),
                offered: resources.names(),
            })?;
            if binding.runtime_sized && binding.element_bytes != offer.element_bytes {
                return Err(GpuError::ElementSize {
                    kernel: self.name.clone(),
                    binding: binding.name.clone(),
                    buffer: offer.buffer_label.clone(),
                    expected: binding.element_bytes,
                    found: offer.element_bytes,
                });
            }
            if offer.window_bytes < binding.element_bytes {
                return Err(GpuError::TooSmall {
                    kernel: self.name.clone(),
                    binding: binding.name.clone(),
                    buffer: offer.buffer_label.clone(),
                    expected: binding.element_bytes,
                    found: offer.window_bytes,
                });
            }
            let (usage, needed) = match binding.access {
                Access::Uniform => (wgpu::BufferUsages::UNIFORM, "a uniform"),
                _ => (wgpu::BufferUsages::STORAGE, "storage"),
            };
            if !offer.raw.usage().contains(usage) {
                return Err(GpuError::Usage {
                    kernel: self.name.clone(),
                    binding: binding.name.clone(),
                    buffer: offer.buffer_label.clone(),
                    needed,
                });
            }
            if self.dynamic.contains(&binding.name) {
                strides.push(if offer.is_window { offer.window_bytes as u32 } else { 0 });
            }
            entries.push(wgpu::BindGroupEntry {
                binding: binding.binding,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &offer.raw,
                    offset: 0,
                    size: std::num::NonZeroU64::new(offer.window_bytes),
                }),
            });
        }
        let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&self.name),
            layout: &self.layout,
            entries: &entries,
        });
        Ok(Bound { group, strides })
    }

    /// Names of the dynamic uniforms, in the order of a dispatch's element numbers.
    pub fn dynamic(&self) -> &[String] {
        &self.dynamic
    }
}

fn layout_entry(binding: &Binding, has_dynamic_offset: bool) -> wgpu::BindGroupLayoutEntry {
    let buffer = |ty| wgpu::BindingType::Buffer {
        ty,
        has_dynamic_offset,
        min_binding_size: std::num::NonZeroU64::new(binding.element_bytes),
    };
    let ty = match binding.access {
        Access::Uniform => buffer(wgpu::BufferBindingType::Uniform),
        Access::Read => buffer(wgpu::BufferBindingType::Storage { read_only: true }),
        Access::ReadWrite => buffer(wgpu::BufferBindingType::Storage { read_only: false }),
        Access::Texture => wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: false },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        },
    };
    wgpu::BindGroupLayoutEntry {
        binding: binding.binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty,
        count: None,
    }
}

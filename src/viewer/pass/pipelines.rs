//! The render pipelines, one per kind of thing and target, and their one bind group.

use super::instances::{PlaneInstance, SolidInstance};
use super::meshes::{Corner, MeshInstance};
use super::targets::{COLOUR, DEPTH, SAMPLES, ShadowMap};
use crate::render::{Ball, Line};

const SCENE: &str = include_str!("../../../shaders/view/scene.wgsl");
const LIGHT: &str = include_str!("../../../shaders/view/light.wgsl");
const CAST: &str = include_str!("../../../shaders/view/cast.wgsl");
const BACKGROUND: &str = include_str!("../../../shaders/view/background.wgsl");
const BALLS: &str = include_str!("../../../shaders/view/balls.wgsl");
const BALLS_SHADOW: &str = include_str!("../../../shaders/view/balls_shadow.wgsl");
const SOLIDS: &str = include_str!("../../../shaders/view/solids.wgsl");
const SOLIDS_SHADOW: &str = include_str!("../../../shaders/view/solids_shadow.wgsl");
const MESH: &str = include_str!("../../../shaders/view/mesh.wgsl");
const MESHES: &str = include_str!("../../../shaders/view/meshes.wgsl");
const MESHES_SHADOW: &str = include_str!("../../../shaders/view/meshes_shadow.wgsl");
const LINES: &str = include_str!("../../../shaders/view/lines.wgsl");
const PLANES: &str = include_str!("../../../shaders/view/planes.wgsl");

const BALL_ATTRIBUTES: [wgpu::VertexAttribute; 4] =
    wgpu::vertex_attr_array![0 => Sint32x3, 1 => Float32, 2 => Float32x3, 3 => Unorm8x4];

const LINE_ATTRIBUTES: [wgpu::VertexAttribute; 5] = wgpu::vertex_attr_array![
    0 => Sint32x3, 1 => Float32x3, 2 => Sint32x3, 3 => Float32x3, 4 => Unorm8x4
];

pub struct Pipelines {
    pub background: wgpu::RenderPipeline,
    pub balls: wgpu::RenderPipeline,
    pub solids: wgpu::RenderPipeline,
    pub meshes: wgpu::RenderPipeline,
    pub planes: wgpu::RenderPipeline,
    pub lines: wgpu::RenderPipeline,
    pub lines_through: wgpu::RenderPipeline,
    pub balls_shadow: wgpu::RenderPipeline,
    pub solids_shadow: wgpu::RenderPipeline,
    pub meshes_shadow: wgpu::RenderPipeline,
    colour_layout: wgpu::BindGroupLayout,
    shadow_layout: wgpu::BindGroupLayout,
}

/// Bind group 0 of either pass; the shadow pass cannot read the map it draws.
pub struct Groups {
    pub colour: wgpu::BindGroup,
    pub shadow: wgpu::BindGroup,
}

/// What distinguishes one pipeline from another.
struct Recipe<'a> {
    name: &'a str,
    sources: &'a [&'a str],
    /// Bytes and contents of a vertex, where the shader does not make them up.
    vertex: Option<(usize, &'a [wgpu::VertexAttribute])>,
    /// The same of an instance.
    instance: Option<(usize, &'a [wgpu::VertexAttribute])>,
    topology: wgpu::PrimitiveTopology,
    cull: Option<wgpu::Face>,
    target: Target,
}

#[derive(PartialEq)]
enum Target {
    Shadow,
    /// Behind everything; writes no depth.
    Background,
    Opaque,
    /// Alpha says how many of the pixel's samples are covered.
    Covered,
    /// Laid over what is there.
    Blended,
    /// The same without a place of its own: where it is in front, and where it is hidden.
    Marked,
    Hidden,
}

impl Pipelines {
    pub fn new(device: &wgpu::Device) -> Self {
        let colour_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("picture"),
            entries: &[UNIFORM, SHADOW_TEXTURE, SHADOW_SAMPLER],
        });
        let shadow_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("shadow"),
            entries: &[UNIFORM],
        });
        let make = |recipe: Recipe| {
            let layout = match recipe.target {
                Target::Shadow => &shadow_layout,
                _ => &colour_layout,
            };
            recipe.pipeline(device, layout)
        };
        let ball = Some((size_of::<Ball>(), &BALL_ATTRIBUTES[..]));
        let solid = Some((size_of::<SolidInstance>(), &SolidInstance::ATTRIBUTES[..]));
        let plane = Some((size_of::<PlaneInstance>(), &PlaneInstance::ATTRIBUTES[..]));
        let corner = Some((size_of::<Corner>(), &Corner::ATTRIBUTES[..]));
        let mesh = Some((size_of::<MeshInstance>(), &MeshInstance::ATTRIBUTES[..]));
        let line = Some((size_of::<Line>(), &LINE_ATTRIBUTES[..]));
        let strip = wgpu::PrimitiveTopology::TriangleStrip;
        let list = wgpu::PrimitiveTopology::TriangleList;
        Self {
            background: make(Recipe {
                name: "background",
                sources: &[SCENE, BACKGROUND],
                vertex: None,
                instance: None,
                topology: list,
                cull: None,
                target: Target::Background,
            }),
            balls: make(Recipe {
                name: "ball",
                sources: &[SCENE, LIGHT, BALLS],
                vertex: None,
                instance: ball,
                topology: strip,
                cull: None,
                target: Target::Covered,
            }),
            solids: make(Recipe {
                name: "solid",
                sources: &[SCENE, LIGHT, CAST, SOLIDS],
                vertex: None,
                instance: solid,
                topology: list,
                cull: Some(wgpu::Face::Front),
                target: Target::Opaque,
            }),
            meshes: make(Recipe {
                name: "mesh",
                sources: &[SCENE, LIGHT, MESH, MESHES],
                vertex: corner,
                instance: mesh,
                topology: list,
                cull: Some(wgpu::Face::Back),
                target: Target::Opaque,
            }),
            planes: make(Recipe {
                name: "plane",
                sources: &[SCENE, LIGHT, PLANES],
                vertex: None,
                instance: plane,
                topology: list,
                cull: None,
                target: Target::Blended,
            }),
            lines: make(Recipe {
                name: "line",
                sources: &[SCENE, LINES],
                vertex: None,
                instance: line,
                topology: strip,
                cull: None,
                target: Target::Marked,
            }),
            lines_through: make(Recipe {
                name: "line_through",
                sources: &[SCENE, LINES],
                vertex: None,
                instance: line,
                topology: strip,
                cull: None,
                target: Target::Hidden,
            }),
            balls_shadow: make(Recipe {
                name: "ball_shadow",
                sources: &[SCENE, BALLS_SHADOW],
                vertex: None,
                instance: ball,
                topology: strip,
                cull: None,
                target: Target::Shadow,
            }),
            solids_shadow: make(Recipe {
                name: "solid_shadow",
                sources: &[SCENE, CAST, SOLIDS_SHADOW],
                vertex: None,
                instance: solid,
                topology: list,
                cull: Some(wgpu::Face::Front),
                target: Target::Shadow,
            }),
            meshes_shadow: make(Recipe {
                name: "mesh_shadow",
                sources: &[SCENE, MESH, MESHES_SHADOW],
                vertex: corner,
                instance: mesh,
                topology: list,
                cull: Some(wgpu::Face::Back),
                target: Target::Shadow,
            }),
            colour_layout,
            shadow_layout,
        }
    }

    pub fn bind(&self, device: &wgpu::Device, scene: &wgpu::Buffer, map: &ShadowMap) -> Groups {
        let scene = wgpu::BindGroupEntry { binding: 0, resource: scene.as_entire_binding() };
        let shadow = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("shadow"),
            layout: &self.shadow_layout,
            entries: std::slice::from_ref(&scene),
        });
        let colour = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("picture"),
            layout: &self.colour_layout,
            entries: &[
                scene,
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: wgpu::BindingResource::TextureView(&map.view),
                },
                wgpu::BindGroupEntry {
                    binding: 2,
                    resource: wgpu::BindingResource::Sampler(&map.sampler),
                },
            ],
        });
        Groups { colour, shadow }
    }
}

const UNIFORM: wgpu::BindGroupLayoutEntry = wgpu::BindGroupLayoutEntry {
    binding: 0,
    visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
    ty: wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: None,
    },
    count: None,
};
const SHADOW_TEXTURE: wgpu::BindGroupLayoutEntry = wgpu::BindGroupLayoutEntry {
    binding: 1,
    visibility: wgpu::ShaderStages::FRAGMENT,
    ty: wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Depth,
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    },
    count: None,
};
const SHADOW_SAMPLER: wgpu::BindGroupLayoutEntry = wgpu::BindGroupLayoutEntry {
    binding: 2,
    visibility: wgpu::ShaderStages::FRAGMENT,
    ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Comparison),
    count: None,
};

impl Recipe<'_> {
    fn pipeline(
        &self,
        device: &wgpu::Device,
        layout: &wgpu::BindGroupLayout,
    ) -> wgpu::RenderPipeline {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(self.name),
            source: wgpu::ShaderSource::Wgsl(self.sources.concat().into()),
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(self.name),
            bind_group_layouts: &[Some(layout)],
            ..Default::default()
        });
        let steps = [
            (self.vertex, wgpu::VertexStepMode::Vertex),
            (self.instance, wgpu::VertexStepMode::Instance),
        ];
        let buffers: Vec<_> = steps
            .into_iter()
            .filter_map(|(contents, step_mode)| {
                let (stride, attributes) = contents?;
                let array_stride = stride as u64;
                Some(Some(wgpu::VertexBufferLayout { array_stride, step_mode, attributes }))
            })
            .collect();
        let targets = [Some(wgpu::ColorTargetState {
            format: COLOUR,
            blend: matches!(self.target, Target::Blended | Target::Marked | Target::Hidden)
                .then_some(wgpu::BlendState::ALPHA_BLENDING),
            // Alpha is coverage or opacity; the picture itself stays opaque.
            write_mask: wgpu::ColorWrites::COLOR,
        })];
        let shadow = self.target == Target::Shadow;
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(self.name),
            layout: Some(&layout),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some(&format!("{}_corner", self.name)),
                compilation_options: Default::default(),
                buffers: &buffers,
            },
            primitive: wgpu::PrimitiveState {
                topology: self.topology,
                cull_mode: self.cull,
                ..Default::default()
            },
            depth_stencil: Some(wgpu::DepthStencilState {
                format: DEPTH,
                depth_write_enabled: Some(!matches!(
                    self.target,
                    Target::Background | Target::Marked | Target::Hidden
                )),
                depth_compare: Some(match self.target {
                    Target::Background => wgpu::CompareFunction::Always,
                    Target::Hidden => wgpu::CompareFunction::LessEqual,
                    _ => wgpu::CompareFunction::Greater,
                }),
                stencil: Default::default(),
                bias: Default::default(),
            }),
            multisample: wgpu::MultisampleState {
                count: if shadow { 1 } else { SAMPLES },
                mask: !0,
                alpha_to_coverage_enabled: self.target == Target::Covered,
            },
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some(&format!("{}_pixel", self.name)),
                compilation_options: Default::default(),
                targets: if shadow { &[] } else { &targets },
            }),
            multiview_mask: None,
            cache: None,
        })
    }
}

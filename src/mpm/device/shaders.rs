//! The kernels: which files each is made of, and how a model specialises them.

use super::dispatch;
use super::fields::has_field;
use super::layout::constant_count;
use crate::gpu::{Gpu, GpuError, Kernel, KernelOptions, ShaderFile, ShaderSource};
use crate::laws::Spec;
use crate::model::{LawKind, Model};

macro_rules! file {
    ($path:literal) => {
        ShaderFile {
            path: $path,
            text: std::borrow::Cow::Borrowed(include_str!(concat!("../../../shaders/", $path))),
        }
    };
}

/// A kernel of the solver; the name is that of its file in `shaders/stage/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum KernelId {
    Count,
    Allocate,
    Expand,
    Link,
    ListNodes,
    Fill,
    Sort,
    ParticleMomentum,
    ParticleMomentumAdj,
    Reactivate,
    P2g,
    /// The kernel p2g over cotangents: the transpose of g2p.
    P2gOfCotangents,
    P2gAdj,
    GridUpdate,
    /// The second half of grid_update, from kept momenta.
    GridVelocities,
    GridUpdateAdj,
    G2p,
    G2pAdj,
    PoseTotal,
    /// Impulses on colliders, in runs that measure them.
    Wrench,
    WrenchTotal,
    WrenchAdj,
    RigidPredict,
    RigidUpdate,
    RigidUpdateAdj,
    RigidPredictAdj,
    RigidTotal,
    RigidSeed,
    ActivationTotal,
    Seed,
    Unload,
    UnloadRaw,
    UnloadRows,
    Observe,
    UnloadBar,
    MarkBlocks,
    Renumber,
    Relocate,
    Carry,
    Open,
    Emit,
    EmitAdj,
    /// Where there are levels of resolution: who is where, what each level is given, what it says.
    Enter,
    Place,
    ClaimBlocks,
    Settle,
    Share,
    ShareAdj,
    Collect,
    CollectAdj,
    G2pBlended,
    G2pBlendedAdj,
    /// The kernel p2g over entries, and over their cotangents.
    P2gOfEntries,
    P2gOfEntryCotangents,
    P2gEntriesAdj,
    UnloadLevels,
    ObserveLevels,
}

impl KernelId {
    pub const ALL: [KernelId; 57] = [
        KernelId::Count,
        KernelId::Allocate,
        KernelId::Expand,
        KernelId::Link,
        KernelId::ListNodes,
        KernelId::Fill,
        KernelId::Sort,
        KernelId::ParticleMomentum,
        KernelId::ParticleMomentumAdj,
        KernelId::Reactivate,
        KernelId::P2g,
        KernelId::P2gOfCotangents,
        KernelId::P2gAdj,
        KernelId::GridUpdate,
        KernelId::GridVelocities,
        KernelId::GridUpdateAdj,
        KernelId::G2p,
        KernelId::G2pAdj,
        KernelId::PoseTotal,
        KernelId::Wrench,
        KernelId::WrenchTotal,
        KernelId::WrenchAdj,
        KernelId::RigidPredict,
        KernelId::RigidUpdate,
        KernelId::RigidUpdateAdj,
        KernelId::RigidPredictAdj,
        KernelId::RigidTotal,
        KernelId::RigidSeed,
        KernelId::ActivationTotal,
        KernelId::Seed,
        KernelId::Unload,
        KernelId::UnloadRaw,
        KernelId::UnloadRows,
        KernelId::Observe,
        KernelId::UnloadBar,
        KernelId::MarkBlocks,
        KernelId::Renumber,
        KernelId::Relocate,
        KernelId::Carry,
        KernelId::Open,
        KernelId::Emit,
        KernelId::EmitAdj,
        KernelId::Enter,
        KernelId::Place,
        KernelId::ClaimBlocks,
        KernelId::Settle,
        KernelId::Share,
        KernelId::ShareAdj,
        KernelId::Collect,
        KernelId::CollectAdj,
        KernelId::G2pBlended,
        KernelId::G2pBlendedAdj,
        KernelId::P2gOfEntries,
        KernelId::P2gOfEntryCotangents,
        KernelId::P2gEntriesAdj,
        KernelId::UnloadLevels,
        KernelId::ObserveLevels,
    ];

    /// Name of the entry point.
    pub fn entry(self) -> &'static str {
        match self {
            KernelId::Count => "count",
            KernelId::Allocate => "allocate",
            KernelId::Expand => "expand",
            KernelId::Link => "link",
            KernelId::ListNodes => "list_nodes",
            KernelId::Fill => "fill",
            KernelId::Sort => "sort",
            KernelId::ParticleMomentum => "particle_momentum",
            KernelId::ParticleMomentumAdj => "particle_momentum_adj",
            KernelId::Reactivate => "reactivate",
            KernelId::P2g
            | KernelId::P2gOfCotangents
            | KernelId::P2gOfEntries
            | KernelId::P2gOfEntryCotangents => "p2g",
            KernelId::P2gAdj => "p2g_adj",
            KernelId::GridUpdate => "grid_update",
            KernelId::GridVelocities => "grid_velocities",
            KernelId::GridUpdateAdj => "grid_update_adj",
            KernelId::G2p => "g2p",
            KernelId::G2pAdj => "g2p_adj",
            KernelId::PoseTotal => "pose_total",
            KernelId::Wrench => "wrench",
            KernelId::WrenchTotal => "wrench_total",
            KernelId::WrenchAdj => "wrench_adj",
            KernelId::RigidPredict => "rigid_predict",
            KernelId::RigidUpdate => "rigid_update",
            KernelId::RigidUpdateAdj => "rigid_update_adj",
            KernelId::RigidPredictAdj => "rigid_predict_adj",
            KernelId::RigidTotal => "rigid_total",
            KernelId::RigidSeed => "rigid_seed",
            KernelId::ActivationTotal => "activation_total",
            KernelId::Seed => "seed",
            KernelId::Unload
            | KernelId::UnloadRaw
            | KernelId::UnloadRows
            | KernelId::UnloadLevels => "unload",
            KernelId::Observe | KernelId::ObserveLevels => "observe",
            KernelId::UnloadBar => "unload_bar",
            KernelId::MarkBlocks => "mark_blocks",
            KernelId::Renumber => "renumber",
            KernelId::Relocate => "relocate",
            KernelId::Carry => "carry",
            KernelId::Open => "open",
            KernelId::Emit => "emit",
            KernelId::EmitAdj => "emit_adj",
            KernelId::Enter => "enter",
            KernelId::Place => "place",
            KernelId::ClaimBlocks => "claim_blocks",
            KernelId::Settle => "settle",
            KernelId::Share => "share",
            KernelId::ShareAdj => "share_adj",
            KernelId::Collect => "collect",
            KernelId::CollectAdj => "collect_adj",
            KernelId::G2pBlended => "g2p_blended",
            KernelId::G2pBlendedAdj => "g2p_blended_adj",
            KernelId::P2gEntriesAdj => "p2g_entries_adj",
        }
    }

    /// The files it is made of, for models with these laws.
    pub fn source(self, laws: &[LawKind]) -> ShaderSource {
        let types = || file!("types.wgsl");
        let index = || file!("grid/index.wgsl");
        let files = match self {
            KernelId::Count => entry_files(file!("stage/count.wgsl")),
            KernelId::Allocate => vec![types(), file!("stage/allocate.wgsl")],
            KernelId::Expand => slot_files(file!("stage/expand.wgsl")),
            KernelId::Link => vec![types(), file!("stage/link.wgsl")],
            KernelId::ListNodes => vec![types(), index(), file!("stage/list_nodes.wgsl")],
            KernelId::Fill => entry_files(file!("stage/fill.wgsl")),
            KernelId::Sort => vec![types(), file!("stage/sort.wgsl")],
            KernelId::ParticleMomentum => {
                particle_files(laws, &[index(), file!("stage/particle_momentum.wgsl")])
            }
            KernelId::ParticleMomentumAdj => {
                particle_files(laws, &[index(), file!("stage/particle_momentum_adj.wgsl")])
            }
            KernelId::Reactivate => vec![
                types(),
                index(),
                file!("math/mat3.wgsl"),
                file!("material/muscle.wgsl"),
                file!("stage/reactivate.wgsl"),
            ],
            KernelId::P2g
            | KernelId::P2gOfCotangents
            | KernelId::P2gOfEntries
            | KernelId::P2gOfEntryCotangents => {
                vec![types(), file!("grid/stencil.wgsl"), file!("stage/p2g.wgsl")]
            }
            KernelId::P2gAdj => cell_files(&[file!("grid/pull.wgsl"), file!("stage/p2g_adj.wgsl")]),
            KernelId::GridUpdate => {
                node_files(&[file!("grid/node_sum.wgsl"), file!("stage/grid_update.wgsl")])
            }
            KernelId::GridVelocities => node_files(&[file!("stage/grid_velocities.wgsl")]),
            KernelId::GridUpdateAdj => {
                node_files(&[file!("grid/node_sum.wgsl"), file!("stage/grid_update_adj.wgsl")])
            }
            KernelId::G2p => {
                let mut files = vec![index()];
                files.extend(transfer_files());
                files.extend([file!("grid/sinks.wgsl"), file!("stage/g2p.wgsl")]);
                particle_files(laws, &files)
            }
            KernelId::G2pAdj => {
                let mut files = vec![index()];
                files.extend(transfer_files());
                files.extend([file!("grid/pull.wgsl"), file!("stage/g2p_adj.wgsl")]);
                particle_files(laws, &files)
            }
            KernelId::PoseTotal => {
                vec![types(), file!("grid/pose_sum.wgsl"), file!("stage/pose_total.wgsl")]
            }
            KernelId::Wrench => node_files(&[file!("stage/wrench.wgsl")]),
            KernelId::WrenchTotal => {
                vec![types(), file!("grid/pose_sum.wgsl"), file!("stage/wrench_total.wgsl")]
            }
            KernelId::WrenchAdj => node_files(&[file!("stage/wrench_adj.wgsl")]),
            KernelId::RigidPredict => rigid_files(&[
                file!("contact/field.wgsl"),
                file!("contact/sdf.wgsl"),
                file!("contact/contact.wgsl"),
                file!("rigid/contact.wgsl"),
                file!("rigid/meetings.wgsl"),
                file!("stage/rigid_predict.wgsl"),
            ]),
            KernelId::RigidUpdate => {
                rigid_sum_files(&[file!("rigid/update.wgsl"), file!("stage/rigid_update.wgsl")])
            }
            KernelId::RigidUpdateAdj => {
                rigid_sum_files(&[file!("rigid/update.wgsl"), file!("stage/rigid_update_adj.wgsl")])
            }
            KernelId::RigidPredictAdj => rigid_sum_files(&[
                file!("contact/field.wgsl"),
                file!("contact/sdf.wgsl"),
                file!("contact/contact.wgsl"),
                file!("rigid/contact.wgsl"),
                file!("rigid/meetings.wgsl"),
                file!("rigid/meetings_adj.wgsl"),
                file!("stage/rigid_predict_adj.wgsl"),
            ]),
            KernelId::RigidTotal => vec![types(), file!("stage/rigid_total.wgsl")],
            KernelId::RigidSeed => vec![types(), file!("stage/rigid_seed.wgsl")],
            KernelId::ActivationTotal => vec![types(), file!("stage/activation_total.wgsl")],
            KernelId::Seed => vec![types(), index(), file!("stage/seed.wgsl")],
            KernelId::Unload | KernelId::UnloadRaw | KernelId::UnloadRows => {
                let cell = file!("grid/cell_of_location.wgsl");
                particle_files(laws, &[index(), cell, file!("stage/unload.wgsl")])
            }
            KernelId::Observe => {
                let cell = file!("grid/cell_of_location.wgsl");
                vec![types(), index(), cell, file!("stage/observe.wgsl")]
            }
            KernelId::UnloadBar => vec![types(), index(), file!("stage/unload_bar.wgsl")],
            KernelId::MarkBlocks => entry_files(file!("stage/mark_blocks.wgsl")),
            KernelId::Renumber => slot_files(file!("stage/renumber.wgsl")),
            KernelId::Relocate => entry_files(file!("stage/relocate.wgsl")),
            KernelId::Carry => vec![types(), index(), file!("stage/carry.wgsl")],
            KernelId::Open => slot_files(file!("stage/open.wgsl")),
            KernelId::Emit => {
                vec![types(), index(), file!("grid/hash.wgsl"), file!("stage/emit.wgsl")]
            }
            KernelId::EmitAdj => {
                vec![types(), index(), file!("grid/rows.wgsl"), file!("stage/emit_adj.wgsl")]
            }
            KernelId::Enter => {
                let mut files = vec![types(), index(), file!("math/mat3.wgsl")];
                files.extend([file!("grid/resolution.wgsl"), file!("stage/enter.wgsl")]);
                files
            }
            KernelId::Place => key_files(&[file!("stage/place.wgsl")]),
            KernelId::ClaimBlocks => {
                key_files(&[file!("grid/slot.wgsl"), file!("stage/claim_blocks.wgsl")])
            }
            KernelId::Settle => key_files(&[file!("stage/settle.wgsl")]),
            KernelId::Share => share_files(laws, &[file!("stage/share.wgsl")]),
            KernelId::ShareAdj => share_files(laws, &[file!("stage/share_adj.wgsl")]),
            KernelId::G2pBlended => {
                share_files(laws, &[file!("grid/collected.wgsl"), file!("stage/g2p_blended.wgsl")])
            }
            KernelId::G2pBlendedAdj => share_files(
                laws,
                &[file!("grid/collected.wgsl"), file!("stage/g2p_blended_adj.wgsl")],
            ),
            KernelId::Collect => cell_files(&[file!("stage/collect.wgsl")]),
            KernelId::CollectAdj => {
                cell_files(&[file!("grid/pull.wgsl"), file!("stage/collect_adj.wgsl")])
            }
            KernelId::P2gEntriesAdj => cell_files(&[
                file!("grid/pull.wgsl"),
                file!("grid/gather_mass.wgsl"),
                file!("stage/p2g_entries_adj.wgsl"),
            ]),
            KernelId::UnloadLevels => {
                let cell = file!("grid/cell_of_levels.wgsl");
                particle_files(laws, &[index(), cell, file!("stage/unload.wgsl")])
            }
            KernelId::ObserveLevels => {
                let cell = file!("grid/cell_of_levels.wgsl");
                vec![types(), index(), cell, file!("stage/observe.wgsl")]
            }
        };
        ShaderSource { name: self.name(), files }
    }

    /// Whether it adds to, or takes, what nodes give to rigid bodies.
    pub fn gives_to_bodies(self) -> bool {
        matches!(
            self,
            KernelId::GridUpdate
                | KernelId::GridVelocities
                | KernelId::RigidUpdate
                | KernelId::RigidUpdateAdj
        )
    }

    /// Whether it concerns rigid bodies alone.
    fn moves_bodies(self) -> bool {
        matches!(
            self,
            KernelId::RigidPredict
                | KernelId::RigidUpdate
                | KernelId::RigidUpdateAdj
                | KernelId::RigidPredictAdj
                | KernelId::RigidTotal
                | KernelId::RigidSeed
        )
    }

    /// Whether it is there for several levels of resolution alone.
    pub fn shares_levels(self) -> bool {
        self as usize >= KernelId::Enter as usize
    }

    /// Whether it is there for one level of resolution alone.
    fn knows_one_level(self) -> bool {
        matches!(
            self,
            KernelId::ParticleMomentum
                | KernelId::ParticleMomentumAdj
                | KernelId::Reactivate
                | KernelId::P2g
                | KernelId::P2gOfCotangents
                | KernelId::P2gAdj
                | KernelId::G2p
                | KernelId::G2pAdj
                | KernelId::Unload
                | KernelId::UnloadRaw
                | KernelId::UnloadRows
                | KernelId::Observe
        )
    }

    /// Whether a model needs it.
    fn serves(self, model: &Model) -> bool {
        match self {
            _ if self.shares_levels() => model.levels.count() > 1,
            _ if self.knows_one_level() => model.levels.count() == 1,
            KernelId::Carry => model.exchanges(),
            KernelId::Open | KernelId::Emit | KernelId::EmitAdj => !model.emitters.is_empty(),
            _ => !self.moves_bodies() || !model.rigid_bodies.is_empty(),
        }
    }

    /// Name in messages and in tables of times.
    pub fn name(self) -> &'static str {
        match self {
            KernelId::P2gOfCotangents | KernelId::P2gOfEntryCotangents => "p2g of cotangents",
            other => other.entry(),
        }
    }

    fn overrides(self, model: &Model) -> Vec<(&'static str, f64)> {
        let flag = |on: bool| f64::from(u8::from(on));
        let has = |what: fn(&Spec) -> bool| model.materials.iter().any(|m| what(m.law.spec()));
        let mut overrides = vec![
            ("HAS_HISTORY", flag(has(|law| law.has_history))),
            ("HAS_RATE", flag(has(|law| law.reads_rate))),
            ("CONSTANT_COUNT", constant_count(model) as f64),
            ("SINK_COUNT", model.sinks.len() as f64),
            ("HAS_LEVELS", flag(model.levels.count() > 1)),
            ("HAS_RIGID", flag(!model.rigid_bodies.is_empty())),
            ("HAS_FIELDS", flag(model.shapes().any(has_field))),
            ("HAS_MUSCLES", flag(!model.muscles.is_empty())),
            ("SINGLE_CLASS", flag(model.materials.len() == 1 && model.muscles.is_empty())),
        ];
        match self {
            KernelId::P2gOfCotangents | KernelId::P2gOfEntryCotangents => {
                overrides.extend([("CONTRIBUTION_ROW", 0.0), ("UNIT_MASS", 1.0)]);
            }
            KernelId::P2gOfEntries => overrides.push(("OF_ENTRIES", 1.0)),
            KernelId::UnloadRaw | KernelId::UnloadLevels => overrides.push(("IS_RAW", 1.0)),
            KernelId::UnloadRows => overrides.push(("KEEP_ROWS", 1.0)),
            _ => {}
        }
        overrides
    }
}

/// What a kernel needs to find blocks and to give them slots.
fn slot_files(stage: ShaderFile) -> Vec<ShaderFile> {
    vec![
        file!("types.wgsl"),
        file!("grid/index.wgsl"),
        file!("grid/hash.wgsl"),
        file!("grid/slot.wgsl"),
        stage,
    ]
}

/// What a kernel over the lists of cells needs.
fn entry_files(stage: ShaderFile) -> Vec<ShaderFile> {
    vec![file!("types.wgsl"), file!("grid/index.wgsl"), file!("grid/entries.wgsl"), stage]
}

/// What a kernel needs to find the blocks of entries.
fn key_files(stage: &[ShaderFile]) -> Vec<ShaderFile> {
    let mut files = vec![
        file!("types.wgsl"),
        file!("grid/index.wgsl"),
        file!("grid/level.wgsl"),
        file!("grid/hash.wgsl"),
        file!("grid/entry_key.wgsl"),
    ];
    files.extend_from_slice(stage);
    files
}

/// What a kernel needs that knows how a particle is shared between levels.
fn share_files(laws: &[LawKind], stage: &[ShaderFile]) -> Vec<ShaderFile> {
    let mut files = vec![
        file!("grid/index.wgsl"),
        file!("grid/level.wgsl"),
        file!("grid/resolution.wgsl"),
        file!("grid/sides.wgsl"),
    ];
    files.extend_from_slice(stage);
    particle_files(laws, &files)
}

/// What a kernel needs that gathers cell by cell.
fn cell_files(stage: &[ShaderFile]) -> Vec<ShaderFile> {
    let mut files = vec![file!("types.wgsl"), file!("grid/index.wgsl"), file!("grid/rows.wgsl")];
    files.extend(transfer_files());
    files.extend_from_slice(stage);
    files
}

/// Weights, nodes in registers, and the gather.
fn transfer_files() -> Vec<ShaderFile> {
    vec![
        file!("grid/corners.wgsl"),
        file!("grid/stencil.wgsl"),
        file!("grid/plane.wgsl"),
        file!("grid/gather.wgsl"),
    ]
}

/// What a kernel needs to compute stresses.
fn particle_files(laws: &[LawKind], stage: &[ShaderFile]) -> Vec<ShaderFile> {
    let mut files = vec![
        file!("types.wgsl"),
        file!("math/mat3.wgsl"),
        file!("math/exponential.wgsl"),
        file!("math/svd.wgsl"),
        file!("math/polar.wgsl"),
        file!("material/principal.wgsl"),
        file!("material/muscle.wgsl"),
    ];
    files.extend(dispatch::files(laws));
    files.extend([file!("grid/rows.wgsl"), file!("grid/particle.wgsl")]);
    files.extend_from_slice(stage);
    files
}

/// What a kernel needs to move rigid bodies.
fn rigid_files(stage: &[ShaderFile]) -> Vec<ShaderFile> {
    let mut files = vec![
        file!("types.wgsl"),
        file!("math/mat3.wgsl"),
        file!("rigid/rotation.wgsl"),
        file!("rigid/body.wgsl"),
    ];
    files.extend_from_slice(stage);
    files
}

/// The same where sums over nodes are taken.
fn rigid_sum_files(stage: &[ShaderFile]) -> Vec<ShaderFile> {
    let mut files = rigid_files(&[file!("grid/pose_sum.wgsl"), file!("rigid/sums.wgsl")]);
    files.extend_from_slice(stage);
    files
}

/// What a kernel needs to step a node.
fn node_files(stage: &[ShaderFile]) -> Vec<ShaderFile> {
    let mut files = vec![
        file!("types.wgsl"),
        file!("math/mat3.wgsl"),
        file!("contact/field.wgsl"),
        file!("contact/sdf.wgsl"),
        file!("contact/contact.wgsl"),
        file!("grid/index.wgsl"),
        file!("grid/corners.wgsl"),
        file!("grid/colliders.wgsl"),
        file!("grid/bodies.wgsl"),
        file!("grid/pose_sum.wgsl"),
    ];
    files.extend_from_slice(stage);
    files
}

/// All kernels, compiled for one model.
pub struct Kernels {
    /// By number; none for those that the model does not need.
    kernels: Vec<Option<Kernel>>,
}

impl Kernels {
    pub fn new(gpu: &Gpu, model: &Model) -> Result<Self, GpuError> {
        let used = |kind: &&LawKind| model.materials.iter().any(|m| m.law.kind() == **kind);
        let laws: Vec<LawKind> = LawKind::ALL.iter().filter(used).copied().collect();
        let compile = |id: &KernelId| {
            if !id.serves(model) {
                return Ok(None);
            }
            let overrides = id.overrides(model);
            let options = KernelOptions {
                overrides: &overrides,
                dynamic: &["step", "activations", "resolution"],
            };
            Kernel::new(gpu, &id.source(&laws), id.entry(), &options).map(Some)
        };
        Ok(Self { kernels: KernelId::ALL.iter().map(compile).collect::<Result<_, _>>()? })
    }

    pub fn get(&self, id: KernelId) -> &Kernel {
        self.kernels[id as usize].as_ref().expect("only kernels that serve the model run")
    }
}

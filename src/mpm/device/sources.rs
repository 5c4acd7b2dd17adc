//! Which files each kernel is made of.

use super::dispatch;
use super::shaders::KernelId;
use crate::gpu::{ShaderFile, ShaderSource};
use crate::model::LawKind;

macro_rules! file {
    ($path:literal) => {
        ShaderFile {
            path: $path,
            text: std::borrow::Cow::Borrowed(include_str!(concat!("../../../shaders/", $path))),
        }
    };
}

impl KernelId {
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
                let report = file!("grid/report.wgsl");
                files.extend([file!("grid/sinks.wgsl"), report, file!("stage/g2p.wgsl")]);
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
                let (update, report) = (file!("rigid/update.wgsl"), file!("grid/report.wgsl"));
                rigid_sum_files(&[update, report, file!("stage/rigid_update.wgsl")])
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
            KernelId::UnloadBar => bar_files(file!("stage/unload_bar.wgsl")),
            KernelId::MarkBlocks => entry_files(file!("stage/mark_blocks.wgsl")),
            KernelId::Renumber => slot_files(file!("stage/renumber.wgsl")),
            KernelId::Relocate => entry_files(file!("stage/relocate.wgsl")),
            KernelId::Carry => vec![types(), index(), file!("stage/carry.wgsl")],
            KernelId::Open => slot_files(file!("stage/open.wgsl")),
            KernelId::Emit => {
                vec![
                    types(),
                    index(),
                    file!("grid/hash_key.wgsl"),
                    file!("grid/hash.wgsl"),
                    file!("stage/emit.wgsl"),
                ]
            }
            KernelId::EmitAdj => {
                vec![types(), index(), file!("grid/rows.wgsl"), file!("stage/emit_adj.wgsl")]
            }
            KernelId::Enter => {
                let mut files = vec![types(), index(), file!("math/mat3.wgsl")];
                files.extend(resolution_files());
                files.push(file!("stage/enter.wgsl"));
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
                let (collected, report) = (file!("grid/collected.wgsl"), file!("grid/report.wgsl"));
                share_files(laws, &[collected, report, file!("stage/g2p_blended.wgsl")])
            }
            KernelId::G2pBlendedAdj => particle_files(
                laws,
                &[
                    index(),
                    file!("grid/level.wgsl"),
                    file!("grid/collected.wgsl"),
                    file!("stage/g2p_blended_adj.wgsl"),
                ],
            ),
            KernelId::ReachesAdj => {
                let mut files = vec![types(), index(), file!("math/mat3.wgsl")];
                files.push(file!("grid/level.wgsl"));
                files.extend(resolution_files());
                files.extend([file!("grid/pose_sum.wgsl"), file!("stage/reaches_adj.wgsl")]);
                files
            }
            KernelId::ReachTotal => {
                vec![types(), file!("grid/pose_sum.wgsl"), file!("stage/reach_total.wgsl")]
            }
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
            KernelId::Group => group_files(file!("stage/group.wgsl")),
            KernelId::Lead => group_files(file!("stage/lead.wgsl")),
            KernelId::Compare => group_files(file!("stage/compare.wgsl")),
            KernelId::Concern => group_files(file!("stage/concern.wgsl")),
            KernelId::MoveParticles => move_files(file!("stage/move_particles.wgsl")),
            KernelId::MoveIds => move_files(file!("stage/move_ids.wgsl")),
            KernelId::GatherBars => bar_files(file!("stage/gather_bars.wgsl")),
            KernelId::MoveBars => move_files(file!("stage/move_bars.wgsl")),
            KernelId::Stir => chunk_files(&[
                file!("math/mat3.wgsl"),
                file!("grid/level.wgsl"),
                file!("grid/hash_key.wgsl"),
                file!("grid/rows.wgsl"),
                file!("grid/particle_class.wgsl"),
                file!("stage/stir.wgsl"),
            ]),
            KernelId::Leave => chunk_files(&[file!("grid/fates.wgsl"), file!("stage/leave.wgsl")]),
            KernelId::Hold => chunk_files(&[file!("grid/fates.wgsl"), file!("stage/hold.wgsl")]),
            KernelId::HoldAdj => {
                chunk_files(&[file!("grid/fates.wgsl"), file!("stage/hold_adj.wgsl")])
            }
        };
        ShaderSource { name: self.name(), files }
    }
}

/// What a kernel needs to find blocks and to give them slots.
fn slot_files(stage: ShaderFile) -> Vec<ShaderFile> {
    vec![
        file!("types.wgsl"),
        file!("grid/index.wgsl"),
        file!("grid/hash_key.wgsl"),
        file!("grid/hash.wgsl"),
        file!("grid/slot.wgsl"),
        stage,
    ]
}

/// What a kernel over the lists of cells needs.
fn entry_files(stage: ShaderFile) -> Vec<ShaderFile> {
    vec![file!("types.wgsl"), file!("grid/index.wgsl"), file!("grid/entries.wgsl"), stage]
}

/// What a kernel needs to pack cotangents for the host.
fn bar_files(stage: ShaderFile) -> Vec<ShaderFile> {
    vec![file!("types.wgsl"), file!("grid/index.wgsl"), file!("grid/bar_words.wgsl"), stage]
}

/// What a kernel needs to find who may be split or merged.
fn group_files(stage: ShaderFile) -> Vec<ShaderFile> {
    let mut files = vec![
        file!("types.wgsl"),
        file!("grid/index.wgsl"),
        file!("math/mat3.wgsl"),
        file!("grid/level.wgsl"),
        file!("grid/hash_key.wgsl"),
        file!("grid/rows.wgsl"),
    ];
    files.extend(resolution_files());
    files.extend([file!("grid/groups.wgsl"), stage]);
    files
}

/// The resolution field.
fn resolution_files() -> [ShaderFile; 2] {
    [file!("contact/field.wgsl"), file!("grid/resolution.wgsl")]
}

/// What a kernel needs to know where particles go that stay when others are split and merged.
fn move_files(stage: ShaderFile) -> Vec<ShaderFile> {
    vec![
        file!("types.wgsl"),
        file!("grid/index.wgsl"),
        file!("grid/level.wgsl"),
        file!("grid/runs.wgsl"),
        stage,
    ]
}

/// What a kernel needs to know in which chunk of the ground a particle is.
fn chunk_files(stage: &[ShaderFile]) -> Vec<ShaderFile> {
    let mut files = vec![file!("types.wgsl"), file!("grid/index.wgsl"), file!("grid/chunks.wgsl")];
    files.extend_from_slice(stage);
    files
}

/// What a kernel needs to find the blocks of entries.
fn key_files(stage: &[ShaderFile]) -> Vec<ShaderFile> {
    let mut files = vec![
        file!("types.wgsl"),
        file!("grid/index.wgsl"),
        file!("grid/level.wgsl"),
        file!("grid/hash_key.wgsl"),
        file!("grid/hash.wgsl"),
        file!("grid/entry_key.wgsl"),
    ];
    files.extend_from_slice(stage);
    files
}

/// What a kernel needs that knows how a particle is shared between levels.
fn share_files(laws: &[LawKind], stage: &[ShaderFile]) -> Vec<ShaderFile> {
    let mut files = vec![file!("grid/index.wgsl"), file!("grid/level.wgsl")];
    files.extend(resolution_files());
    files.push(file!("grid/sides.wgsl"));
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
    files.extend([
        file!("grid/rows.wgsl"),
        file!("grid/particle_class.wgsl"),
        file!("grid/particle.wgsl"),
    ]);
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

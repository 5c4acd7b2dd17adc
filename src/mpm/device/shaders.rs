//! The kernels, and how a model specialises them.

use super::fields::has_field;
use super::layout::constant_count;
use crate::gpu::{Gpu, GpuError, Kernel, KernelOptions};
use crate::laws::Spec;
use crate::model::{LawKind, Model};

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
    /// Where gradients count how levels move with their agents.
    ReachesAdj,
    ReachTotal,
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
    /// Who may be split or merged, and what all others do when some are.
    Group,
    Lead,
    Compare,
    Concern,
    MoveParticles,
    MoveIds,
    GatherBars,
    MoveBars,
    /// Where chunks of the ground sleep: what their particles do, which of them leave, and what becomes of others.
    Stir,
    Leave,
    Hold,
    HoldAdj,
}

impl KernelId {
    pub const ALL: [KernelId; 71] = [
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
        KernelId::ReachesAdj,
        KernelId::ReachTotal,
        KernelId::Collect,
        KernelId::CollectAdj,
        KernelId::G2pBlended,
        KernelId::G2pBlendedAdj,
        KernelId::P2gOfEntries,
        KernelId::P2gOfEntryCotangents,
        KernelId::P2gEntriesAdj,
        KernelId::UnloadLevels,
        KernelId::ObserveLevels,
        KernelId::Group,
        KernelId::Lead,
        KernelId::Compare,
        KernelId::Concern,
        KernelId::MoveParticles,
        KernelId::MoveIds,
        KernelId::GatherBars,
        KernelId::MoveBars,
        KernelId::Stir,
        KernelId::Leave,
        KernelId::Hold,
        KernelId::HoldAdj,
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
            KernelId::ReachesAdj => "reaches_adj",
            KernelId::ReachTotal => "reach_total",
            KernelId::Collect => "collect",
            KernelId::CollectAdj => "collect_adj",
            KernelId::G2pBlended => "g2p_blended",
            KernelId::G2pBlendedAdj => "g2p_blended_adj",
            KernelId::P2gEntriesAdj => "p2g_entries_adj",
            KernelId::Group => "group",
            KernelId::Lead => "lead",
            KernelId::Compare => "compare",
            KernelId::Concern => "concern",
            KernelId::MoveParticles => "move_particles",
            KernelId::MoveIds => "move_ids",
            KernelId::GatherBars => "gather_bars",
            KernelId::MoveBars => "move_bars",
            KernelId::Stir => "stir",
            KernelId::Leave => "leave",
            KernelId::Hold => "hold",
            KernelId::HoldAdj => "hold_adj",
        }
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
            KernelId::ReachesAdj | KernelId::ReachTotal => model.levels.moves_in_gradients(),
            KernelId::Stir | KernelId::Leave | KernelId::Hold | KernelId::HoldAdj => {
                model.levels.sleep.is_some()
            }
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
            ("HAS_MAP", flag(model.levels.map.is_some())),
            ("THROUGH_AGENTS", flag(model.levels.moves_in_gradients())),
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

//! The substep as a table of stages, which drives both directions.
//!
//! A stage is either integer work, replayed as it is in the reverse pass, or a pair of a forward
//! and an adjoint: a new stage must say how it is differentiated.

use super::shaders::KernelId;

/// What a dispatch has one workgroup, or one thread, for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Threads, one a slot.
    Slots,
    /// Workgroups, one a block that is occupied for the first time.
    Expanding,
    /// Threads, one a particle.
    Particles,
    /// Workgroups, one a block with particles.
    Occupied,
    /// Workgroups, one a block with nodes that particles reach.
    Nodes,
    /// Threads, one a component of a moving collider's pose.
    Poses,
    /// Threads, one a component of a collider's impulse.
    Impulses,
    /// One workgroup, one thread a rigid body; nothing without bodies.
    Rigid,
    /// Threads, one a chunk of muscle members.
    Chunks,
}

/// One dispatch.
#[derive(Clone, Copy, Debug)]
pub struct Launch {
    pub kernel: KernelId,
    pub over: Over,
}

const fn over(over: Over, kernel: KernelId) -> Launch {
    Launch { kernel, over }
}

/// One stage of the substep.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    pub name: &'static str,
    pub forward: &'static [Launch],
    /// `None`: integer work without a derivative.
    pub adjoint: Option<&'static [Launch]>,
}

const fn replayed(name: &'static str, forward: &'static [Launch]) -> Stage {
    Stage { name, forward, adjoint: None }
}

const fn paired(
    name: &'static str,
    forward: &'static [Launch],
    adjoint: &'static [Launch],
) -> Stage {
    Stage { name, forward, adjoint: Some(adjoint) }
}

/// The substep, in order.
pub static STAGES: [Stage; 5] = [
    replayed(
        "blocks",
        &[
            over(Over::Slots, KernelId::Allocate),
            over(Over::Expanding, KernelId::Expand),
            over(Over::Expanding, KernelId::Link),
            over(Over::Slots, KernelId::ListNodes),
        ],
    ),
    replayed(
        "sort",
        &[over(Over::Particles, KernelId::Fill), over(Over::Occupied, KernelId::Sort)],
    ),
    paired(
        "p2g",
        &[over(Over::Occupied, KernelId::P2g)],
        &[over(Over::Occupied, KernelId::P2gAdj)],
    ),
    paired(
        "grid_update",
        &[
            over(Over::Rigid, KernelId::RigidPredict),
            over(Over::Nodes, KernelId::GridUpdate),
            over(Over::Rigid, KernelId::RigidUpdate),
        ],
        &[
            over(Over::Rigid, KernelId::RigidUpdateAdj),
            over(Over::Nodes, KernelId::GridUpdateAdj),
            over(Over::Rigid, KernelId::RigidPredictAdj),
            over(Over::Rigid, KernelId::RigidTotal),
            over(Over::Poses, KernelId::PoseTotal),
        ],
    ),
    paired(
        "g2p",
        &[over(Over::Occupied, KernelId::G2p)],
        &[over(Over::Occupied, KernelId::G2pAdj), over(Over::Occupied, KernelId::P2gOfCotangents)],
    ),
];

/// What a forward substep runs too where impulses on colliders are measured; and what follows
/// `grid_update_adj` in a reverse one, adding to its results.
pub static MEASURED: Stage = paired(
    "wrench",
    &[over(Over::Nodes, KernelId::Wrench), over(Over::Impulses, KernelId::WrenchTotal)],
    &[over(Over::Nodes, KernelId::WrenchAdj)],
);

/// The dispatches of a substep.
pub fn forward() -> impl Iterator<Item = Launch> {
    STAGES.iter().flat_map(|stage| stage.forward).copied()
}

/// The dispatches of a substep walked back: the state is counted and sorted again; what nodes give to
/// rigid bodies is summed again from the momenta that the forward substep kept (with its velocities);
/// then each stage's adjoint, last stage first.
pub fn reverse() -> impl Iterator<Item = Launch> {
    let count = over(Over::Particles, KernelId::Count);
    let integers = STAGES.iter().filter(|stage| stage.adjoint.is_none());
    let velocities =
        [over(Over::Rigid, KernelId::RigidPredict), over(Over::Nodes, KernelId::GridVelocities)];
    let adjoints = STAGES.iter().rev().filter_map(|stage| stage.adjoint).flatten();
    std::iter::once(count)
        .chain(integers.flat_map(|stage| stage.forward).copied())
        .chain(velocities)
        .chain(adjoints.copied())
}

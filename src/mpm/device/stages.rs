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
    /// Threads, one an entry in the lists of cells: a particle, or with levels of resolution half of one.
    Entries,
    /// Threads, one an entry whose block has no slot yet.
    Wanted,
    /// Workgroups, one a block with particles.
    Occupied,
    /// Workgroups, one a block with nodes that particles reach.
    Nodes,
    /// Threads, one a component of a moving collider's pose.
    Poses,
    /// Threads, one a component of a box that distance is measured from.
    Reaches,
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

const BLOCKS: Stage = replayed(
    "blocks",
    &[
        over(Over::Slots, KernelId::Allocate),
        over(Over::Expanding, KernelId::Expand),
        over(Over::Expanding, KernelId::Link),
        over(Over::Slots, KernelId::ListNodes),
    ],
);
const SORT: Stage =
    replayed("sort", &[over(Over::Entries, KernelId::Fill), over(Over::Occupied, KernelId::Sort)]);
const GRID_UPDATE: Stage = paired(
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
);

/// The substep, in order.
pub static STAGES: [Stage; 5] = [
    BLOCKS,
    SORT,
    paired(
        "p2g",
        &[over(Over::Occupied, KernelId::P2g)],
        &[over(Over::Occupied, KernelId::P2gAdj)],
    ),
    GRID_UPDATE,
    paired(
        "g2p",
        &[over(Over::Occupied, KernelId::G2p)],
        &[over(Over::Occupied, KernelId::G2pAdj), over(Over::Occupied, KernelId::P2gOfCotangents)],
    ),
];

/// The substep where there are levels of resolution: the stress belongs to its start, and particles meet
/// nodes through their entries.
pub static LEVEL_STAGES: [Stage; 7] = [
    BLOCKS,
    SORT,
    paired(
        "share",
        &[over(Over::Particles, KernelId::Share)],
        &[
            over(Over::Particles, KernelId::ShareAdj),
            over(Over::Particles, KernelId::ReachesAdj),
            over(Over::Reaches, KernelId::ReachTotal),
        ],
    ),
    paired(
        "p2g",
        &[over(Over::Occupied, KernelId::P2gOfEntries)],
        &[over(Over::Occupied, KernelId::P2gEntriesAdj)],
    ),
    GRID_UPDATE,
    paired(
        "g2p",
        &[over(Over::Occupied, KernelId::Collect), over(Over::Particles, KernelId::G2pBlended)],
        &[
            over(Over::Particles, KernelId::G2pBlendedAdj),
            over(Over::Occupied, KernelId::CollectAdj),
            over(Over::Occupied, KernelId::P2gOfEntryCotangents),
        ],
    ),
    replayed("place", &PLACING),
];

/// Finds the cells of all entries, from the levels that particles take part in.
pub const PLACING: [Launch; 3] = [
    over(Over::Particles, KernelId::Place),
    over(Over::Wanted, KernelId::ClaimBlocks),
    over(Over::Wanted, KernelId::Settle),
];

/// What a forward substep runs too where impulses on colliders are measured; and what follows
/// `grid_update_adj` in a reverse one, adding to its results.
pub static MEASURED: Stage = paired(
    "wrench",
    &[over(Over::Nodes, KernelId::Wrench), over(Over::Impulses, KernelId::WrenchTotal)],
    &[over(Over::Nodes, KernelId::WrenchAdj)],
);

fn stages(has_levels: bool) -> &'static [Stage] {
    if has_levels { &LEVEL_STAGES } else { &STAGES }
}

/// The dispatches of a substep.
pub fn forward(has_levels: bool) -> impl Iterator<Item = Launch> {
    stages(has_levels).iter().flat_map(|stage| stage.forward).copied()
}

/// The dispatches of a substep walked back: the state is counted and sorted again; what nodes give to
/// rigid bodies is summed again from the momenta that the forward substep kept (with its velocities);
/// then each stage's adjoint, last stage first. With levels, what entries gave and took is computed
/// again; where they lie was kept.
pub fn reverse(has_levels: bool) -> impl Iterator<Item = Launch> {
    let count = over(Over::Entries, KernelId::Count);
    let velocities =
        [over(Over::Rigid, KernelId::RigidPredict), over(Over::Nodes, KernelId::GridVelocities)];
    let entries = [over(Over::Particles, KernelId::Share), over(Over::Occupied, KernelId::Collect)];
    let adjoints = stages(has_levels).iter().rev().filter_map(|stage| stage.adjoint).flatten();
    std::iter::once(count)
        .chain(BLOCKS.forward.iter().chain(SORT.forward).copied())
        .chain(velocities)
        .chain(entries.into_iter().filter(move |_| has_levels))
        .chain(adjoints.copied())
}

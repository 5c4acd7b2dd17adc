//! How resolution follows what acts on the material (numerics.md 5).

use super::height_field::HeightField;
use super::sleep::Sleep;
use crate::math::{Mat3, Vec3};
use std::sync::Arc;

/// Parts of equal length that the way of an agent is taken in, while its places stay fine.
pub const PAST_BOXES: usize = 8;

/// A particle has no less than so much of the volume that its level stands for, or coarse levels fill up with
/// light ones. No eighths here or below: that would be a tie, which single precision breaks otherwise than double.
pub const LEAST_FILL: f64 = 0.6;
/// One that has so much more or less than all of it is taken to be that much higher or flatter than its site: the
/// ground's at its surface and its bottom are.
pub const FULL_WITHIN: f64 = 0.3;

/// Levels of resolution: level l has cells `2^l` times as wide as the finest. Which level a place
/// belongs to is said by its distance to the nearest agent or region. Without bands there is one
/// level, the same everywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Levels {
    /// From level l to level l + 1, finest first: one fewer than there are levels.
    pub bands: Vec<Band>,
    /// Colliders that resolution follows.
    pub agents: Vec<Agent>,
    /// How long a place stays fine after an agent has left it [s].
    pub linger: f64,
    /// Places that stay fine.
    pub regions: Vec<Reach>,
    /// Distances that the scene gives, which count as those from one more agent.
    pub map: Option<LevelMap>,
    /// Over which the distances to several agents are blended [m].
    pub blend: f64,
    /// Particles stay fine until they are so much farther away than where coarse ones may exist [m].
    pub hysteresis: f64,
    /// Particles along the edge of a cell, by body: 1, 2 or 4.
    pub per_axis: Vec<u32>,
    /// Whether the changing shares of a band push and stretch (the terms in ∇lambda). Without them
    /// the method is wrong: what benchmarks show as a control.
    pub coupled: bool,
    /// Whether gradients count how the field moves with the agents (numerics.md 5: dropped by default).
    pub through_agents: bool,
    /// What sleeps, if anything does.
    pub sleep: Option<Sleep>,
}

/// Where one level gives way to the next, by the distance to the nearest agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Up to this distance the finer level alone [m].
    pub start: f64,
    /// Over which the coarser one takes over [m].
    pub width: f64,
}

/// A collider that resolution follows: distance is measured from its box, which is stretched along
/// its motion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agent {
    /// Index into [`super::Model::colliders`].
    pub collider: usize,
    /// Half extents of its box in its body frame [m].
    pub half_extents: Vec3<f64>,
    /// How far the box is stretched forward along the motion [m].
    pub ahead: f64,
    /// How far backward [m].
    pub trail: f64,
    /// What a distance below the box counts, against one beside it [-].
    pub depth_weight: f64,
}

/// An upright box, open above: what distance is measured from. Its sides are along `along` and
/// across it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// World position [m] that the extents are measured from, relative to the origin node.
    pub position: Vec3<f64>,
    /// Horizontal unit vector (x, y).
    pub along: [f64; 2],
    /// Extents [m] from the position: along, across, and downwards (negative).
    pub low: Vec3<f64>,
    /// Extents [m] along and across; what is above counts as inside.
    pub high: [f64; 2],
    /// As [`Agent::depth_weight`].
    pub depth_weight: f64,
}

/// A distance [m] for every place (x, y), the same at any height; negative ones are within. Beyond its edge it goes
/// on level.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelMap {
    /// World position of its centre [m], relative to the origin node.
    pub position: [f64; 2],
    pub distances: Arc<HeightField>,
}

/// Where an agent is and how it moves, its place exact anywhere: a node and an offset [m].
#[derive(Clone, Copy, Debug)]
pub struct Stance {
    pub cell: [i32; 3],
    pub offset: Vec3<f64>,
    /// `world_from_body`.
    pub rotation: Mat3<f64>,
    /// [m/s]
    pub velocity: Vec3<f64>,
}

impl Levels {
    /// One level everywhere.
    pub fn uniform() -> Self {
        Self::default()
    }

    pub fn count(&self) -> usize {
        self.bands.len() + 1
    }

    /// Most boxes that distance is measured from at a time.
    pub fn most_reaches(&self) -> usize {
        // The last part of a way may be short.
        let past = if self.linger > 0.0 { PAST_BOXES + 1 } else { 0 };
        self.agents.len() * (1 + past) + self.regions.len()
    }

    /// Whether gradients count how levels move with their agents.
    pub fn moves_in_gradients(&self) -> bool {
        self.through_agents && self.count() > 1
    }

    /// Whether a run changes which particles there are: by splitting, merging or sleep.
    pub fn changes(&self) -> bool {
        self.count() > 1 || self.sleep.is_some()
    }
}

//! What sleeps: the world in chunks, of which those that nobody is near and that are quiet cost nothing.

use super::Model;
use super::levels::{Levels, Reach, Stance};
use super::stretch::stretched;
use super::terrain::Terrain;
use crate::math::Vec3;
use crate::mpm::state::{ChunkKey, RigidMotion};
use std::collections::BTreeSet;
use std::sync::Arc;

/// When chunks sleep and wake. A chunk is a square column of the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Sleep {
    /// Edge of a chunk [cells of the finest level]: whole blocks of the coarsest.
    pub chunk_cells: i32,
    /// A chunk nearer than this to an agent, a region or a solid that moves is awake [m].
    pub radius: f64,
    /// A chunk is quiet while nothing in it is faster [m/s].
    pub quiet_speed: f64,
    /// What is faster wakes the chunks around its own [m/s].
    pub wake_speed: f64,
    /// Control steps for which a chunk has to be quiet before it sleeps.
    pub quiet_steps: u32,
    /// Colliders that move and are no agents, and how far they reach [m].
    pub movers: Vec<(usize, f64)>,
    /// What sleeps is kept in memory up to this, then on disk [bytes].
    pub archive_bytes: u64,
    /// What chunks are made of that were never there, if they are.
    pub terrain: Option<Arc<Terrain>>,
}

/// What keeps its surroundings awake, its place exact anywhere: a node and an offset [m].
#[derive(Clone, Copy, Debug)]
pub struct Waker {
    pub cell: [i32; 3],
    pub offset: Vec3<f64>,
    pub reach: Reach,
}

impl Waker {
    /// Something that reaches so far [m] to all sides.
    fn round(cell: [i32; 3], offset: Vec3<f64>, reach: f64) -> Self {
        let reach = Reach {
            position: Vec3([0.0; 3]),
            along: [1.0, 0.0],
            low: Vec3([-reach; 3]),
            high: [reach; 2],
            depth_weight: 1.0,
        };
        Self { cell, offset, reach }
    }

    /// Distance [m] from a point that is so far away, x and y [m], in the plane.
    fn distance(&self, d: [f64; 2]) -> f64 {
        let Reach { along: [c, s], low, high, .. } = self.reach;
        let local = [c * d[0] + s * d[1], c * d[1] - s * d[0]];
        let gap = |a: usize| (local[a] - high[a]).max(low[a] - local[a]).max(0.0);
        gap(0).hypot(gap(1))
    }
}

/// Where the world lies on the grid.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// [m]
    pub cell_width: f64,
    /// The node at world (0, 0, 0).
    pub origin: [i32; 3],
}

impl Frame {
    pub fn of(model: &Model) -> Self {
        Self { cell_width: model.cell_width, origin: model.origin }
    }
}

impl Levels {
    /// What keeps the world awake, with colliders at these stances.
    pub fn wakers(
        &self,
        frame: Frame,
        stance: impl Fn(usize) -> Stance,
        rigid: impl Iterator<Item = (RigidMotion<f64>, f64)>,
    ) -> Vec<Waker> {
        let Some(sleep) = &self.sleep else { return Vec::new() };
        let h = frame.cell_width;
        let agents = self.agents.iter().map(|agent| {
            let at = stance(agent.collider);
            Waker { cell: at.cell, offset: at.offset, reach: stretched(agent, &at) }
        });
        let regions = self.regions.iter().map(|region| {
            let split = region.position.0.map(|x| (x / h).round());
            let cell = std::array::from_fn(|a| frame.origin[a].wrapping_add(split[a] as i32));
            let offset = Vec3::from_fn(|a| region.position[a] - split[a] * h);
            Waker { cell, offset, reach: *region }
        });
        let movers = sleep.movers.iter().map(|&(collider, reach)| {
            let at = stance(collider);
            Waker::round(at.cell, at.offset, reach)
        });
        let bodies = rigid.map(|(m, reach)| Waker::round(m.cell, m.offset * h, reach));
        agents.chain(regions).chain(movers).chain(bodies).collect()
    }
}

impl Sleep {
    /// The chunk of a place: the cell that it lies in, by its lower corner.
    pub fn chunk_of(&self, frame: Frame, cell: [i32; 3]) -> ChunkKey {
        [0, 1].map(|a| cell[a].wrapping_sub(frame.origin[a]).div_euclid(self.chunk_cells))
    }

    /// The chunks that are awake because something is near: their circumscribed circle comes closer than
    /// the radius.
    pub fn near(&self, frame: Frame, wakers: &[Waker]) -> BTreeSet<ChunkKey> {
        let (h, edge) = (frame.cell_width, f64::from(self.chunk_cells));
        let within = self.radius + edge * h * std::f64::consts::FRAC_1_SQRT_2;
        let mut near = BTreeSet::new();
        for waker in wakers {
            let Reach { low, high, .. } = waker.reach;
            let reach = |a: usize| high[a].max(-low[a]);
            let most = ((within + reach(0).hypot(reach(1))) / (edge * h)).ceil() as i32 + 1;
            let own = self.chunk_of(frame, waker.cell);
            for i in -most..=most {
                for j in -most..=most {
                    let key = [own[0].wrapping_add(i), own[1].wrapping_add(j)];
                    let middle = |a: usize| {
                        let from = i64::from(key[a]) * i64::from(self.chunk_cells)
                            + i64::from(frame.origin[a])
                            - i64::from(waker.cell[a]);
                        (from as f64 + 0.5 * edge) * h - waker.offset[a]
                    };
                    if waker.distance([middle(0), middle(1)]) <= within {
                        near.insert(key);
                    }
                }
            }
        }
        near
    }
}

/// The eight chunks around one.
pub fn around(key: ChunkKey) -> [ChunkKey; 8] {
    std::array::from_fn(|n| {
        // Without the middle one of nine.
        let n = n + usize::from(n > 3);
        [key[0].wrapping_add(n as i32 / 3 - 1), key[1].wrapping_add(n as i32 % 3 - 1)]
    })
}

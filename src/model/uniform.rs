//! What a grid of the finest level everywhere would need for the same ground: computed, not run.

use super::geometry::distance_to_solids;
use super::summary::STATE_BYTES_F32;
use super::{Frame, Model, Pose, Shape, Terrain};
use crate::math::Vec3;
use crate::mpm::state::{ChunkKey, Particles, State};
use serde::Serialize;

/// How far into a collider that stands still material is filled for the grid's sake [cells of the level
/// that it is for]. Coarse levels need more of it than a fine grid would, which is not counted.
pub const FILL_CELLS: f64 = 1.5;
/// Places along an edge of a chunk at which its ground is looked at.
const COLUMNS: usize = 8;

/// What a grid of the finest level everywhere would need for the same ground.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct UniformSummary {
    /// Without those deeper in colliders that stand still than it would have any, and those to come.
    pub particle_count: u64,
    /// That they fill.
    pub cells: u64,
    /// Of the particles' state in f32.
    pub state_bytes: u64,
    /// Its particles over those that are there.
    pub ratio: f64,
}

impl UniformSummary {
    /// Of the particles of a state.
    pub fn new(model: &Model, state: &State<f64>) -> Self {
        let particles = state.particles_or(&model.particles);
        let buried = Buried::of(model);
        let (mut particle_count, mut cells) = (0, 0.0);
        for p in state.present() {
            let parts = buried.fine_parts(model, state, particles, p);
            let level = u32::from(particles.level[p]);
            particle_count += parts;
            let share = parts as f64 / f64::from(1u32 << (3 * level));
            cells += share * particles.volume[p] / model.cell_width.powi(3);
        }
        Self {
            particle_count,
            cells: cells.round() as u64,
            state_bytes: particle_count * STATE_BYTES_F32,
            ratio: particle_count as f64 / state.present().count().max(1) as f64,
        }
    }
}

/// Where a fine grid has no material: deep inside of what stands still.
pub(super) struct Buried {
    solids: Vec<(Shape, Pose)>,
    depth: f64,
}

impl Buried {
    pub fn of(model: &Model) -> Self {
        let still = model.colliders.iter().enumerate();
        let still = still.filter(|(c, collider)| !collider.moves(*c, &model.actions));
        Self {
            solids: still.map(|(_, c)| (c.shape.clone(), c.pose)).collect(),
            depth: FILL_CELLS * model.cell_width,
        }
    }

    /// Whether a world position [m] lies there; of a lattice's sites, those within rounding of the depth do not.
    fn holds(&self, place: Vec3<f64>) -> bool {
        distance_to_solids(&self.solids, place) < -self.depth * (1.0 + 1e-9)
    }

    /// How many particles of the finest level a particle stands for, looked at along its height.
    fn fine_parts(
        &self,
        model: &Model,
        state: &State<f64>,
        particles: &Particles,
        p: usize,
    ) -> u64 {
        let along = 1u64 << particles.level[p];
        let [x, y, z] = state.world_position(p, model.cell_width, model.origin);
        let step = particles.volume[p].cbrt() / along as f64;
        let place = |k: u64| Vec3([x, y, z + step * (k as f64 + 0.5 - 0.5 * along as f64)]);
        let layers = (0..along).filter(|&k| !self.holds(place(k))).count() as u64;
        layers * along * along
    }

    /// Particles of the finest level in a chunk of terrain that lie there.
    pub fn in_chunk(
        &self,
        terrain: &Terrain,
        frame: Frame,
        chunk_cells: i32,
        key: ChunkKey,
    ) -> u64 {
        let spacing = frame.cell_width / f64::from(terrain.per_axis);
        let edge = f64::from(chunk_cells) * frame.cell_width;
        let at = |k: i32, n: usize| (f64::from(k) + (n as f64 + 0.5) / COLUMNS as f64) * edge;
        let mut sites = 0usize;
        for (i, j) in (0..COLUMNS).flat_map(|i| (0..COLUMNS).map(move |j| (i, j))) {
            let (x, y) = (at(key[0], i), at(key[1], j));
            let (height, _) = terrain.height(x, y);
            let count = ((height - terrain.bottom) / spacing).round().max(0.0) as usize;
            let middle = |k: usize| Vec3([x, y, terrain.bottom + (k as f64 + 0.5) * spacing]);
            // Of what is carved out there is nothing to leave out.
            let is_made = |place| distance_to_solids(&terrain.carved, place) >= 0.0;
            sites += (0..count).filter(|&k| self.holds(middle(k)) && is_made(middle(k))).count();
        }
        let columns = (edge / spacing).powi(2) / (COLUMNS * COLUMNS) as f64;
        (sites as f64 * columns).round() as u64
    }
}

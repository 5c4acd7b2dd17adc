//! The sites of a body's particles, on the lattices of all levels.

use super::bodies::Ground;
use crate::math::Vec3;
use crate::model::Field;
use crate::mpm::state::split_position;

/// Shift of the sampled points, in spacings, that puts a point on a lower face inside and one on an
/// upper face outside, so that a face through lattice points is not counted twice.
const TIE_BREAK: f64 = 1e-7;

/// By how much a place may be nearer to a fine level than a coarse particle of it should, in cells.
const TIE_CELLS: f64 = 1e-3;

/// Nodes along the edge of a block, in which solvers visit particles.
const BLOCK_EDGE: i64 = 4;

/// The lattices of all levels, to be filled.
pub(super) struct Lattice<'a> {
    /// Of level 0 [m].
    pub spacing: f64,
    /// Sites of level 0 along the edge of a cell.
    pub per_axis: i64,
    pub inside: &'a dyn Fn(Vec3<f64>) -> bool,
    pub field: &'a Field<f64>,
    pub ground: &'a Ground<'a>,
}

impl Lattice<'_> {
    /// The sites to be filled with one particle each, among so many of the coarsest level from `low` on,
    /// with their levels; or how many there are already, if that is more than `room`.
    ///
    /// They come in the order in which solvers visit them, so that what is constant of each particle is
    /// read in the order of memory.
    pub fn sites(
        &self,
        low: [i64; 3],
        count: [i64; 3],
        room: usize,
    ) -> Result<Vec<([i64; 3], u8)>, usize> {
        let top = self.ground.levels.count() as u8 - 1;
        let mut sites = Vec::new();
        for i in 0..count[0] {
            for j in 0..count[1] {
                for k in 0..count[2] {
                    self.fill([low[0] + i, low[1] + j, low[2] + k], top, &mut sites);
                    if sites.len() > room {
                        return Err(sites.len());
                    }
                }
            }
        }
        sites.sort_unstable_by_key(|&(site, level)| {
            // The nearest node of the level: (i + 1/2)/per_axis, rounded.
            let node = site.map(|i| (2 * i + 1 + self.per_axis).div_euclid(2 * self.per_axis));
            (level, node.map(|n| n.div_euclid(BLOCK_EDGE)), node, site)
        });
        Ok(sites)
    }

    /// Fills a site of a level: with one particle where that level is fine enough and all of the site
    /// is inside, else site by site of the next finer level.
    fn fill(&self, site: [i64; 3], level: u8, sites: &mut Vec<([i64; 3], u8)>) {
        if level == 0 {
            if (self.inside)(self.point(site)) {
                sites.push((site, 0));
            }
        } else if self.is_coarse(site, level) && self.is_full(site, level) {
            sites.push((site, level));
        } else {
            for n in 0..8 {
                let corner = [n >> 2, n >> 1 & 1, n & 1];
                let child = std::array::from_fn(|a| 2 * site[a] + corner[a]);
                self.fill(child, level - 1, sites);
            }
        }
    }

    /// Whether a particle of this level may stand there, with the margin to being split.
    fn is_coarse(&self, site: [i64; 3], level: u8) -> bool {
        let spacing = self.spacing * f64::from(1u32 << level);
        let cells = spacing / self.ground.cell_width;
        let split = site.map(|i| split_position((i as f64 + 0.5) * cells));
        let offset = Vec3(split.map(|(_, offset)| offset));
        let margin = self.ground.levels.hysteresis + 0.5 * spacing;
        // Lattice and boxes are often aligned: what is at the margin here is beyond it for the solver,
        // which would otherwise merge by round-off what was just sampled.
        let margin = margin - TIE_CELLS * self.ground.cell_width;
        self.field.finest(split.map(|(cell, _)| cell), offset, margin) >= level
    }

    /// Whether every finest point of the site is inside.
    fn is_full(&self, site: [i64; 3], level: u8) -> bool {
        let edge = 1i64 << level;
        (0..edge.pow(3)).all(|n| {
            let within = [n / (edge * edge), n / edge % edge, n % edge];
            (self.inside)(self.point(std::array::from_fn(|a| site[a] * edge + within[a])))
        })
    }

    /// A lattice point of level 0 [m], shifted by [`TIE_BREAK`].
    fn point(&self, site: [i64; 3]) -> Vec3<f64> {
        Vec3(site.map(|i| (i as f64 + 0.5 + TIE_BREAK) * self.spacing))
    }
}

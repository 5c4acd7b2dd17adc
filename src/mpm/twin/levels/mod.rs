//! Levels of resolution, blended by a partition of unity (numerics.md 5, formulas.md 5).
//!
//! Level l has its own grid, of cells `2^l` times as wide. A resolution field says which levels a
//! place takes part in: one, or in a transition band two, with shares that sum to one. What such a
//! particle gives to each level, and takes from it, is in `p2g` and `g2p`; how particles are split
//! and merged between control steps is in `change`.

mod adaptation;
mod change;
mod merge;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_by_poses;
#[cfg(test)]
mod tests_of_sums;

use crate::model::ReachBar;
pub use crate::model::{Blend, BlendBar, Field};
pub use adaptation::{Adaptation, Adapted, Kind, Source};
pub use change::{Change, adapt};

use super::blocks::{BLOCK_EDGE, Sorted};
use super::context::Context;
use super::cotangents::ParameterBars;
use super::storage::Stored;
use super::tiles::Tile;
use super::transfer::Stencil;
use crate::math::{Mat3, Scalar, Vec3};
use rayon::prelude::*;
use std::sync::Arc;

/// One level's lattice.
#[derive(Clone, Copy, Debug)]
pub struct Lattice<R> {
    /// Cell width h [m] and its inverse.
    pub cell_width: R,
    pub inverse_width: R,
    /// D = h²/4 of the quadratic B-spline [m²], and its inverse.
    pub d: R,
    pub inverse_d: R,
}

impl<R: Scalar> Lattice<R> {
    pub fn new(finest: f64, level: usize) -> Self {
        let h = finest * f64::from(1u32 << level);
        let r = R::from_f64;
        Self {
            cell_width: r(h),
            inverse_width: r(1.0 / h),
            d: r(h * h / 4.0),
            inverse_d: r(4.0 / (h * h)),
        }
    }
}

/// What a level takes: there are eight at most.
const LEVEL_BITS: u32 = 3;

/// Particles whose places are found by one thread at a time.
const CHUNK: usize = 4096;

/// Which levels each particle takes part in, by storage position.
#[derive(Clone, Debug)]
pub struct Places<R> {
    /// Level in the low bits, index into `blends` plus one above them; empty where there is one level.
    homes: Vec<u32>,
    pub blends: Vec<Blend<R>>,
    /// What they were found in, if gradients count how it moves.
    field: Option<Arc<Field<R>>>,
}

/// Answers for all particles of a block of nodes at once, as most are far from every band. Particles are
/// stored by block, so that the last answer mostly is the next.
struct Neighbourhood {
    /// How far around the block [cells].
    more: i32,
    last: Option<([i32; 3], Option<u8>)>,
}

impl Neighbourhood {
    fn within(more: i32) -> Self {
        Self { more, last: None }
    }

    /// The one level that all places around a node take part in, if there is one.
    #[inline(always)]
    fn only_level<R: Scalar>(&mut self, field: &Field<R>, cell: [i32; 3]) -> Option<u8> {
        let block = cell.map(|c| c.div_euclid(BLOCK_EDGE));
        match self.last {
            Some((same, level)) if same == block => level,
            _ => {
                let middle = block.map(|b| b * BLOCK_EDGE + BLOCK_EDGE / 2);
                let level = field.only_level(middle, BLOCK_EDGE / 2 + self.more);
                self.last = Some((block, level));
                level
            }
        }
    }
}

impl<R> Default for Places<R> {
    fn default() -> Self {
        Self { homes: Vec::new(), blends: Vec::new(), field: None }
    }
}

impl<R: Scalar> Places<R> {
    /// The places of all particles in a field; empty if all are on the finest level alone.
    pub fn new(field: &Field<R>, cells: &[[i32; 3]], offsets: &[Vec3<R>]) -> Self {
        let mut homes = vec![0; cells.len()];
        let part = |(homes, (cells, offsets)): (&mut [u32], (&[[i32; 3]], &[Vec3<R>]))| {
            let mut blends = Vec::new();
            let mut is_fine = true;
            let mut around = Neighbourhood::within(1);
            for ((&cell, &offset), home) in cells.iter().zip(offsets).zip(homes) {
                let (level, blend) = match around.only_level(field, cell) {
                    Some(level) => (level, None),
                    None => field.place(cell, offset),
                };
                *home = u32::from(level);
                if let Some(blend) = blend {
                    blends.push(blend);
                    *home |= (blends.len() as u32) << LEVEL_BITS;
                }
                is_fine &= *home == 0;
            }
            (is_fine, blends)
        };
        let particles = cells.par_chunks(CHUNK).zip(offsets.par_chunks(CHUNK));
        let parts: Vec<_> = homes.par_chunks_mut(CHUNK).zip(particles).map(part).collect();
        if parts.iter().all(|&(is_fine, _)| is_fine) {
            return Self::default();
        }
        let mut places = Self { homes, blends: Vec::new(), field: None };
        for ((_, blends), homes) in parts.into_iter().zip(places.homes.chunks_mut(CHUNK)) {
            let before = (places.blends.len() as u32) << LEVEL_BITS;
            if !blends.is_empty() && before > 0 {
                homes.iter_mut().filter(|home| **home >> LEVEL_BITS > 0).for_each(|h| *h += before);
            }
            places.blends.extend(blends);
        }
        places
    }

    /// The same, with gradients that count how the field moves.
    pub fn moving(self, field: Field<R>) -> Self {
        Self { field: Some(Arc::new(field)), ..self }
    }

    /// The finest level that the particle takes part in.
    #[inline(always)]
    pub fn level(&self, p: usize) -> u8 {
        if self.homes.is_empty() { 0 } else { self.homes[p] as u8 & ((1 << LEVEL_BITS) - 1) }
    }

    #[inline(always)]
    pub fn blend(&self, p: usize) -> Option<&Blend<R>> {
        if self.blends.is_empty() {
            return None;
        }
        (self.homes[p] >> LEVEL_BITS).checked_sub(1).map(|b| &self.blends[b as usize])
    }
}

/// The nearest node of a level to a place on the finest lattice.
#[inline]
pub fn nearest_node<R: Scalar>(cell: [i32; 3], offset: Vec3<R>, level: u8) -> [i32; 3] {
    std::array::from_fn(|a| {
        // floor((cell + offset)/2^l + 1/2), by integers: ties go up, as on the finest level.
        let shifted = cell[a].wrapping_add(1 << level >> 1);
        let base = shifted >> level;
        let remainder = shifted - (base << level);
        if remainder == 0 && offset[a] < R::zero() { base - 1 } else { base }
    })
}

/// Offset from a node of a level, in its cell widths.
#[inline]
pub fn offset_from<R: Scalar>(
    cell: [i32; 3],
    offset: Vec3<R>,
    node: [i32; 3],
    level: u8,
) -> Vec3<R> {
    let scale = R::from_f64(1.0 / f64::from(1u32 << level));
    Vec3::from_fn(|a| {
        let cells = cell[a].wrapping_sub(node[a] << level);
        (R::from_f64(f64::from(cells)) + offset[a]) * scale
    })
}

/// What the particles of a block have in common. Most blocks lie in no band, and what happens for
/// each particle asks its block rather than the particle.
pub struct Home<R> {
    pub level: u8,
    /// The grid of the level.
    pub lattice: Lattice<R>,
    /// Whether any of them is shared with the level above.
    is_in_band: bool,
}

impl<R: Scalar> Home<R> {
    #[inline]
    pub fn new(ctx: &Context<R>, sorted: &Sorted, block: usize) -> Self {
        let level = sorted.blocks.particle_keys[block].level;
        let lattice = ctx.lattices[level as usize];
        Self { level, lattice, is_in_band: sorted.blocks.upper_of(block).is_some() }
    }

    /// How one of its particles is shared with the level above, if it is.
    #[inline(always)]
    pub fn blend<'a>(&self, stored: &'a Stored<R>, p: usize) -> Option<&'a Blend<R>> {
        if self.is_in_band { stored.places.blend(p) } else { None }
    }
}

/// The stencil of a particle on the level above its home, in the second tile of its block, which
/// starts at the node `2 k - 1`, k the block's coordinate.
#[inline]
fn upper_stencil<R: Scalar>(ctx: &Context<R>, stored: &Stored<R>, p: usize) -> Stencil<R> {
    let (key, _) = stored.home(p);
    let level = key.level + 1;
    let lattice = &ctx.lattices[level as usize];
    let (cell, offset) = (stored.cell[p], stored.offset[p]);
    let node = nearest_node(cell, offset, level);
    let first = std::array::from_fn(|a| {
        node[a].wrapping_sub(key.at[a].wrapping_mul(BLOCK_EDGE / 2)) as usize
    });
    Stencil::at(offset_from(cell, offset, node, level), first, lattice)
}

/// One of the two levels that a particle in a band is shared between.
#[derive(Clone, Copy)]
pub struct Side<R: Scalar> {
    pub stencil: Stencil<R>,
    pub lattice: Lattice<R>,
    /// Share lambda of the level, and its gradient [1/m].
    pub share: R,
    pub gradient: Vec3<R>,
}

/// Both levels of a particle in a band, the finer one first.
#[inline]
pub fn sides<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    p: usize,
    (home, blend): (&Home<R>, &Blend<R>),
) -> [Side<R>; 2] {
    let stencils = [super::transfer::stencil(stored, p, home), upper_stencil(ctx, stored, p)];
    std::array::from_fn(|n| Side {
        stencil: stencils[n],
        lattice: ctx.lattices[home.level as usize + n],
        share: blend.shares[n],
        gradient: blend.gradient(n),
    })
}

/// Cotangent of the position of a particle in a band, by how it is shared; that of the field is added to the
/// parameters, if it counts.
pub fn share_adj<R: Scalar>(
    stored: &Stored<R>,
    p: usize,
    (blend, bar): (&Blend<R>, &BlendBar<R>),
    parameters: &mut ParameterBars,
) -> Vec3<R> {
    if let Some(field) = &stored.places.field {
        parameters.reaches.resize(field.reaches.len(), ReachBar::ZERO);
        let place = (stored.cell[p], stored.offset[p]);
        field.reaches_adj(place, blend, bar, &mut parameters.reaches);
    }
    blend.position_bar(bar)
}

/// What the two levels say about a particle in a band.
#[derive(Clone, Copy)]
pub struct Blended<R> {
    /// Velocity and affine velocity on each level.
    pub v: [Vec3<R>; 2],
    pub c: [Mat3<R>; 2],
    /// `D_l / Σ λ D`
    pub weights: [R; 2],
}

impl<R: Scalar> Blended<R> {
    /// From the node velocities of both levels.
    #[inline]
    pub fn gather(sides: &[Side<R>; 2], tiles: [&Tile<R>; 2]) -> Self {
        let [fine, coarse] = sides;
        let mean_d = fine.share * fine.lattice.d + coarse.share * coarse.lattice.d;
        let at: [_; 2] = std::array::from_fn(|n| {
            let side = &sides[n];
            let ([x, y, z, _], moment) = super::transfer::gather(&side.stencil, tiles[n]);
            (Vec3([x, y, z]), moment * side.lattice.inverse_d)
        });
        Self {
            v: at.map(|(v, _)| v),
            c: at.map(|(_, c)| c),
            weights: std::array::from_fn(|n| sides[n].lattice.d / mean_d),
        }
    }

    /// `v = Σ λ v^l`
    #[inline]
    pub fn velocity(&self, sides: &[Side<R>; 2]) -> Vec3<R> {
        self.v[0] * sides[0].share + self.v[1] * sides[1].share
    }

    /// `C = Σ λ D C^l / Σ λ D`: D-weighted, so that angular momentum is kept.
    #[inline]
    pub fn affine(&self, sides: &[Side<R>; 2]) -> Mat3<R> {
        self.c[0] * (sides[0].share * self.weights[0])
            + self.c[1] * (sides[1].share * self.weights[1])
    }

    /// The velocity gradient that deforms: `L = Σ λ C^l + v^l ∇λᵀ`.
    #[inline]
    pub fn velocity_gradient(&self, sides: &[Side<R>; 2]) -> Mat3<R> {
        let one = |n: usize| self.c[n] * sides[n].share + self.v[n].outer(sides[n].gradient);
        one(0) + one(1)
    }
}

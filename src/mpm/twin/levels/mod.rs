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

pub use crate::model::{Blend, Field};
pub use adaptation::{Adaptation, Adapted, Kind, Source};
pub use change::{Change, adapt};

use super::blocks::BLOCK_EDGE;
use super::context::Context;
use super::storage::Stored;
use super::tiles::Tile;
use super::transfer::Stencil;
use crate::math::{Mat3, Scalar, Vec3};
use rayon::prelude::*;

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
}

impl<R> Default for Places<R> {
    fn default() -> Self {
        Self { homes: Vec::new(), blends: Vec::new() }
    }
}

impl<R: Scalar> Places<R> {
    /// The places of all particles in a field.
    pub fn new(field: &Field<R>, cells: &[[i32; 3]], offsets: &[Vec3<R>]) -> Self {
        let part = |(cells, offsets): (&[[i32; 3]], &[Vec3<R>])| {
            let mut part = Self::default();
            for (&cell, &offset) in cells.iter().zip(offsets) {
                let (level, blend) = field.place(cell, offset);
                let mut home = u32::from(level);
                if let Some(blend) = blend {
                    part.blends.push(blend);
                    home |= (part.blends.len() as u32) << LEVEL_BITS;
                }
                part.homes.push(home);
            }
            part
        };
        let parts: Vec<Self> =
            cells.par_chunks(CHUNK).zip(offsets.par_chunks(CHUNK)).map(part).collect();
        let mut places = Self { homes: Vec::with_capacity(cells.len()), blends: Vec::new() };
        for part in parts {
            let before = (places.blends.len() as u32) << LEVEL_BITS;
            let shifted = |home: u32| if home >> LEVEL_BITS > 0 { home + before } else { home };
            places.homes.extend(part.homes.into_iter().map(shifted));
            places.blends.extend(part.blends);
        }
        places
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

/// The stencil of a particle on the level above its home, in the second tile of its block, which
/// starts at the node `2 k - 1`, k the block's coordinate.
#[inline]
pub fn upper_stencil<R: Scalar>(ctx: &Context<R>, stored: &Stored<R>, p: usize) -> Stencil<R> {
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
    blend: &Blend<R>,
) -> [Side<R>; 2] {
    let home = stored.places.level(p) as usize;
    let stencils = [super::transfer::stencil(ctx, stored, p), upper_stencil(ctx, stored, p)];
    std::array::from_fn(|n| Side {
        stencil: stencils[n],
        lattice: ctx.lattices[home + n],
        share: blend.shares[n],
        gradient: blend.gradient(n),
    })
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

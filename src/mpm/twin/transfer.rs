//! The quadratic B-spline stencil and the two transfers between a particle and its 27 nodes.
//!
//! Four kernels need only two skeletons, because the adjoint of a scatter is a gather: p2g and the
//! adjoint of g2p scatter, g2p and the adjoint of p2g gather. The stencil owns its derivative.

use super::blocks::{BLOCK_EDGE, TILE_EDGE};
use super::context::Context;
use super::levels::{Lattice, offset_from};
use super::storage::Stored;
use crate::math::{Mat3, Quad, Scalar, Vec3};

/// Four numbers of a node or of a particle's contribution: three of a vector, one of a scalar.
pub type Row<R> = <R as Scalar>::Quad;

/// The 27 weights of a particle, by axis.
#[derive(Clone, Copy)]
pub struct Stencil<R> {
    /// Weights of the nodes at -1, 0, +1 from the nearest, per axis.
    w: [[R; 3]; 3],
    /// Their derivatives by the particle's position [1/m].
    slope: [[R; 3]; 3],
    /// Nearest node minus particle [m].
    to_nearest: Vec3<R>,
    cell_width: R,
    /// Tile index of the node at (-1, -1, -1).
    base: usize,
}

impl<R: Scalar> Stencil<R> {
    /// `offset` in cell widths from the nearest node, `first` the place in the tile of the node at
    /// (-1, -1, -1) from it.
    #[inline(always)]
    pub fn at(offset: Vec3<R>, first: [usize; 3], lattice: &Lattice<R>) -> Self {
        let &Lattice { cell_width, inverse_width, .. } = lattice;
        let (half, two) = (R::from_f64(0.5), R::from_f64(2.0));
        let mut w = [[R::zero(); 3]; 3];
        let mut slope = w;
        for a in 0..3 {
            let o = offset[a];
            let (left, right) = (half - o, half + o);
            w[a] = [half * left * left, R::from_f64(0.75) - o * o, half * right * right];
            slope[a] = [-left * inverse_width, -two * o * inverse_width, right * inverse_width];
        }
        let base = (first[0] * TILE_EDGE + first[1]) * TILE_EDGE + first[2];
        Self { w, slope, to_nearest: -offset * cell_width, cell_width, base }
    }

    /// The weights along an axis, each in a full row.
    #[inline(always)]
    fn weights(&self, axis: usize) -> [Row<R>; 3] {
        self.w[axis].map(Quad::splat)
    }

    /// Their derivatives, alike.
    #[inline(always)]
    fn slopes(&self, axis: usize) -> [Row<R>; 3] {
        self.slope[axis].map(Quad::splat)
    }

    /// The three nodes along z at (i, j).
    #[inline(always)]
    fn line(&self, i: usize, j: usize) -> std::ops::Range<usize> {
        let start = self.base + (i * TILE_EDGE + j) * TILE_EDGE;
        start..start + 3
    }
}

/// The stencil of the particle at a storage position, on the finest level that it takes part in.
#[inline(always)]
pub fn stencil<R: Scalar>(ctx: &Context<R>, stored: &Stored<R>, p: usize) -> Stencil<R> {
    let (key, local) = stored.home(p);
    // The tile starts one node before the block: the node at -1 has the block's own index.
    let first = [local >> 4, local >> 2 & 3, local & 3];
    let offset = match key.level {
        0 => stored.offset[p],
        level => {
            let node = std::array::from_fn(|a| key.at[a] * BLOCK_EDGE + first[a] as i32);
            offset_from(stored.cell[p], stored.offset[p], node, level)
        }
    };
    Stencil::at(offset, first, &ctx.lattices[key.level as usize])
}

/// What a particle gives to a node at distance d: `(vector + matrix d, scalar)`, times the weight.
#[derive(Clone, Copy)]
pub struct Contribution<R: Scalar> {
    /// To the nearest node.
    nearest: Row<R>,
    /// What it gives more to the next node along each axis.
    step: [Row<R>; 3],
}

impl<R: Scalar> Contribution<R> {
    #[inline(always)]
    pub fn new(s: &Stencil<R>, vector: Vec3<R>, matrix: Mat3<R>, scalar: R) -> Self {
        let at_nearest = vector + matrix * s.to_nearest;
        let column = |j: usize| {
            let m = |i: usize| matrix.0[i][j] * s.cell_width;
            Row::<R>::new([m(0), m(1), m(2), R::zero()])
        };
        Self {
            nearest: Row::<R>::new([at_nearest[0], at_nearest[1], at_nearest[2], scalar]),
            step: [column(0), column(1), column(2)],
        }
    }

    /// To the nodes at -1, 0, +1 along an axis from one that gets `middle`.
    #[inline(always)]
    fn along(&self, axis: usize, middle: Row<R>) -> [Row<R>; 3] {
        [middle - self.step[axis], middle, middle + self.step[axis]]
    }
}

/// `tile_i += w_i (vector + matrix d_i, scalar)`.
#[inline(always)]
pub fn scatter<R: Scalar>(s: &Stencil<R>, give: &Contribution<R>, tile: &mut [Row<R>]) {
    let wz = s.weights(2);
    let at_x = give.along(0, give.nearest);
    for i in 0..3 {
        let at_xy = give.along(1, at_x[i]);
        for j in 0..3 {
            let w_xy = Row::<R>::splat(s.w[0][i] * s.w[1][j]);
            let (middle, step) = (at_xy[j] * w_xy, give.step[2] * w_xy);
            let nodes = &mut tile[s.line(i, j)];
            nodes[0] += (middle - step) * wz[0];
            nodes[1] += middle * wz[1];
            nodes[2] += (middle + step) * wz[2];
        }
    }
}

/// Moments of the nodes' rows: `(Σ w g, Σ w g dᵀ)`; the second for the three vector entries only.
#[inline(always)]
pub fn gather<R: Scalar>(s: &Stencil<R>, tile: &[Row<R>]) -> ([R; 4], Mat3<R>) {
    let zero = Row::<R>::splat(R::zero());
    let (wx, wy, wz) = (s.weights(0), s.weights(1), s.weights(2));
    // Moments about the nearest node in cell widths: the node at k counts k.
    let mut planes = [zero; 3];
    let (mut by_y, mut by_z) = (zero, zero);
    for i in 0..3 {
        let mut lines = [zero; 3];
        let mut plane_z = zero;
        for j in 0..3 {
            let nodes = &tile[s.line(i, j)];
            let (left, right) = (nodes[0] * wz[0], nodes[2] * wz[2]);
            lines[j] = (left + nodes[1] * wz[1] + right) * wy[j];
            plane_z += (right - left) * wy[j];
        }
        planes[i] = (lines[0] + lines[1] + lines[2]) * wx[i];
        by_y += (lines[2] - lines[0]) * wx[i];
        by_z += plane_z * wx[i];
    }
    let sum = (planes[0] + planes[1] + planes[2]).array();
    let by = [(planes[2] - planes[0]).array(), by_y.array(), by_z.array()];
    let moment = |a: usize, b: usize| by[b][a] * s.cell_width + sum[a] * s.to_nearest[b];
    (sum, Mat3::from_fn(moment))
}

/// How the pairing of the nodes' rows with what a particle gives changes as the weights move with
/// the particle: `Σ_i (g_i · give(d_i)) ∇w_i` [1/m]. (The part through d is left to the caller.)
#[inline(always)]
pub fn gather_slope<R: Scalar>(s: &Stencil<R>, give: &Contribution<R>, tile: &[Row<R>]) -> Vec3<R> {
    gather_with_slope(s, give, tile).2
}

/// The moments `Σ w g` and, of the vector entries, `Σ w g dᵀ`, and the slope of [`gather_slope`],
/// from one pass over the nodes.
///
/// With what is given linear in the node's place, `give = nearest + Σ_a k_a step_a`, the slope is a
/// pairing of `nearest` and the steps with moments under weights of which one is a slope.
#[inline(always)]
pub fn gather_with_slope<R: Scalar>(
    s: &Stencil<R>,
    give: &Contribution<R>,
    tile: &[Row<R>],
) -> ([R; 4], Mat3<R>, Vec3<R>) {
    let zero = Row::<R>::splat(R::zero());
    let (wx, wy, wz) = (s.weights(0), s.weights(1), s.weights(2));
    let (sx, sy, sz) = (s.slopes(0), s.slopes(1), s.slopes(2));
    let (mut sum, mut by_x, mut by_y, mut by_z) = (zero, zero, zero, zero);
    let (mut slope_x, mut slope_y, mut slope_z) = (zero, zero, zero);
    let at_x = give.along(0, give.nearest);
    for i in 0..3 {
        let at_xy = give.along(1, at_x[i]);
        let (mut plane, mut plane_y, mut plane_z) = (zero, zero, zero);
        let (mut pair, mut pair_y, mut pair_z) = (zero, zero, zero);
        for j in 0..3 {
            let nodes = &tile[s.line(i, j)];
            let (left, right) = (nodes[0] * wz[0], nodes[2] * wz[2]);
            let (line, line_z) = (left + nodes[1] * wz[1] + right, right - left);
            let (left, right) = (nodes[0] * sz[0], nodes[2] * sz[2]);
            let (steep, steep_z) = (left + nodes[1] * sz[1] + right, right - left);
            // Σ_k w_k (g_k · (at_xy + k step)), entry by entry; summed over entries at the end.
            let paired = line * at_xy[j] + line_z * give.step[2];
            let weighted = line * wy[j];
            plane += weighted;
            match j {
                0 => plane_y = zero - weighted,
                2 => plane_y += weighted,
                _ => {}
            }
            plane_z += line_z * wy[j];
            pair += paired * wy[j];
            pair_y += paired * sy[j];
            pair_z += (steep * at_xy[j] + steep_z * give.step[2]) * wy[j];
        }
        let weighted = plane * wx[i];
        sum += weighted;
        match i {
            0 => by_x = zero - weighted,
            2 => by_x += weighted,
            _ => {}
        }
        by_y += plane_y * wx[i];
        by_z += plane_z * wx[i];
        slope_x += pair * sx[i];
        slope_y += pair_y * wx[i];
        slope_z += pair_z * wx[i];
    }
    let sum = sum.array();
    let by = [by_x.array(), by_y.array(), by_z.array()];
    let moment = |a: usize, b: usize| by[b][a] * s.cell_width + sum[a] * s.to_nearest[b];
    let total = |row: Row<R>| {
        let [a, b, c, d] = row.array();
        (a + b) + (c + d)
    };
    (sum, Mat3::from_fn(moment), Vec3([total(slope_x), total(slope_y), total(slope_z)]))
}

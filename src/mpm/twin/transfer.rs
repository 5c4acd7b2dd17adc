//! The quadratic B-spline stencil and the two transfers between a particle and its 27 nodes.
//!
//! Four kernels need only two skeletons, because the adjoint of a scatter is a gather: p2g and the
//! adjoint of g2p scatter, g2p and the adjoint of p2g gather. The stencil owns its derivative.

use super::blocks::{TILE_EDGE, block_of};
use super::context::Context;
use super::storage::Stored;
use crate::math::{Mat3, Scalar, Vec3};

/// Four numbers of a node or of a particle's contribution: three of a vector, one of a scalar.
pub type Row<R> = [R; 4];

/// The 27 weights of a particle, by axis.
#[derive(Clone, Copy)]
pub struct Stencil<R> {
    /// Weights of the nodes at -1, 0, +1 from the nearest, per axis.
    pub w: [[R; 3]; 3],
    /// Their derivatives by the particle's position [1/m].
    pub slope: [[R; 3]; 3],
    /// Node minus particle [m].
    pub dpos: [[R; 3]; 3],
    /// Tile index of the node at (-1, -1, -1).
    pub base: usize,
}

impl<R: Scalar> Stencil<R> {
    /// `offset` in cell widths from the nearest node, `local` that node's index in its block.
    #[inline(always)]
    pub fn new(offset: Vec3<R>, local: usize, cell_width: R, inverse_width: R) -> Self {
        let (half, one, two) = (R::from_f64(0.5), R::one(), R::from_f64(2.0));
        let mut w = [[R::zero(); 3]; 3];
        let (mut slope, mut dpos) = (w, w);
        for a in 0..3 {
            let o = offset[a];
            let (left, right) = (half - o, half + o);
            w[a] = [half * left * left, R::from_f64(0.75) - o * o, half * right * right];
            slope[a] = [-left * inverse_width, -two * o * inverse_width, right * inverse_width];
            dpos[a] = [(-one - o) * cell_width, -o * cell_width, (one - o) * cell_width];
        }
        // The tile starts one node before the block: the node at -1 has the block's own index.
        let base = ((local >> 4) * TILE_EDGE + (local >> 2 & 3)) * TILE_EDGE + (local & 3);
        Self { w, slope, dpos, base }
    }
}

/// The stencil of the particle at a storage position.
#[inline(always)]
pub fn stencil<R: Scalar>(ctx: &Context<R>, stored: &Stored<R>, p: usize) -> Stencil<R> {
    let (_, local) = block_of(stored.cell[p]);
    Stencil::new(stored.offset[p], local, ctx.cell_width, ctx.inverse_width)
}

/// What a particle gives to a node at distance d: `(vector + matrix d, scalar)`, times the weight.
#[derive(Clone, Copy)]
pub struct Contribution<R> {
    constant: Row<R>,
    /// Columns of the matrix; the fourth entries are zero.
    linear: [Row<R>; 3],
}

impl<R: Scalar> Contribution<R> {
    #[inline(always)]
    pub fn new(vector: Vec3<R>, matrix: Mat3<R>, scalar: R) -> Self {
        let [x, y, z] = vector.0;
        let column = |j: usize| [matrix.0[0][j], matrix.0[1][j], matrix.0[2][j], R::zero()];
        Self { constant: [x, y, z, scalar], linear: [column(0), column(1), column(2)] }
    }
}

/// `tile_i += w_i (vector + matrix d_i, scalar)`.
#[inline(always)]
pub fn scatter<R: Scalar>(s: &Stencil<R>, give: &Contribution<R>, tile: &mut [Row<R>]) {
    let along = linear_parts(s, give);
    for i in 0..3 {
        let at_x = add(give.constant, along[0][i]);
        for j in 0..3 {
            let at_xy = add(at_x, along[1][j]);
            let w_xy = s.w[0][i] * s.w[1][j];
            let start = s.base + (i * TILE_EDGE + j) * TILE_EDGE;
            let row: &mut [Row<R>; 3] =
                (&mut tile[start..start + 3]).try_into().expect("three nodes");
            for k in 0..3 {
                let w = w_xy * s.w[2][k];
                for n in 0..4 {
                    row[k][n] += (at_xy[n] + along[2][k][n]) * w;
                }
            }
        }
    }
}

/// Moments of the nodes' rows: `(Σ w g, Σ w g dᵀ)`; the second for the three vector entries only.
#[inline(always)]
pub fn gather<R: Scalar>(s: &Stencil<R>, tile: &[Row<R>]) -> (Row<R>, Mat3<R>) {
    let zero = [R::zero(); 4];
    let (mut sum, mut by_x, mut by_y, mut by_z) = (zero, zero, zero, zero);
    let wz_dz: [R; 3] = std::array::from_fn(|k| s.w[2][k] * s.dpos[2][k]);
    for i in 0..3 {
        let (mut row_sum, mut row_y, mut row_z) = (zero, zero, zero);
        for j in 0..3 {
            let start = s.base + (i * TILE_EDGE + j) * TILE_EDGE;
            let row: &[Row<R>; 3] = tile[start..start + 3].try_into().expect("three nodes");
            let wy = s.w[1][j];
            let wy_dy = wy * s.dpos[1][j];
            for n in 0..4 {
                let line = row[0][n] * s.w[2][0] + row[1][n] * s.w[2][1] + row[2][n] * s.w[2][2];
                let line_z = row[0][n] * wz_dz[0] + row[1][n] * wz_dz[1] + row[2][n] * wz_dz[2];
                row_sum[n] += line * wy;
                row_y[n] += line * wy_dy;
                row_z[n] += line_z * wy;
            }
        }
        let wx = s.w[0][i];
        let wx_dx = wx * s.dpos[0][i];
        for n in 0..4 {
            sum[n] += row_sum[n] * wx;
            by_x[n] += row_sum[n] * wx_dx;
            by_y[n] += row_y[n] * wx;
            by_z[n] += row_z[n] * wx;
        }
    }
    (sum, Mat3::from_fn(|a, b| [by_x, by_y, by_z][b][a]))
}

/// `Σ_i (g_i · give(d_i)) ∇w_i` [1/m]: how the pairing of the nodes' rows with what the particle
/// gives changes as the weights move with the particle. (The part through d is left to the caller.)
#[inline(always)]
pub fn gather_slope<R: Scalar>(s: &Stencil<R>, give: &Contribution<R>, tile: &[Row<R>]) -> Vec3<R> {
    let along = linear_parts(s, give);
    let mut slope = Vec3::zero();
    for i in 0..3 {
        let at_x = add(give.constant, along[0][i]);
        let (mut line_sum, mut line_y, mut line_z) = (R::zero(), R::zero(), R::zero());
        for j in 0..3 {
            let at_xy = add(at_x, along[1][j]);
            let start = s.base + (i * TILE_EDGE + j) * TILE_EDGE;
            let row: &[Row<R>; 3] = tile[start..start + 3].try_into().expect("three nodes");
            let (mut pair, mut pair_z) = (R::zero(), R::zero());
            for k in 0..3 {
                let mut product = [R::zero(); 4];
                for n in 0..4 {
                    product[n] = row[k][n] * (at_xy[n] + along[2][k][n]);
                }
                let phi = (product[0] + product[1]) + (product[2] + product[3]);
                pair += phi * s.w[2][k];
                pair_z += phi * s.slope[2][k];
            }
            line_sum += pair * s.w[1][j];
            line_y += pair * s.slope[1][j];
            line_z += pair_z * s.w[1][j];
        }
        slope += Vec3([line_sum * s.slope[0][i], line_y * s.w[0][i], line_z * s.w[0][i]]);
    }
    slope
}

/// `matrix d` split by axis: the columns times the distance along each axis.
#[inline(always)]
fn linear_parts<R: Scalar>(s: &Stencil<R>, give: &Contribution<R>) -> [[Row<R>; 3]; 3] {
    std::array::from_fn(|a| {
        std::array::from_fn(|k| std::array::from_fn(|n| give.linear[a][n] * s.dpos[a][k]))
    })
}

#[inline(always)]
fn add<R: Scalar>(a: Row<R>, b: Row<R>) -> Row<R> {
    std::array::from_fn(|n| a[n] + b[n])
}

//! The quadratic B-spline stencil and the two transfers between a particle and its 27 nodes.
//!
//! Four kernels need only two skeletons, because the adjoint of a scatter is a gather: p2g and the
//! adjoint of g2p scatter, g2p and the adjoint of p2g gather. Both adjoints also need how the weights
//! change as the particle moves: [`pull_back`].

use super::blocks::{BLOCK_EDGE, TILE_EDGE};
use super::levels::{Home, Lattice, nearest_node, offset_from};
use super::storage::Stored;
use crate::math::{Mat3, Quad, QuadPair, Scalar, Vec3};

/// Four numbers of a node or of a particle's contribution: three of a vector, one of a scalar.
pub type Row<R> = <R as Scalar>::Quad;

/// The 27 weights of a particle, by axis.
#[derive(Clone, Copy)]
pub struct Stencil<R> {
    /// Weights of the nodes at -1, 0, +1 from the nearest, per axis.
    w: [[R; 3]; 3],
    /// Particle minus nearest node [cell widths], and the opposite [m].
    offset: Vec3<R>,
    to_nearest: Vec3<R>,
    cell_width: R,
    inverse_width: R,
    /// Tile index of the node at (-1, -1, -1).
    base: usize,
}

impl<R: Scalar> Stencil<R> {
    /// `offset` in cell widths from the nearest node, `first` the place in the tile of the node at
    /// (-1, -1, -1) from it.
    #[inline(always)]
    pub fn at(offset: Vec3<R>, first: [usize; 3], lattice: &Lattice<R>) -> Self {
        let &Lattice { cell_width, inverse_width, .. } = lattice;
        let half = R::from_f64(0.5);
        let mut w = [[R::zero(); 3]; 3];
        for a in 0..3 {
            let o = offset[a];
            let (left, right) = (half - o, half + o);
            w[a] = [half * left * left, R::from_f64(0.75) - o * o, half * right * right];
        }
        let base = (first[0] * TILE_EDGE + first[1]) * TILE_EDGE + first[2];
        let to_nearest = -offset * cell_width;
        Self { w, offset, to_nearest, cell_width, inverse_width, base }
    }

    /// The weights along an axis, each in a full row.
    #[inline(always)]
    fn weights(&self, axis: usize) -> [Row<R>; 3] {
        let [left, middle, right] = self.w[axis];
        [Quad::splat(left), Quad::splat(middle), Quad::splat(right)]
    }

    /// The three nodes along z at (i, j).
    #[inline(always)]
    fn line(&self, i: usize, j: usize) -> std::ops::Range<usize> {
        let start = self.base + (i * TILE_EDGE + j) * TILE_EDGE;
        start..start + 3
    }
}

/// The stencil of the particle at a storage position in a block of a level, on that level.
#[inline(always)]
pub fn stencil<R: Scalar>(stored: &Stored<R>, p: usize, home: &Home<R>) -> Stencil<R> {
    let (cell, offset) = (stored.cell[p], stored.offset[p]);
    let (node, offset) = match home.level {
        0 => (cell, offset),
        level => {
            let node = nearest_node(cell, offset, level);
            (node, offset_from(cell, offset, node, level))
        }
    };
    // The tile starts one node before the block: the node at -1 has the block's own index.
    let first = node.map(|n| n.rem_euclid(BLOCK_EDGE) as usize);
    Stencil::at(offset, first, &home.lattice)
}

/// What a particle gives to a node at distance d: `(vector + matrix d, scalar)`, times the weight.
#[derive(Clone, Copy)]
pub struct Contribution<R: Scalar> {
    /// To a node where the particle is.
    here: Row<R>,
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
            here: Row::<R>::new([vector[0], vector[1], vector[2], scalar]),
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
            nodes[0] = (middle - step).mul_add(wz[0], nodes[0]);
            nodes[1] = middle.mul_add(wz[1], nodes[1]);
            nodes[2] = (middle + step).mul_add(wz[2], nodes[2]);
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
            lines[j] = nodes[1].mul_add(wz[1], left + right) * wy[j];
            plane_z = (right - left).mul_add(wy[j], plane_z);
        }
        planes[i] = (lines[0] + lines[1] + lines[2]) * wx[i];
        by_y = (lines[2] - lines[0]).mul_add(wx[i], by_y);
        by_z = plane_z.mul_add(wx[i], by_z);
    }
    let sum = (planes[0] + planes[1] + planes[2]).array();
    let by = [(planes[2] - planes[0]).array(), by_y.array(), by_z.array()];
    let moment = |a: usize, b: usize| by[b][a] * s.cell_width + sum[a] * s.to_nearest[b];
    (sum, Mat3::from_fn(moment))
}

/// What [`pull_back`] finds for a particle.
#[derive(Clone, Copy)]
pub struct PulledBack<R> {
    /// `Σ_i w_i g_i`
    pub sum: [R; 4],
    /// `Σ_i w_i g_i d_iᵀ` of the vector entries [m].
    pub moment: Mat3<R>,
    /// Derivative of `Σ_i w_i (g_i · give(d_i))` by the particle's position [1/m].
    pub slope: Vec3<R>,
}

/// How the nodes' rows g, each with its tile, pair with what each of two particles gives to them. Two at
/// once, because a row fills half a register.
///
/// The rows interpolate a field `g(x) = Σ w_i(x) g_i` that is quadratic along each axis, and all that is
/// asked for are derivatives of it. With o the particle's offset in cell widths,
/// `Σ w d g = h (g'/4 + γ g'')` along an axis, `γ = o (1/4 - o²)/2`, whose own derivative by x is
/// `(3/8 - 3 o²/2) g''`.
#[inline(always)]
pub fn pull_back<R: Scalar>(
    stencils: &[Stencil<R>; 2],
    gives: &[Contribution<R>; 2],
    tiles: [&[Row<R>]; 2],
) -> [PulledBack<R>; 2] {
    let axis = |a: usize| Axis::new(pair(stencils[0].offset[a], stencils[1].offset[a]));
    let axes = [axis(0), axis(1), axis(2)];
    let planes = [
        plane(stencils, tiles, &axes, 0),
        plane(stencils, tiles, &axes, 1),
        plane(stencils, tiles, &axes, 2),
    ];
    // By the order along y and z, those along x.
    let across = |b: usize, c: usize| {
        axes[0].derivatives([planes[0][c][b], planes[1][c][b], planes[2][c][b]])
    };
    let [none, x, xx] = across(0, 0);
    let [y, xy, xxy] = across(1, 0);
    let [z, xz, xxz] = across(0, 1);
    let [yy, xyy, _] = across(2, 0);
    let [zz, xzz, _] = across(0, 2);
    let ([yz, ..], [yyz, ..], [yzz, ..]) = (across(1, 1), across(2, 1), across(1, 2));

    let eighth = R::Pair::splat(R::from_f64(0.125));
    // First derivatives are doubled, so mixed ones of first order four times what they are.
    let moment = |a: usize, first, second| axes[a].gamma.mul_add(second, eighth * first);
    let moments = [moment(0, x, xx), moment(1, y, yy), moment(2, z, zz)];
    // The moments along each axis, derived along another.
    let by_x = [axes[0].gamma_slope * xx, moment(1, xy, xyy), moment(2, xz, xzz)];
    let by_y = [moment(0, xy, xxy), axes[1].gamma_slope * yy, moment(2, yz, yzz)];
    let by_z = [moment(0, xz, xxz), moment(1, yz, yyz), axes[2].gamma_slope * zz];

    let here = R::Pair::join([gives[0].here, gives[1].here]);
    let step = |a: usize| R::Pair::join([gives[0].step[a], gives[1].step[a]]);
    let steps = [step(0), step(1), step(2)];
    let paired = |first: R::Pair, by: [R::Pair; 3]| {
        let through_steps = steps[0].mul_add(by[0], steps[1].mul_add(by[1], steps[2] * by[2]));
        here.mul_add(first, through_steps).split()
    };
    let slopes = [paired(x, by_x), paired(y, by_y), paired(z, by_z)];
    let sums = none.split();
    let moments = [moments[0].split(), moments[1].split(), moments[2].split()];
    let pulled = |n: usize| {
        let s = &stencils[n];
        let total = |row: Row<R>| {
            let [a, b, c, d] = row.array();
            (a + b) + (c + d)
        };
        let columns = [moments[0][n].array(), moments[1][n].array(), moments[2][n].array()];
        PulledBack {
            sum: sums[n].array(),
            moment: Mat3::from_fn(|i, j| columns[j][i] * s.cell_width),
            slope: Vec3::from_fn(|a| total(slopes[a][n])) * (s.inverse_width * R::from_f64(0.5)),
        }
    };
    [pulled(0), pulled(1)]
}

/// So many lanes by two; the last, if single, with itself.
pub fn pairs(count: usize) -> impl Iterator<Item = [usize; 2]> {
    (0..count).step_by(2).map(move |l| [l, (l + 1).min(count - 1)])
}

/// The lanes of a pair of [`pairs`], numbered, each once.
#[inline(always)]
pub fn distinct(lanes: [usize; 2]) -> impl Iterator<Item = (usize, usize)> {
    let count = if lanes[0] == lanes[1] { 1 } else { 2 };
    lanes.into_iter().enumerate().take(count)
}

/// Two numbers, each in all places of its row.
#[inline(always)]
fn pair<R: Scalar>(first: R, second: R) -> R::Pair {
    R::Pair::join([Quad::splat(first), Quad::splat(second)])
}

/// Derivatives `[order along z][order along y]` of the field in the plane i of nodes across x.
#[inline(always)]
fn plane<R: Scalar>(
    stencils: &[Stencil<R>; 2],
    tiles: [&[Row<R>]; 2],
    axes: &[Axis<R>; 3],
    i: usize,
) -> [[R::Pair; 3]; 3] {
    let line = |j: usize| {
        let first = &tiles[0][stencils[0].line(i, j)];
        let second = &tiles[1][stencils[1].line(i, j)];
        let node = |k: usize| R::Pair::join([first[k], second[k]]);
        axes[2].derivatives([node(0), node(1), node(2)])
    };
    let lines = [line(0), line(1), line(2)];
    let along_y = |c: usize| axes[1].derivatives([lines[0][c], lines[1][c], lines[2][c]]);
    [along_y(0), along_y(1), along_y(2)]
}

/// The quadratic between three nodes along an axis, for two particles.
#[derive(Clone, Copy)]
struct Axis<R: Scalar> {
    /// 2 o, o/2, 1/8 + o²/2 of the offset o.
    twice: R::Pair,
    half: R::Pair,
    square: R::Pair,
    /// γ, and twice the derivative of `1/4 g' + γ g''` in the bend g''.
    gamma: R::Pair,
    gamma_slope: R::Pair,
}

impl<R: Scalar> Axis<R> {
    #[inline(always)]
    fn new(offset: R::Pair) -> Self {
        let number = |x: f64| R::Pair::splat(R::from_f64(x));
        let square = offset * offset;
        let half = offset * number(0.5);
        Self {
            twice: offset + offset,
            half,
            square: square.mul_add(number(0.5), number(0.125)),
            gamma: half * (number(0.25) - square),
            gamma_slope: square.mul_add(number(-3.0), number(0.75)),
        }
    }

    /// The value `Σ w g`, twice the first derivative `Σ w' g` and the second, by the offset.
    #[inline(always)]
    fn derivatives(&self, [left, middle, right]: [R::Pair; 3]) -> [R::Pair; 3] {
        let rise = right - left;
        let bend = middle.mul_add(R::Pair::splat(R::from_f64(-2.0)), left + right);
        let value = rise.mul_add(self.half, bend.mul_add(self.square, middle));
        [value, bend.mul_add(self.twice, rise), bend]
    }
}

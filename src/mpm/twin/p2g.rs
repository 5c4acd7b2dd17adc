//! Particles to grid: every particle gives its mass, momentum and stress to its 27 nodes.
//!
//! `m_i = Σ_p w m`, `p_i = Σ_p w (m v + A d)`, `A = m C - dt V tau / D`  [Hu18].

use super::blocks::Sorted;
use super::context::{Batch, Command, Context, MAX_LANES};
use super::cotangents::{ParameterBars, split_cotangent};
use super::kirchhoff::{kirchhoff, kirchhoff_adj};
use super::storage::Stored;
use super::tiles::{Grid, Scratch, load_tile, scatter_blocks};
use super::transfer::{Contribution, Stencil, gather_with_slope, scatter, stencil};
use crate::math::{Mat3, Scalar};
use crate::mpm::state::Cotangent;
use rayon::prelude::*;

/// Node sums `(p_i [kg m/s], m_i [kg])` of all particles.
pub fn p2g<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    stored: &Stored<R>,
    sorted: &Sorted,
    scratch: &mut Scratch<R>,
) -> Grid<R> {
    let nothing = vec![(); sorted.ranges.len()];
    let (grid, _) = scatter_blocks(sorted, scratch, nothing, |block, (), tile| {
        let part = &sorted.order[sorted.ranges[block].clone()];
        for positions in part.chunks(R::LANES) {
            let batch = Batch::new(ctx, &stored.id, positions);
            let tau = kirchhoff(ctx, command, stored, &batch);
            for (l, &p) in positions.iter().enumerate() {
                let s = stencil(ctx, stored, p as usize);
                let a = affine_momentum(ctx, stored, &batch, l, &tau[l]);
                scatter(&s, &momentum(&s, stored, &batch, l, a), tile);
            }
        }
    });
    grid
}

/// What a particle gives to a node at distance d: `(m v + A d, m)`.
#[inline(always)]
fn momentum<R: Scalar>(
    s: &Stencil<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    l: usize,
    a: Mat3<R>,
) -> Contribution<R> {
    let mass = batch.points[l].mass;
    Contribution::new(s, stored.v[batch.at(l)] * mass, a, mass)
}

/// `A = m C - dt V tau / D` [kg/s].
#[inline(always)]
fn affine_momentum<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    l: usize,
    tau: &Mat3<R>,
) -> Mat3<R> {
    let point = &batch.points[l];
    stored.c[batch.at(l)] * point.mass - *tau * (ctx.dt * point.volume * ctx.inverse_d)
}

/// Cotangents of what p2g read, from those of the node sums. `bar` is in the order of `sorted`;
/// v and C are set, position, F and history are added to.
///
/// Returns, per particle block and in its order, the derivative by material constants and
/// activations.
pub fn p2g_adj<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    stored: &Stored<R>,
    sorted: &Sorted,
    grid_bar: &Grid<R>,
    bar: &mut Cotangent<R>,
) -> Vec<ParameterBars> {
    let parts = split_cotangent(bar, sorted);
    parts
        .into_par_iter()
        .enumerate()
        .map(|(block, out)| {
            let tile = load_tile::<R>(sorted, grid_bar, block);
            let mut parameters = ParameterBars::zeros(ctx);
            let part = &sorted.order[sorted.ranges[block].clone()];
            for (chunk, positions) in part.chunks(R::LANES).enumerate() {
                let batch = Batch::new(ctx, &stored.id, positions);
                let tau = kirchhoff(ctx, command, stored, &batch);
                let mut tau_bar = [Mat3::zero(); MAX_LANES];
                for (l, &p) in positions.iter().enumerate() {
                    let at = chunk * R::LANES + l;
                    let s = stencil(ctx, stored, p as usize);
                    let point = &batch.points[l];
                    let a = affine_momentum(ctx, stored, &batch, l, &tau[l]);
                    let give = momentum(&s, stored, &batch, l, a);
                    // S0 = Σ w p_bar, S1 = Σ w p_bar dᵀ
                    let (s0, s1, slope) = gather_with_slope(&s, &give, &tile);
                    out.v[at] = s0 * point.mass;
                    out.c[at] = s1 * point.mass;
                    out.x[at] += slope - a.transpose() * s0;
                    tau_bar[l] = s1 * (-(ctx.dt * point.volume * ctx.inverse_d));
                }
                kirchhoff_adj(
                    ctx,
                    command,
                    stored,
                    &batch,
                    &tau_bar,
                    &mut parameters,
                    |l, local_bar| {
                        let at = chunk * R::LANES + l;
                        out.f[at] += local_bar.f;
                        if ctx.reads_rate {
                            out.c[at] += local_bar.c;
                        }
                        out.history[at] += local_bar.history;
                    },
                );
            }
            parameters
        })
        .collect()
}

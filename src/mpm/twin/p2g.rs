//! Particles to grid: every particle gives its mass, momentum and stress to its 27 nodes.
//!
//! `m_i = Σ_p w m`, `p_i = Σ_p w (m v + A d)`, `A = m C - dt V tau / D`  [Hu18].

use super::blocks::Sorted;
use super::context::{Batch, Command, Context, MAX_LANES};
use super::cotangents::{ParameterBars, split_cotangent};
use super::kirchhoff::{kirchhoff, kirchhoff_adj};
use super::levels::{Blend, Lattice, Side, sides};
use super::storage::Stored;
use super::tiles::{Grid, Scratch, Tile, Tiles, load_tile, load_upper_tile, scatter_blocks};
use super::transfer::{Contribution, Stencil, gather_with_slope, scatter, stencil};
use crate::math::{Mat3, Scalar, Vec3};
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
    let (grid, _) = scatter_blocks(sorted, scratch, nothing, |block, (), tiles| {
        let part = &sorted.order[sorted.ranges[block].clone()];
        for positions in part.chunks(R::LANES) {
            let batch = Batch::new(stored, positions);
            let tau = kirchhoff(ctx, command, stored, &batch);
            for (l, &p) in positions.iter().enumerate() {
                let p = p as usize;
                if let Some(blend) = stored.blend(p) {
                    scatter_blended(ctx, stored, &batch, l, &tau[l], blend, tiles);
                    continue;
                }
                let s = stencil(ctx, stored, p);
                let lattice = &ctx.lattices[stored.places.level(p) as usize];
                let a = affine_momentum(ctx, lattice, stored, &batch, l, &tau[l]);
                scatter(&s, &momentum(&s, stored, &batch, l, a), tiles.home);
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
    lattice: &Lattice<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    l: usize,
    tau: &Mat3<R>,
) -> Mat3<R> {
    let point = &batch.points[l];
    stored.c[batch.at(l)] * point.mass - *tau * (ctx.dt * point.volume * lattice.inverse_d)
}

/// What a particle in a band gives to one of its levels: `(λ (m v + A d) + b, λ m)`, with
/// `b = -dt V tau ∇λ`, without which a uniform stress would push the two levels apart.
#[inline]
fn shared_momentum<R: Scalar>(
    ctx: &Context<R>,
    side: &Side<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    l: usize,
    (tau, a): (&Mat3<R>, Mat3<R>),
) -> Contribution<R> {
    let point = &batch.points[l];
    let b = *tau * side.gradient * -(ctx.dt * point.volume);
    let own = stored.v[batch.at(l)] * (point.mass * side.share);
    Contribution::new(&side.stencil, own + b, a * side.share, point.mass * side.share)
}

#[inline(never)]
fn scatter_blended<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    l: usize,
    tau: &Mat3<R>,
    blend: &Blend<R>,
    tiles: &mut Tiles<R>,
) {
    for (n, side) in sides(ctx, stored, batch.at(l), blend).iter().enumerate() {
        let a = affine_momentum(ctx, &side.lattice, stored, batch, l, tau);
        let give = shared_momentum(ctx, side, stored, batch, l, (tau, a));
        scatter(&side.stencil, &give, tiles.side(n));
    }
}

/// Cotangents of one particle: what the reverse pass of this stage adds to.
struct ParticleBar<R> {
    x: Vec3<R>,
    v: Vec3<R>,
    c: Mat3<R>,
    tau: Mat3<R>,
}

/// On one level: `v_bar = m S0`, `C_bar = m S1`, `tau_bar = -dt V S1/D`, and the position's.
#[inline(always)]
fn gather_single<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    l: usize,
    tau: &Mat3<R>,
    tile: &Tile<R>,
) -> ParticleBar<R> {
    let p = batch.at(l);
    let s = stencil(ctx, stored, p);
    let lattice = &ctx.lattices[stored.places.level(p) as usize];
    let point = &batch.points[l];
    let a = affine_momentum(ctx, lattice, stored, batch, l, tau);
    let give = momentum(&s, stored, batch, l, a);
    // S0 = Σ w p_bar, S1 = Σ w p_bar dᵀ
    let ([x, y, z, _], s1, slope) = gather_with_slope(&s, &give, tile);
    let s0 = Vec3([x, y, z]);
    ParticleBar {
        x: slope - a.transpose() * s0,
        v: s0 * point.mass,
        c: s1 * point.mass,
        tau: s1 * (-(ctx.dt * point.volume * lattice.inverse_d)),
    }
}

/// In a band, summed over both levels: as on one level with λ, and `tau_bar = -dt V (λ S1/D + S0 ∇λᵀ)`;
/// `λ_bar = m M + m S0·v + S1 : A`, `∇λ_bar = -dt V tauᵀ S0`, M = Σ w m_bar.
#[inline(never)]
fn gather_blended<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    l: usize,
    (tau, blend): (&Mat3<R>, &Blend<R>),
    tiles: [&Tile<R>; 2],
) -> ParticleBar<R> {
    let p = batch.at(l);
    let point = &batch.points[l];
    let force = ctx.dt * point.volume;
    let zero = Mat3::zero();
    let mut bar = ParticleBar { x: Vec3::zero(), v: Vec3::zero(), c: zero, tau: zero };
    let mut share_bars = [R::zero(); 2];
    let mut gradient_bars = [Vec3::zero(); 2];
    for (n, side) in sides(ctx, stored, p, blend).iter().enumerate() {
        let a = affine_momentum(ctx, &side.lattice, stored, batch, l, tau);
        let give = shared_momentum(ctx, side, stored, batch, l, (tau, a));
        let ([x, y, z, m], s1, slope) = gather_with_slope(&side.stencil, &give, tiles[n]);
        let s0 = Vec3([x, y, z]);
        bar.x += slope - a.transpose() * s0 * side.share;
        bar.v += s0 * (point.mass * side.share);
        bar.c += s1 * (point.mass * side.share);
        let stress = s1 * (side.share * side.lattice.inverse_d) + s0.outer(side.gradient);
        bar.tau += stress * -force;
        share_bars[n] = point.mass * (m + s0.dot(stored.v[p])) + s1.double_dot(a);
        gradient_bars[n] = tau.transpose() * s0 * -force;
    }
    let [fine, coarse] = gradient_bars;
    bar.x += blend.position_bar(share_bars[1] - share_bars[0], coarse - fine);
    bar
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
            let upper = load_upper_tile::<R>(sorted, grid_bar, block);
            let mut parameters = ParameterBars::zeros(ctx);
            let part = &sorted.order[sorted.ranges[block].clone()];
            for (chunk, positions) in part.chunks(R::LANES).enumerate() {
                let batch = Batch::new(stored, positions);
                let tau = kirchhoff(ctx, command, stored, &batch);
                let mut tau_bar = [Mat3::zero(); MAX_LANES];
                for (l, &p) in positions.iter().enumerate() {
                    let at = chunk * R::LANES + l;
                    let bar = match (stored.blend(p as usize), &upper) {
                        (Some(blend), Some(upper)) => {
                            let tiles = [&tile, upper];
                            gather_blended(ctx, stored, &batch, l, (&tau[l], blend), tiles)
                        }
                        _ => gather_single(ctx, stored, &batch, l, &tau[l], &tile),
                    };
                    out.v[at] = bar.v;
                    out.c[at] = bar.c;
                    out.x[at] += bar.x;
                    tau_bar[l] = bar.tau;
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

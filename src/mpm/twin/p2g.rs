//! Particles to grid: every particle gives its mass, momentum and stress to its 27 nodes.
//!
//! `m_i = Σ_p w m`, `p_i = Σ_p w (m v + A d)`, `A = m C - dt V tau / D`  [Hu18].

use super::blocks::Sorted;
use super::context::{Batch, Command, Context, MAX_LANES, Point, lane};
use super::cotangents::{ParameterBars, split_cotangent};
use super::kirchhoff::{kirchhoff, kirchhoff_adj, kirchhoff_strained};
use super::levels::{Blend, BlendBar, Home, Lattice, Side, share_adj, sides};
use super::storage::Stored;
use super::tiles::{Grid, Scratch, Tile, Tiles, load_tile, load_upper_tile, scatter_blocks};
use super::transfer::{
    Contribution, PulledBack, Stencil, distinct, pairs, pull_back, scatter, stencil,
};
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
        ctx.clock.block(sorted.blocks.particle_keys[block], || {
            let home = Home::new(ctx, sorted, block);
            let part = &sorted.order[sorted.ranges[block].clone()];
            for positions in part.chunks(R::LANES) {
                let batch = Batch::new(stored, positions);
                let tau = kirchhoff(ctx, command, stored, &batch);
                for (l, &p) in positions.iter().enumerate() {
                    let p = p as usize;
                    if let Some(blend) = home.blend(stored, p) {
                        scatter_blended(ctx, stored, &batch, l, &tau[l], (&home, blend), tiles);
                        continue;
                    }
                    let s = stencil(stored, p, &home);
                    let a = affine_momentum(ctx, &home.lattice, stored, &batch, l, &tau[l]);
                    scatter(&s, &momentum(&s, stored, &batch, l, a), tiles.home);
                }
            }
        });
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
    shared: (&Home<R>, &Blend<R>),
    tiles: &mut Tiles<R>,
) {
    for (n, side) in sides(ctx, stored, batch.at(l), shared).iter().enumerate() {
        let a = affine_momentum(ctx, &side.lattice, stored, batch, l, tau);
        let give = shared_momentum(ctx, side, stored, batch, l, (tau, a));
        scatter(&side.stencil, &give, tiles.side(n));
    }
}

/// Cotangents of one particle: what the reverse pass of this stage adds to.
#[derive(Clone, Copy)]
struct ParticleBar<R> {
    x: Vec3<R>,
    v: Vec3<R>,
    c: Mat3<R>,
    tau: Mat3<R>,
}

/// Of two particles on one level: `v_bar = m S0`, `C_bar = m S1`, `tau_bar = -dt V S1/D`, and the
/// position's; `S0 = Σ w p_bar`, `S1 = Σ w p_bar dᵀ`.
#[inline(always)]
fn gather_pair<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    [l, m]: [usize; 2],
    tau: &[Mat3<R>; MAX_LANES],
    (home, tile): (&Home<R>, &Tile<R>),
) -> [ParticleBar<R>; 2] {
    let [p, q] = [batch.at(l), batch.at(m)];
    let stencils = [stencil(stored, p, home), stencil(stored, q, home)];
    let lattice = &home.lattice;
    let gives = [
        momentum(
            &stencils[0],
            stored,
            batch,
            l,
            affine_momentum(ctx, lattice, stored, batch, l, &tau[l]),
        ),
        momentum(
            &stencils[1],
            stored,
            batch,
            m,
            affine_momentum(ctx, lattice, stored, batch, m, &tau[m]),
        ),
    ];
    let pulled = pull_back(&stencils, &gives, [tile, tile]);
    [
        ParticleBar::new(&pulled[0], &batch.points[l], ctx.dt * lattice.inverse_d),
        ParticleBar::new(&pulled[1], &batch.points[m], ctx.dt * lattice.inverse_d),
    ]
}

impl<R: Scalar> ParticleBar<R> {
    fn zero() -> Self {
        let (vector, matrix) = (Vec3::zero(), Mat3::zero());
        Self { x: vector, v: vector, c: matrix, tau: matrix }
    }

    #[inline(always)]
    fn new(pulled: &PulledBack<R>, point: &Point<R>, dt_over_d: R) -> Self {
        let &PulledBack { sum: [x, y, z, _], moment, slope } = pulled;
        Self {
            x: slope,
            v: Vec3([x, y, z]) * point.mass,
            c: moment * point.mass,
            tau: moment * -(dt_over_d * point.volume),
        }
    }
}

/// In a band, summed over both levels: as on one level with λ, and `tau_bar = -dt V (λ S1/D + S0 ∇λᵀ)`; and
/// `λ_bar = m M + m S0·v + S1 : A`, `∇λ_bar = -dt V tauᵀ S0`, M = Σ w m_bar.
#[inline(never)]
fn gather_blended<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    l: usize,
    (tau, home, blend): (&Mat3<R>, &Home<R>, &Blend<R>),
    tiles: [&Tile<R>; 2],
) -> (ParticleBar<R>, BlendBar<R>) {
    let p = batch.at(l);
    let point = &batch.points[l];
    let force = ctx.dt * point.volume;
    let mut bar = ParticleBar::zero();
    let mut share_bars = [R::zero(); 2];
    let mut gradient_bars = [Vec3::zero(); 2];
    let sides = sides(ctx, stored, p, (home, blend));
    let affine = [0, 1].map(|n| affine_momentum(ctx, &sides[n].lattice, stored, batch, l, tau));
    let gives = [0, 1].map(|n| shared_momentum(ctx, &sides[n], stored, batch, l, (tau, affine[n])));
    let stencils = [sides[0].stencil, sides[1].stencil];
    let pulled = pull_back(&stencils, &gives, [tiles[0], tiles[1]]);
    for (n, side) in sides.iter().enumerate() {
        let (a, PulledBack { sum: [x, y, z, m], moment: s1, slope }) = (affine[n], pulled[n]);
        let s0 = Vec3([x, y, z]);
        bar.x += slope;
        bar.v += s0 * (point.mass * side.share);
        bar.c += s1 * (point.mass * side.share);
        let stress = s1 * (side.share * side.lattice.inverse_d) + s0.outer(side.gradient);
        bar.tau += stress * -force;
        share_bars[n] = point.mass * (m + s0.dot(stored.v[p])) + s1.double_dot(a);
        gradient_bars[n] = tau.transpose() * s0 * -force;
    }
    let [fine, coarse] = gradient_bars;
    (bar, BlendBar { share: share_bars[1] - share_bars[0], gradient: coarse - fine })
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
            let home = Home::new(ctx, sorted, block);
            let mut parameters = ParameterBars::zeros(ctx);
            let part = &sorted.order[sorted.ranges[block].clone()];
            for (chunk, positions) in part.chunks(R::LANES).enumerate() {
                let batch = Batch::new(stored, positions);
                let (tau, strained) = kirchhoff_strained(ctx, command, stored, &batch);
                let mut tau_bar = [Mat3::zero(); MAX_LANES];
                for lanes in pairs(positions.len()) {
                    let blend =
                        |n: usize| home.blend(stored, batch.at(lanes[n])).zip(upper.as_ref());
                    let bars = match [blend(0), blend(1)] {
                        [None, None] => {
                            gather_pair(ctx, stored, &batch, lanes, &tau, (&home, &tile))
                        }
                        either => {
                            let mut bars = [ParticleBar::zero(); 2];
                            for (n, l) in distinct(lanes) {
                                bars[n] = match either[n] {
                                    Some((blend, upper)) => {
                                        let (what, tiles) =
                                            ((&tau[l], &home, blend), [&tile, upper]);
                                        let (mut bar, blend_bar) =
                                            gather_blended(ctx, stored, &batch, l, what, tiles);
                                        let shared = (blend, &blend_bar);
                                        bar.x +=
                                            share_adj(stored, batch.at(l), shared, &mut parameters);
                                        bar
                                    }
                                    None => {
                                        let on = (&home, &tile);
                                        gather_pair(ctx, stored, &batch, [l, l], &tau, on)[0]
                                    }
                                };
                            }
                            bars
                        }
                    };
                    for (n, l) in distinct(lanes) {
                        let at = chunk * R::LANES + l;
                        out.v[at] = bars[n].v;
                        out.c[at] = bars[n].c;
                        out.x[at] += bars[n].x;
                        tau_bar[l] = bars[n].tau;
                    }
                }
                let bar = kirchhoff_adj(ctx, command, &batch, &strained, &tau_bar, &mut parameters);
                for l in 0..positions.len() {
                    let at = chunk * R::LANES + l;
                    out.f[at] += lane(&bar.f, l);
                    if ctx.reads_rate {
                        out.c[at] += lane(&bar.c, l);
                    }
                    if ctx.has_history {
                        out.history[at] += R::lane(bar.history, l);
                    }
                }
            }
            parameters
        })
        .collect()
}

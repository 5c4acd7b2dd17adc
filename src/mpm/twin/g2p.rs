//! Grid to particles: velocity, affine velocity, advection, deformation.
//!
//! `v = Σ w v_i`, `C = (1/D) Σ w v_i dᵀ`, `x += dt v`, `F = return_map((I + dt C) F)`  [Hu18].

use super::blocks::{Sorted, split_ranges};
use super::context::{Batch, Context, MAX_LANES, lane, mask, pack};
use super::cotangents::{ParameterBars, split_cotangent};
use super::levels::{BlendBar, Blended, Home, Side, share_adj, sides};
use super::material;
use super::storage::Stored;
use super::tiles::{Grid, Scratch, Tile, Tiles, load_tile, load_upper_tile, scatter_blocks};
use super::transfer::{
    Contribution, Stencil, distinct, gather, pairs, pull_back, scatter, stencil,
};
use crate::math::{Mat3, Scalar, Vec3};
use crate::mpm::state::Cotangent;
use rayon::prelude::*;

/// Why a particle cannot go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    pub particle: u32,
    pub cause: String,
}

/// The state after the substep, stored in the order of `sorted`; or the diverged particle with the
/// lowest id.
pub fn g2p<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    sorted: &Sorted,
    velocities: &Grid<R>,
    scratch: &mut Scratch<R>,
) -> Result<Stored<R>, Divergence> {
    let mut out = scratch.take_state(stored.id.len());
    out.points = stored.points.clone();
    split_stored(&mut out, sorted)
        .into_par_iter()
        .enumerate()
        .filter_map(|(block, out)| {
            let key = sorted.blocks.particle_keys[block];
            let run = || g2p_block(ctx, stored, sorted, velocities, block, out);
            ctx.clock.block(key, run).err()
        })
        .min_by_key(|divergence| divergence.particle)
        .map_or(Ok(out), Err)
}

fn g2p_block<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    sorted: &Sorted,
    velocities: &Grid<R>,
    block: usize,
    mut out: StoredPart<R>,
) -> Result<(), Divergence> {
    let tile = load_tile::<R>(sorted, velocities, block);
    let upper = load_upper_tile::<R>(sorted, velocities, block);
    let home = Home::new(ctx, sorted, block);
    let part = &sorted.order[sorted.ranges[block].clone()];
    let mut diverged: Option<Divergence> = None;
    for (chunk, positions) in part.chunks(R::LANES).enumerate() {
        let batch = Batch::new(stored, positions);
        let first = chunk * R::LANES;
        let mut gradients = [Mat3::zero(); MAX_LANES];
        for (l, &p) in positions.iter().enumerate() {
            let (p, at) = (p as usize, first + l);
            if batch.points[l].held {
                out.hold(at, stored, p);
                continue;
            }
            let (v, c, gradient) = match (home.blend(stored, p), &upper) {
                (Some(blend), Some(upper)) => {
                    let sides = sides(ctx, stored, p, (&home, blend));
                    let on = Blended::gather(&sides, [&tile, upper]);
                    (on.velocity(&sides), on.affine(&sides), on.velocity_gradient(&sides))
                }
                _ => {
                    let ([x, y, z, _], moment) = gather(&stencil(stored, p, &home), &tile);
                    let c = moment * home.lattice.inverse_d;
                    (Vec3([x, y, z]), c, c)
                }
            };
            gradients[l] = gradient;
            out.id[at] = stored.id[p];
            out.v[at] = v;
            out.c[at] = c;
            (out.cell[at], out.offset[at]) = advect(ctx, stored.cell[p], stored.offset[p], v);
        }
        if batch.is_held() {
            continue;
        }
        let f_trial = trial(ctx, &batch, stored, &pack(gradients.each_ref()));
        let history = batch.scalar(&stored.history);
        let k = batch.constants(ctx);
        batch.for_each_law(ctx, |kind, lanes| {
            let (f, history) = material::return_map(kind, &k, f_trial, history);
            for &l in lanes.iter().filter(|&&l| !batch.points[l].held) {
                out.f[first + l] = lane::<R>(&f, l);
                out.history[first + l] = R::lane(history, l);
            }
        });
        for at in first..first + positions.len() {
            if let Some(cause) = cause_of_divergence(ctx, out.v[at], &out.f[at], out.history[at])
                && diverged.as_ref().is_none_or(|d| out.id[at] < d.particle)
            {
                diverged = Some(Divergence { particle: out.id[at], cause });
            }
        }
    }
    diverged.map_or(Ok(()), Err)
}

/// `(I + dt L) F`, L the velocity gradient: C, but in a band.
#[inline(always)]
fn trial<R: Scalar>(
    ctx: &Context<R>,
    batch: &Batch<R>,
    stored: &Stored<R>,
    gradient: &Mat3<R::Lanes>,
) -> Mat3<R::Lanes> {
    (Mat3::identity() + *gradient * ctx.dt.splat()) * batch.matrix(&stored.f)
}

/// `x + dt v`, with the cell renormalised to the nearest node.
#[inline(always)]
fn advect<R: Scalar>(
    ctx: &Context<R>,
    cell: [i32; 3],
    offset: Vec3<R>,
    v: Vec3<R>,
) -> ([i32; 3], Vec3<R>) {
    let moved = offset + v * (ctx.dt * ctx.inverse_width);
    // By one node at most: a particle that moves a whole cell has diverged.
    let half = R::from_f64(0.5);
    let shift = moved.0.map(|o| i32::from(o >= half) - i32::from(o < -half));
    (
        std::array::from_fn(|a| cell[a].wrapping_add(shift[a])),
        Vec3::from_fn(|a| moved[a] - R::from_f64(f64::from(shift[a]))),
    )
}

/// What is wrong with a particle, if anything is.
#[inline(always)]
fn cause_of_divergence<R: Scalar>(
    ctx: &Context<R>,
    v: Vec3<R>,
    f: &Mat3<R>,
    history: R,
) -> Option<String> {
    // One sum is finite only if all its terms are.
    let sum = f.double_dot(*f) + v.norm_squared() + history;
    let way = v.norm_squared().to_f64().sqrt() * ctx.dt.to_f64();
    if sum.is_finite() && way < ctx.cell_width.to_f64() {
        return None;
    }
    Some(if !v.norm_squared().is_finite() {
        "its velocity is not a number".into()
    } else if way >= ctx.cell_width.to_f64() {
        let speed = way / ctx.dt.to_f64();
        format!("it moves {speed:.3e} m/s, more than a cell in one substep")
    } else {
        "its deformation gradient is not a number".into()
    })
}

/// Cotangents of the node velocities and, in the order of `sorted`, the part of those of the state
/// that g2p read: position, F and history are set, v and C are left to the adjoint of p2g.
///
/// `after` is the state that g2p made, `after_bar` its cotangent.
pub fn g2p_adj<R: Scalar>(
    ctx: &Context<R>,
    stored: &Stored<R>,
    after: &Stored<R>,
    sorted: &Sorted,
    velocities: &Grid<R>,
    after_bar: &Walking<R>,
    scratch: &mut Scratch<R>,
) -> (Grid<R>, Cotangent<R>, Vec<ParameterBars>) {
    let mut bar = scratch.take_cotangent(stored.id.len());
    let parts = split_cotangent(&mut bar, sorted);
    let (velocity_bar, parameters) =
        scatter_blocks(sorted, scratch, parts, |block, out, tiles_bar| {
            let tile = load_tile::<R>(sorted, velocities, block);
            let upper = load_upper_tile::<R>(sorted, velocities, block);
            let home = Home::new(ctx, sorted, block);
            let range = sorted.ranges[block].clone();
            let part = &sorted.order[range.clone()];
            let mut parameters = ParameterBars::zeros(ctx);
            for (chunk, positions) in part.chunks(R::LANES).enumerate() {
                let first = chunk * R::LANES;
                let batch = Batch::new(stored, positions);
                let later = |l: usize| range.start + first + l.min(positions.len() - 1);
                let seeds: [usize; MAX_LANES] =
                    std::array::from_fn(|l| after_bar.place[later(l)] as usize);
                // In a band, what the two levels said is gathered again.
                let between: Option<[Option<_>; MAX_LANES]> = upper.as_ref().map(|upper| {
                    std::array::from_fn(|l| {
                        let p = *positions.get(l)? as usize;
                        let blend = home.blend(stored, p)?;
                        let sides = sides(ctx, stored, p, (&home, blend));
                        let on = Blended::gather(&sides, [&tile, upper]);
                        Some((blend, sides, on, [&tile, upper]))
                    })
                });
                let between = |l: usize| between.as_ref().and_then(|between| between[l].as_ref());
                let gradient = match &upper {
                    None => pack(std::array::from_fn(|l| &after.c[later(l)])),
                    Some(_) => {
                        let gradients: [_; MAX_LANES] = std::array::from_fn(|l| match between(l) {
                            Some((_, sides, on, _)) => on.velocity_gradient(sides),
                            None => after.c[later(l)],
                        });
                        pack(gradients.each_ref())
                    }
                };
                for (l, &k) in seeds.iter().enumerate().take(positions.len()) {
                    if batch.points[l].held {
                        out.x[first + l] = after_bar.bar.x[k];
                        out.f[first + l] = after_bar.bar.f[k];
                        out.history[first + l] = after_bar.bar.history[k];
                    }
                }
                if batch.is_held() {
                    continue;
                }
                let f = batch.matrix(&stored.f);
                let f_trial = trial(ctx, &batch, stored, &gradient);
                let history = batch.scalar(&stored.history);
                let f_bar = pack(std::array::from_fn(|l| &after_bar.bar.f[seeds[l]]));
                let history_bar = R::pack(|l| after_bar.bar.history[seeds[l]]);
                let k = batch.constants(ctx);
                let mut trial_bar = Mat3::zero();
                batch.for_each_law(ctx, |kind, lanes| {
                    let (trial, history, k_bar) =
                        material::return_map_adj(kind, &k, f_trial, history, f_bar, history_bar);
                    trial_bar = match lanes.len() == batch.len() {
                        true => trial,
                        false => Mat3::select(mask::<R>(lanes), trial, trial_bar),
                    };
                    for &l in lanes.iter().filter(|&&l| !batch.points[l].held) {
                        out.history[first + l] = R::lane(history, l);
                        let material = batch.points[l].material;
                        parameters.add_constants::<R>(material, &k_bar, l, ctx.constant_count);
                    }
                });
                // L' = dt F_trial_bar Fᵀ;  F_bar = (I + dt L)ᵀ F_trial_bar
                let l_bar = trial_bar * f.transpose() * ctx.dt.splat();
                let f_bar = (Mat3::identity() + gradient * ctx.dt.splat()).transpose() * trial_bar;
                for lanes in pairs(positions.len()) {
                    // Written out: closures would not be inlined.
                    let [l, m] = lanes;
                    let held = [batch.points[l].held, batch.points[m].held];
                    let bars = [
                        GatheredBar::new(ctx, &after_bar.bar, seeds[l], lane(&l_bar, l)),
                        GatheredBar::new(ctx, &after_bar.bar, seeds[m], lane(&l_bar, m)),
                    ];
                    let x_bars = match [between(l), between(m)] {
                        [None, None] if held == [false; 2] => {
                            let on = (&home, &tile);
                            scatter_adj(stored, (&batch, lanes), &bars, on, tiles_bar)
                        }
                        either => {
                            let mut x_bars = [Vec3::zero(); 2];
                            for (n, l) in distinct(lanes).filter(|&(n, _)| !held[n]) {
                                x_bars[n] = match either[n] {
                                    Some((blend, sides, on, from)) => {
                                        let (x_bar, blend_bar) = scatter_blended_adj(
                                            sides, on, &bars[n], *from, tiles_bar,
                                        );
                                        let shared = (*blend, &blend_bar);
                                        x_bar
                                            + share_adj(
                                                stored,
                                                batch.at(l),
                                                shared,
                                                &mut parameters,
                                            )
                                    }
                                    None => {
                                        let (alone, bars) = ((&batch, [l, l]), [bars[n]; 2]);
                                        let on = (&home, &tile);
                                        scatter_adj(stored, alone, &bars, on, tiles_bar)[0]
                                    }
                                };
                            }
                            x_bars
                        }
                    };
                    for (n, l) in distinct(lanes).filter(|&(n, _)| !held[n]) {
                        out.f[first + l] = lane::<R>(&f_bar, l);
                        out.x[first + l] = after_bar.bar.x[seeds[l]] + x_bars[n];
                    }
                }
            }
            parameters
        });
    (velocity_bar, bar, parameters)
}

/// Cotangents of what a particle gathered: v, C and the velocity gradient L.
#[derive(Clone, Copy)]
struct GatheredBar<R> {
    v: Vec3<R>,
    c: Mat3<R>,
    gradient: Mat3<R>,
}

impl<R: Scalar> GatheredBar<R> {
    /// From entry k of the cotangent of the later state, and what comes from F.
    #[inline(always)]
    fn new(ctx: &Context<R>, after_bar: &Cotangent<R>, k: usize, gradient: Mat3<R>) -> Self {
        Self { v: after_bar.v[k] + after_bar.x[k] * ctx.dt, c: after_bar.c[k], gradient }
    }
}

/// The adjoint of the gather of two particles on one level (of one, if both are the same): each gives
/// `v' + C' d / D` to its nodes; returns their positions' cotangents.
#[inline(always)]
fn scatter_adj<R: Scalar>(
    stored: &Stored<R>,
    (batch, lanes): (&Batch<R>, [usize; 2]),
    bars: &[GatheredBar<R>; 2],
    (home, tile): (&Home<R>, &Tile<R>),
    tiles_bar: &mut Tiles<R>,
) -> [Vec3<R>; 2] {
    let [p, q] = [batch.at(lanes[0]), batch.at(lanes[1])];
    let stencils = [stencil(stored, p, home), stencil(stored, q, home)];
    let inverse_d = home.lattice.inverse_d;
    let gives = [
        given_bar(&stencils[0], &bars[0], inverse_d),
        given_bar(&stencils[1], &bars[1], inverse_d),
    ];
    let pulled = pull_back(&stencils, &gives, [tile, tile]);
    for (n, _) in distinct(lanes) {
        scatter(&stencils[n], &gives[n], tiles_bar.home);
    }
    [pulled[0].slope, pulled[1].slope]
}

#[inline(always)]
fn given_bar<R: Scalar>(s: &Stencil<R>, bar: &GatheredBar<R>, inverse_d: R) -> Contribution<R> {
    Contribution::new(s, bar.v, (bar.c + bar.gradient) * inverse_d, R::zero())
}

/// In a band: gives `vl' + Cl' d / D` to the nodes of each level, with `vl' = λ v' + L' ∇λ` and
/// `Cl' = λ (ρ C' + L')`, `ρ_l = D_l / Σ λ D`; returns the position's cotangent through the weights, and
/// `λ_bar = v'·v^l + ρ C':(C^l - C) + L':C^l`, `∇λ_bar = L'ᵀ v^l`.
#[inline(never)]
fn scatter_blended_adj<R: Scalar>(
    sides: &[Side<R>; 2],
    on: &Blended<R>,
    bar: &GatheredBar<R>,
    tiles: [&Tile<R>; 2],
    tiles_bar: &mut Tiles<R>,
) -> (Vec3<R>, BlendBar<R>) {
    let mean = on.affine(sides);
    let mut share_bars = [R::zero(); 2];
    let mut gradient_bars = [Vec3::zero(); 2];
    let gives = [0, 1].map(|n| {
        let (side, weight) = (&sides[n], on.weights[n]);
        let v_bar = bar.v * side.share + bar.gradient * side.gradient;
        let c_bar = (bar.c * weight + bar.gradient) * side.share;
        Contribution::new(&side.stencil, v_bar, c_bar * side.lattice.inverse_d, R::zero())
    });
    let stencils = [sides[0].stencil, sides[1].stencil];
    let [fine, coarse] = pull_back(&stencils, &gives, [tiles[0], tiles[1]]);
    let x_bar = fine.slope + coarse.slope;
    for (n, side) in sides.iter().enumerate() {
        let (v, c, weight) = (on.v[n], on.c[n], on.weights[n]);
        scatter(&side.stencil, &gives[n], tiles_bar.side(n));
        share_bars[n] =
            bar.v.dot(v) + bar.c.double_dot(c - mean) * weight + bar.gradient.double_dot(c);
        gradient_bars[n] = bar.gradient.transpose() * v;
    }
    let [fine, coarse] = gradient_bars;
    (x_bar, BlendBar { share: share_bars[1] - share_bars[0], gradient: coarse - fine })
}

/// The cotangent of a stored state: that of the particle at storage position p is entry
/// `place[p]` of `bar`. Saves moving everything once a substep.
pub struct Walking<R> {
    pub bar: Cotangent<R>,
    pub place: Vec<u32>,
}

/// One particle block of a state under construction.
struct StoredPart<'a, R> {
    id: &'a mut [u32],
    cell: &'a mut [[i32; 3]],
    offset: &'a mut [Vec3<R>],
    v: &'a mut [Vec3<R>],
    c: &'a mut [Mat3<R>],
    f: &'a mut [Mat3<R>],
    history: &'a mut [R],
}

impl<R: Scalar> StoredPart<'_, R> {
    /// A particle that is held stays where it is, without velocity.
    fn hold(&mut self, at: usize, stored: &Stored<R>, p: usize) {
        self.id[at] = stored.id[p];
        self.cell[at] = stored.cell[p];
        self.offset[at] = stored.offset[p];
        self.v[at] = Vec3::zero();
        self.c[at] = Mat3::zero();
        self.f[at] = stored.f[p];
        self.history[at] = stored.history[p];
    }
}

fn split_stored<'a, R>(out: &'a mut Stored<R>, sorted: &Sorted) -> Vec<StoredPart<'a, R>> {
    let ranges = &sorted.ranges;
    let id = split_ranges(&mut out.id, ranges);
    let cell = split_ranges(&mut out.cell, ranges);
    let offset = split_ranges(&mut out.offset, ranges);
    let v = split_ranges(&mut out.v, ranges);
    let c = split_ranges(&mut out.c, ranges);
    let f = split_ranges(&mut out.f, ranges);
    let history = split_ranges(&mut out.history, ranges);
    id.into_iter()
        .zip(cell)
        .zip(offset)
        .zip(v)
        .zip(c)
        .zip(f)
        .zip(history)
        .map(|((((((id, cell), offset), v), c), f), history)| StoredPart {
            id,
            cell,
            offset,
            v,
            c,
            f,
            history,
        })
        .collect()
}

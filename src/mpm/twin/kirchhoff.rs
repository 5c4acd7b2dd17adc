//! Stress of a batch of particles: the material's law, and the muscles'.

use super::context::{Batch, Command, Context, MAX_LANES, lane, mask, pack};
use super::cotangents::ParameterBars;
use super::material::{self, Factors, Local, LocalBar};
use super::storage::Stored;
use crate::laws::{CONSTANTS, LawKind};
use crate::math::{Mat3, Scalar};
use crate::mpm::state::NO_MUSCLE;

/// What the stress of a batch follows from.
pub struct Strained<R: Scalar> {
    at: Local<R::Lanes>,
    k: [R::Lanes; CONSTANTS],
    factors: Factors<R::Lanes>,
}

/// Kirchhoff stress of each particle of a batch [Pa].
#[inline(always)]
pub fn kirchhoff<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
) -> [Mat3<R>; MAX_LANES] {
    let at = batch.local(ctx, stored);
    let k = batch.constants(ctx);
    by_law(ctx, command, batch, &at, |kind, _| material::stress(kind, &k, &at))
}

/// [`kirchhoff`], and what [`kirchhoff_adj`] would compute once more.
#[inline(always)]
pub fn kirchhoff_strained<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
) -> ([Mat3<R>; MAX_LANES], Strained<R>) {
    let at = batch.local(ctx, stored);
    let k = batch.constants(ctx);
    let mut all = Factors::none();
    let tau = by_law(ctx, command, batch, &at, |kind, lanes| {
        let (stress, factors) = material::stress_and_factors(kind, &k, &at);
        all = match lanes.len() == batch.len() {
            true => factors,
            false => Factors::select(mask::<R>(lanes), &factors, &all),
        };
        stress
    });
    (tau, Strained { at, k, factors: all })
}

/// The stress of each particle: that of its own law, with the muscle's.
#[inline(always)]
fn by_law<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    batch: &Batch<R>,
    at: &Local<R::Lanes>,
    mut stress: impl FnMut(LawKind, &[usize]) -> Mat3<R::Lanes>,
) -> [Mat3<R>; MAX_LANES] {
    let mut tau = [Mat3::zero(); MAX_LANES];
    batch.for_each_law(ctx, |kind, lanes| {
        let stress = stress(kind, lanes);
        for &l in lanes {
            tau[l] = lane::<R>(&stress, l);
        }
    });
    if batch.has_muscle() {
        let (fibre, activation) = batch.muscle(ctx, command);
        let pull = material::muscle_stress(at.f, fibre, activation);
        for (l, tau) in tau.iter_mut().enumerate().take(batch.len()) {
            *tau += lane::<R>(&pull, l);
        }
    }
    tau
}

/// Adjoint of [`kirchhoff`]: the particles' cotangents; adds to the parameters'.
#[inline(always)]
pub fn kirchhoff_adj<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    batch: &Batch<R>,
    Strained { at, k, factors }: &Strained<R>,
    tau_bar: &[Mat3<R>; MAX_LANES],
    parameters: &mut ParameterBars,
) -> LocalBar<R::Lanes> {
    let tau_bar = pack(tau_bar.each_ref());
    let mut all = LocalBar::of_f(Mat3::zero());
    batch.for_each_law(ctx, |kind, lanes| {
        let (bar, k_bar) = material::stress_adj(kind, k, at, factors, tau_bar);
        for &l in lanes {
            let material = batch.points[l].material;
            parameters.add_constants::<R>(material, &k_bar, l, ctx.constant_count);
        }
        all = match lanes.len() == batch.len() {
            true => bar,
            false => LocalBar::select(mask::<R>(lanes), &bar, &all),
        };
    });
    if batch.has_muscle() {
        // Zero in lanes that no muscle pulls.
        let (fibre, activation) = batch.muscle(ctx, command);
        let (f_bar, activation_bar) = material::muscle_stress_adj(at.f, fibre, activation, tau_bar);
        all.f += f_bar;
        for l in 0..batch.len() {
            let muscle = batch.points[l].muscle;
            if muscle != NO_MUSCLE {
                parameters.activations[muscle as usize] += R::lane(activation_bar, l).to_f64();
            }
        }
    }
    all
}

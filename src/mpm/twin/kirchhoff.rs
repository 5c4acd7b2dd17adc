//! Stress of a batch of particles: the material's law, and the muscles'.

use super::context::{Batch, Command, Context, MAX_LANES, lane, pack};
use super::cotangents::ParameterBars;
use super::material::{self, LocalBar};
use super::storage::Stored;
use crate::math::{Mat3, Scalar};
use crate::mpm::state::NO_MUSCLE;

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
    let mut tau = [Mat3::zero(); MAX_LANES];
    batch.for_each_law(ctx, |kind, lanes| {
        let stress = material::stress(kind, &k, &at);
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

/// Adjoint of [`kirchhoff`]: adds to a particle's cotangent through `add`, and to the parameters'.
#[inline(always)]
pub fn kirchhoff_adj<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    tau_bar: &[Mat3<R>; MAX_LANES],
    parameters: &mut ParameterBars,
    mut add: impl FnMut(usize, LocalBar<R>),
) {
    let at = batch.local(ctx, stored);
    let k = batch.constants(ctx);
    let tau_bar = pack(tau_bar);
    batch.for_each_law(ctx, |kind, lanes| {
        let (bar, k_bar) = material::stress_adj(kind, &k, &at, tau_bar);
        for &l in lanes {
            let material = batch.points[l].material;
            parameters.add_constants::<R>(material, &k_bar, l, ctx.constant_count);
            add(
                l,
                LocalBar {
                    f: lane::<R>(&bar.f, l),
                    c: if ctx.reads_rate { lane::<R>(&bar.c, l) } else { Mat3::zero() },
                    history: if ctx.has_history { R::lane(bar.history, l) } else { R::zero() },
                },
            );
        }
    });
    if batch.has_muscle() {
        let (fibre, activation) = batch.muscle(ctx, command);
        let (f_bar, activation_bar) = material::muscle_stress_adj(at.f, fibre, activation, tau_bar);
        for l in 0..batch.len() {
            let muscle = batch.points[l].muscle;
            if muscle != NO_MUSCLE {
                add(l, LocalBar::of_f(lane::<R>(&f_bar, l)));
                parameters.activations[muscle as usize] += R::lane(activation_bar, l).to_f64();
            }
        }
    }
}

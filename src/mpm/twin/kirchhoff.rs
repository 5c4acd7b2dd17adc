//! Stress of a batch of particles: the material's law, and the muscles'.

use super::context::{Batch, Command, Context, MAX_LANES, lane, pack};
use super::cotangents::ParameterBars;
use super::material;
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
    let f = batch.matrix(&stored.f);
    let k = batch.constants(ctx);
    let mut tau = [Mat3::zero(); MAX_LANES];
    batch.for_each_law(ctx, |kind, lanes| {
        let stress = material::stress(kind, k, f);
        for &l in lanes {
            tau[l] = lane::<R>(&stress, l);
        }
    });
    if batch.has_muscle() {
        let (fibre, activation) = batch.muscle(ctx, command);
        let pull = material::muscle_stress(f, fibre, activation);
        for (l, tau) in tau.iter_mut().enumerate().take(batch.len()) {
            *tau += lane::<R>(&pull, l);
        }
    }
    tau
}

/// Adjoint of [`kirchhoff`]: adds to F's cotangent through `add_f`, and to the parameters'.
#[inline(always)]
pub fn kirchhoff_adj<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    stored: &Stored<R>,
    batch: &Batch<R>,
    tau_bar: &[Mat3<R>; MAX_LANES],
    parameters: &mut ParameterBars,
    mut add_f: impl FnMut(usize, Mat3<R>),
) {
    let f = batch.matrix(&stored.f);
    let k = batch.constants(ctx);
    let tau_bar = pack(tau_bar);
    batch.for_each_law(ctx, |kind, lanes| {
        let (f_bar, k_bar) = material::stress_adj(kind, k, f, tau_bar);
        for &l in lanes {
            add_f(l, lane::<R>(&f_bar, l));
            parameters.add_constants(batch.points[l].material, k_bar.map(|b| R::lane(b, l)));
        }
    });
    if batch.has_muscle() {
        let (fibre, activation) = batch.muscle(ctx, command);
        let (f_bar, activation_bar) = material::muscle_stress_adj(f, fibre, activation, tau_bar);
        for l in 0..batch.len() {
            let muscle = batch.points[l].muscle;
            if muscle != NO_MUSCLE {
                add_f(l, lane::<R>(&f_bar, l));
                parameters.activations[muscle as usize] += R::lane(activation_bar, l).to_f64();
            }
        }
    }
}

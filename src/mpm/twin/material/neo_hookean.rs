//! Compressible neo-Hookean elasticity; needs no singular values.

use super::{Factors, Local, LocalBar, constants_bar};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real};

pub use super::none::{factors, return_map, return_map_adj};

/// The logarithm of J is floored here. Compressed to a twentieth of its volume, or inverted, a body
/// has left this law: its pressure stays as at the floor, and no derivative by J passes it.
const J_FLOOR: f64 = 0.05;

/// `tau = mu (F Fᵀ - I) + lambda ln J I`, k = `[mu, lambda]`.
#[inline]
pub fn stress<R: Real>(k: &[R; CONSTANTS], at: &Local<R>, _: &Factors<R>) -> Mat3<R> {
    let identity = Mat3::identity();
    let (_, log) = volume(at.f);
    (at.f * at.f.transpose() - identity) * k[0] + identity * (k[1] * log)
}

/// `F_bar = 2 mu T F + lambda tr(T) F^-T`, `mu_bar = T : (F Fᵀ - I)`, `lambda_bar = ln J tr(T)`; T
/// the symmetric part of `tau_bar`. Below the floor the term with `F^-T` is zero, at the floor not.
#[inline]
pub fn stress_adj<R: Real>(
    k: &[R; CONSTANTS],
    at: &Local<R>,
    _: &Factors<R>,
    tau_bar: Mat3<R>,
) -> (LocalBar<R>, [R; CONSTANTS]) {
    let f = at.f;
    let t = tau_bar.symmetric_part();
    let trace = t.trace();
    let (j, log) = volume(f);
    let floored = f.determinant().lt(R::from_f64(J_FLOOR));
    let by_volume = R::select(floored, R::zero(), k[1] * trace / j);
    let t_f = t * f;
    let f_bar = t_f * (k[0] + k[0]) + f.cofactor() * by_volume;
    (LocalBar::of_f(f_bar), constants_bar([t_f.double_dot(f) - trace, log * trace]))
}

/// `mu (|F|² - 3)/2 - mu ln J + lambda (ln J)²/2`.
pub fn energy<R: Real>(k: &[R; CONSTANTS], at: &Local<R>) -> R {
    let half = R::from_f64(0.5);
    let (_, log) = volume(at.f);
    let shear = (at.f.double_dot(at.f) - R::from_f64(3.0)) * half - log;
    k[0] * shear + k[1] * log * log * half
}

/// J, floored, and its logarithm.
#[inline(always)]
fn volume<R: Real>(f: Mat3<R>) -> (R, R) {
    let j = f.determinant().max(R::from_f64(J_FLOOR));
    (j, j.ln())
}

//! Hencky elasticity: linear in the logarithmic strain e = ln s.

use super::principal::{
    PAIRS, STRESS_FLOOR, STRETCH_FLOOR, congruence, floored_logs, is_near, left_log_strain,
    positive, radial_map_adj, sinhc_near, sum,
};
use super::{Factors, Local, LocalBar, constants_bar};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real, Svd, Vec3, left_svd, svd};

/// Its singular value decomposition; V only for the adjoint.
#[inline]
pub fn factors<R: Real, const ADJOINT: bool>(at: &Local<R>) -> Factors<R> {
    if R::TENSOR_FORM {
        return Factors::none();
    }
    if ADJOINT {
        let Svd { u, s, v } = svd(at.f);
        return Factors { left: u, s, right: v };
    }
    let (left, s) = left_svd(at.f);
    Factors { left, s, right: Mat3::zero() }
}

/// `tau = U diag(2 mu e_i + lambda Σ e) Uᵀ`, k = `[mu, lambda]`.
#[inline]
pub fn stress<R: Real>(k: &[R; CONSTANTS], at: &Local<R>, factors: &Factors<R>) -> Mat3<R> {
    let two_mu = k[0] + k[0];
    if R::TENSOR_FORM {
        let e = left_log_strain(at.f);
        return e * two_mu + Mat3::identity() * (k[1] * e.trace());
    }
    let Factors { left: u, s, .. } = *factors;
    let e = Vec3::from_fn(|i| s[i].max(R::from_f64(STRESS_FLOOR)).ln());
    let volume = k[1] * sum(e);
    congruence(u, Mat3::diagonal(e * two_mu + Vec3([volume; 3])))
}

/// `F_bar = U Q Vᵀ`, `H = Uᵀ T U`, `Q_ii = (2 mu H_ii + lambda tr H)/s_i`, `Q_ij = 2 g_ij H_ij s_j`,
/// `g_ij = mu/(s_i s_j) x/sinh x = 2 mu x/(s_i² - s_j²)`, x = e_i - e_j; `mu_bar = 2 Σ e_i H_ii`, `lambda_bar = Σe tr H`.
#[inline]
pub fn stress_adj<R: Real>(
    k: &[R; CONSTANTS],
    _: &Local<R>,
    factors: &Factors<R>,
    tau_bar: Mat3<R>,
) -> (LocalBar<R>, [R; CONSTANTS]) {
    let (mu, two) = (k[0], R::from_f64(2.0));
    let floor = R::from_f64(STRESS_FLOOR);
    let Factors { left: u, s, right: v } = *factors;
    let kept = Vec3::from_fn(|i| s[i].max(floor));
    let e = Vec3::from_fn(|i| kept[i].ln());
    let h = u.transpose() * tau_bar.symmetric_part() * u;
    let trace = h.trace();
    let mut q = Mat3::zero();
    let mut mu_bar = R::zero();
    for i in 0..3 {
        let diagonal = (two * mu * h[(i, i)] + k[1] * trace) / kept[i];
        q[(i, i)] = R::select(s[i].lt(floor), R::zero(), diagonal);
        mu_bar += two * e[i] * h[(i, i)];
    }
    for (i, j) in PAIRS {
        let x = e[i] - e[j];
        // s_i >= s_j: a floored value is the second, and where only that one is floored the plain
        // quotient is the exact derivative.
        let smooth = mu / (kept[i] * kept[j] * sinhc_near(x));
        let quotient = two * mu * x / positive(s[i] * s[i] - s[j] * s[j]);
        let g = R::select(R::and(is_near(x), s[j].ge(floor)), smooth, quotient);
        q[(i, j)] = two * g * h[(i, j)] * s[j];
        q[(j, i)] = two * g * h[(i, j)] * s[i];
    }
    (LocalBar::of_f(u * q * v.transpose()), constants_bar([mu_bar, sum(e) * trace]))
}

/// `mu Σ e² + lambda (Σ e)²/2`.
pub fn energy<R: Real>(k: &[R; CONSTANTS], at: &Local<R>) -> R {
    let half = R::from_f64(0.5);
    if R::TENSOR_FORM {
        let e = left_log_strain(at.f);
        return k[0] * e.double_dot(e) + k[1] * e.trace() * e.trace() * half;
    }
    let (_, s) = left_svd(at.f);
    let e = Vec3::from_fn(|i| s[i].max(R::from_f64(STRESS_FLOOR)).ln());
    k[0] * e.norm_squared() + k[1] * sum(e) * sum(e) * half
}

/// F, with singular values floored at [`STRETCH_FLOOR`].
#[inline]
pub fn return_map<R: Real>(_: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> (Mat3<R>, R) {
    if R::TENSOR_FORM || !R::any(may_be_floored(f_trial)) {
        return (f_trial, history);
    }
    let d = svd(f_trial);
    let (kept, _) = floored_logs(d.s, STRETCH_FLOOR);
    let floored = d.u * Mat3::diagonal(kept) * d.v.transpose();
    (Mat3::select(d.s[2].lt(R::from_f64(STRETCH_FLOOR)), floored, f_trial), history)
}

/// The cotangent as it is, but for directions of floored singular values; at the floor itself as it
/// is.
#[inline]
pub fn return_map_adj<R: Real>(
    _: &[R; CONSTANTS],
    f_trial: Mat3<R>,
    _history: R,
    f_bar: Mat3<R>,
    history_bar: R,
) -> (Mat3<R>, R, [R; CONSTANTS]) {
    let none = [R::zero(); CONSTANTS];
    if !R::any(may_be_floored(f_trial)) {
        return (f_bar, history_bar, none);
    }
    let d = svd(f_trial);
    let (kept, logs) = floored_logs(d.s, STRETCH_FLOOR);
    let h = d.u.transpose() * f_bar * d.v;
    let e_bar = Vec3::from_fn(|i| kept[i] * h[(i, i)]);
    let trial_bar = radial_map_adj(&d, (kept, logs), kept, R::one(), h, e_bar);
    let floored = d.s[2].lt(R::from_f64(STRETCH_FLOOR));
    (Mat3::select(floored, trial_bar, f_bar), history_bar, none)
}

/// Whether a singular value may lie below the floor: `s3 = det F/(s1 s2) >= 2 det F/|F|²`.
#[inline(always)]
fn may_be_floored<R: Real>(f: Mat3<R>) -> R::Mask {
    let det = f.determinant();
    (det + det).lt(f.double_dot(f) * R::from_f64(STRETCH_FLOOR))
}

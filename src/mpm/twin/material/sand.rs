//! Drucker-Prager sand with Hencky elasticity and volume correction [Klar16; Tampubolon17].
//!
//! On principal values `F = U diag(s) Vᵀ`, e = ln s. No formula divides by s_i - s_j: the divided
//! differences are written with x/sinh x and sinh(k x)/sinh x, which are smooth at equal values.
//! Duals take the tensor form instead (matrix logarithm and exponential, no floors): an
//! independent statement of the same law.

use super::{Local, LocalBar, constants_bar};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real, Svd, Vec3, exp_symmetric, left_svd, ln_spd, svd};

/// The return map floors singular values here: compressed to a twentieth of its width, or inverted,
/// sand has left its law. A recorded branch: no derivative passes a floored value.
const STRETCH_FLOOR: f64 = 0.05;

/// The stress floors far below what the return map lets through: a guard of the logarithm.
const STRESS_FLOOR: f64 = 0.5 * STRETCH_FLOOR;

/// Floor of s_i + s_j, reached only by inverted trial states.
const PAIR_SUM_FLOOR: f64 = 1e-3;

/// `tau = U diag(2 mu e_i + lambda Σ e) Uᵀ`, k = `[mu, lambda, beta, tr_c]`.
#[inline]
pub fn stress<R: Real>(k: &[R; CONSTANTS], at: &Local<R>) -> Mat3<R> {
    let f = at.f;
    let two_mu = k[0] + k[0];
    if R::TENSOR_FORM {
        let e = left_log_strain(f);
        return e * two_mu + Mat3::identity() * (k[1] * e.trace());
    }
    let (u, s) = left_svd(f);
    let e = Vec3::from_fn(|i| s[i].max(R::from_f64(STRESS_FLOOR)).ln());
    let volume = k[1] * sum(e);
    congruence(u, Mat3::diagonal(e * two_mu + Vec3([volume; 3])))
}

/// `F_bar = U Q Vᵀ`, `H = Uᵀ T U`, `Q_ii = (2 mu H_ii + lambda tr H)/s_i`, `Q_ij = 2 g_ij H_ij s_j`,
/// `g_ij = mu/(s_i s_j) x/sinh x`, x = e_i - e_j; `mu_bar = 2 Σ e_i H_ii`, `lambda_bar = Σe tr H`.
#[inline]
pub fn stress_adj<R: Real>(
    k: &[R; CONSTANTS],
    at: &Local<R>,
    tau_bar: Mat3<R>,
) -> (LocalBar<R>, [R; CONSTANTS]) {
    let f = at.f;
    let (mu, two) = (k[0], R::from_f64(2.0));
    let floor = R::from_f64(STRESS_FLOOR);
    let Svd { u, s, v } = svd(f);
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
        let smooth = mu / (kept[i] * kept[j] * sinhc(e[i] - e[j]));
        // s_i >= s_j: a floored value is the second, and where only that one is floored the plain
        // quotient is the exact derivative.
        let quotient = two * mu * (e[i] - e[j]) / positive(s[i] * s[i] - s[j] * s[j]);
        let g = R::select(s[j].lt(floor), quotient, smooth);
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

/// Where a trial strain lies relative to the cone, and how far it is scaled back.
struct Return<R: Real> {
    /// tr e >= tr_c: pulled apart as far as cohesion bears.
    apex: R::Mask,
    /// Inside the cone (its surface included): unchanged.
    elastic: R::Mask,
    trace: R,
    /// Unit direction of dev e.
    direction: Vec3<R>,
    /// Factor of the deviator: 1 elastic, k/r on the cone, 0 at the apex.
    kappa: R,
}

/// `k = -beta (tr e - tr_c)` against `r = |dev e|`, for e = ln s + vc/3; at equality r = k is
/// elastic and tr e = tr_c is apex.
#[inline]
fn classify<R: Real>(beta: R, trace_limit: R, e: Vec3<R>) -> Return<R> {
    let trace = sum(e);
    let third = trace * R::from_f64(1.0 / 3.0);
    let deviator = Vec3::from_fn(|i| e[i] - third);
    let radius = deviator.norm_squared().sqrt();
    let direction = deviator * positive(radius).recip();
    let limit = beta * (trace_limit - trace);
    let apex = trace.ge(trace_limit);
    let elastic = R::and(limit.ge(radius), trace.lt(trace_limit));
    let inside = R::select(elastic, R::one(), limit / positive(radius));
    let kappa = R::select(apex, R::zero(), inside);
    Return { apex, elastic, trace, direction, kappa }
}

/// Principal values of a trial state, before and after the return map.
struct Trial<R: Real> {
    u: Mat3<R>,
    s: Vec3<R>,
    v: Mat3<R>,
    /// s, floored.
    kept: Vec3<R>,
    back: Return<R>,
    /// q = exp(e_new), the new principal stretches.
    q: Vec3<R>,
}

#[inline]
fn trial<R: Real>(k: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> Trial<R> {
    let third = R::from_f64(1.0 / 3.0);
    let Svd { u, s, v } = svd(f_trial);
    let kept = Vec3::from_fn(|i| s[i].max(R::from_f64(STRETCH_FLOOR)));
    let e = Vec3::from_fn(|i| kept[i].ln() + history * third);
    let back = classify(k[2], k[3], e);
    let mean = back.trace * third;
    let q = Vec3::from_fn(|i| {
        let e_new = mean + back.kappa * (e[i] - mean);
        R::select(back.apex, k[3] * third, e_new).exp()
    });
    Trial { u, s, v, kept, back, q }
}

/// `F = U diag(exp e_new) Vᵀ` with e = ln s + vc/3 returned to the cone
/// `|dev e| <= -beta (tr e - tr_c)`: elastic `e_new = e`; cone `e_new = tr/3 + k dev e/|dev e|`,
/// k = -beta (tr - tr_c); apex (tr >= tr_c) `e_new = tr_c/3`, and the volume gained is remembered:
/// `vc_new = tr - tr_c` there, 0 elsewhere.
#[inline]
pub fn return_map<R: Real>(k: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> (Mat3<R>, R) {
    if R::TENSOR_FORM {
        return return_map_tensor(k, f_trial, history);
    }
    let Trial { u, s, v, back, q, .. } = trial(k, f_trial, history);
    let returned = u * Mat3::diagonal(q) * v.transpose();
    // Inside the cone F is only corrected in volume: no round-off of a decomposition enters.
    let corrected = f_trial * (history * R::from_f64(1.0 / 3.0)).exp();
    let intact = R::and(back.elastic, s[2].ge(R::from_f64(STRETCH_FLOOR)));
    let f = Mat3::select(intact, corrected, returned);
    (f, R::select(back.apex, back.trace - k[3], R::zero()))
}

/// `F_trial_bar = U Q Vᵀ`, `H = Uᵀ F_bar V`, `Q_ij = a sym(H)_ij + b skew(H)_ij`,
/// `a = γ sinh(κ x)/sinh x`, `b = γ cosh(κ x)/cosh x`, `x = (e_i - e_j)/2`,
/// `γ = sqrt(q_i q_j/(s_i s_j))`, `Q_ii = e_bar_i/s_i`, `e_bar = Mᵀ (q ∘ diag H)`,
/// M = I elastic, `11ᵀ/3 - beta n 1ᵀ + κ (I - 11ᵀ/3 - n nᵀ)` on the cone, 0 at the apex, where
/// `e_bar = vc_new_bar 1`. `vc_bar = Σ e_bar/3`. On the cone `beta_bar = -(tr - tr_c) n·(q ∘ diag H)`
/// and `tr_c_bar = beta n·(q ∘ diag H)`; at the apex `tr_c_bar = Σ q ∘ diag H/3 - vc_new_bar`.
#[inline]
pub fn return_map_adj<R: Real>(
    k: &[R; CONSTANTS],
    f_trial: Mat3<R>,
    history: R,
    f_bar: Mat3<R>,
    history_bar: R,
) -> (Mat3<R>, R, [R; CONSTANTS]) {
    let (zero, third) = (R::zero(), R::from_f64(1.0 / 3.0));
    let floor = R::from_f64(STRETCH_FLOOR);
    let Trial { u, s, v, kept, back, q } = trial(k, f_trial, history);
    let h = u.transpose() * f_bar * v;
    let q_bar = Vec3::from_fn(|i| q[i] * h[(i, i)]);

    let total = sum(q_bar);
    let along = back.direction.dot(q_bar);
    let cone = Vec3::from_fn(|i| {
        let transverse = q_bar[i] - total * third - back.direction[i] * along;
        total * third - k[2] * along + back.kappa * transverse
    });
    let inside = Vec3::select(back.elastic, q_bar, cone);
    let e_bar = Vec3::select(back.apex, Vec3([history_bar; 3]), inside);
    let on_cone = R::select(back.apex, zero, R::select(back.elastic, zero, R::one()));
    let beta_bar = on_cone * (k[3] - back.trace) * along;
    let at_apex = total * third - history_bar;
    let limit_bar = R::select(back.apex, at_apex, on_cone * k[2] * along);

    let mut big_q = Mat3::zero();
    for i in 0..3 {
        big_q[(i, i)] = R::select(s[i].lt(floor), zero, e_bar[i] / kept[i]);
    }
    let half = R::from_f64(0.5);
    for (i, j) in PAIRS {
        let gamma = (q[i] * q[j] / (kept[i] * kept[j])).sqrt();
        let x = half * (kept[i] / kept[j]).ln();
        let kx = back.kappa * x;
        let floored = s[j].lt(floor);
        // Plain quotients are exact and well defined where only s_j is floored; where both are,
        // q_i = q_j and a = 0.
        let pair_sum = (s[i] + s[j]).max(R::from_f64(PAIR_SUM_FLOOR));
        let a = R::select(
            floored,
            (q[i] - q[j]) / positive(s[i] - s[j]),
            gamma * back.kappa * sinhc(kx) / sinhc(x),
        );
        let b = R::select(floored, (q[i] + q[j]) / pair_sum, gamma * cosh(kx) / cosh(x));
        let symmetric = a * half * (h[(i, j)] + h[(j, i)]);
        let skew = b * half * (h[(i, j)] - h[(j, i)]);
        big_q[(i, j)] = symmetric + skew;
        big_q[(j, i)] = symmetric - skew;
    }
    (
        u * big_q * v.transpose(),
        sum(e_bar) * third,
        constants_bar([zero, zero, beta_bar, limit_bar]),
    )
}

/// The return map on the left log strain h: `F_new = exp(h_new - h) F`, as h_new and h commute.
fn return_map_tensor<R: Real>(k: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> (Mat3<R>, R) {
    let (identity, third) = (Mat3::<R>::identity(), R::from_f64(1.0 / 3.0));
    let h = left_log_strain(f_trial);
    let e = h + identity * (history * third);
    let trace = e.trace();
    let deviator = e.deviator();
    let radius2 = deviator.double_dot(deviator);
    let limit = k[2] * (k[3] - trace);
    if R::any(trace.ge(k[3])) {
        return (exp_symmetric(identity * (k[3] * third) - h) * f_trial, trace - k[3]);
    }
    if R::any((limit * limit).ge(radius2)) {
        return (f_trial * (history * third).exp(), R::zero());
    }
    let e_new = identity * (trace * third) + deviator * (limit / radius2.sqrt());
    (exp_symmetric(e_new - h) * f_trial, R::zero())
}

/// `h = ln(F Fᵀ)/2`.
fn left_log_strain<R: Real>(f: Mat3<R>) -> Mat3<R> {
    ln_spd(f * f.transpose()) * R::from_f64(0.5)
}

/// Pairs of principal axes, the larger singular value first.
const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];

#[inline]
fn sum<R: Real>(v: Vec3<R>) -> R {
    v[0] + v[1] + v[2]
}

/// `U M Uᵀ`.
#[inline]
fn congruence<R: Real>(u: Mat3<R>, m: Mat3<R>) -> Mat3<R> {
    u * m * u.transpose()
}

/// A divisor that is zero only where its quotient is not selected or its numerator is zero.
#[inline]
fn positive<R: Real>(x: R) -> R {
    x.max(R::from_f64(1e-30))
}

/// `sinh x / x`: a series near zero, where the exponentials cancel.
#[inline]
fn sinhc<R: Real>(x: R) -> R {
    let near = x.abs().lt(R::from_f64(0.3));
    let x2 = x * x;
    // Coefficients 1/(2n + 1)!; the first one left out is 1e-16 at the switch.
    let mut series = R::from_f64(1.0 / 39_916_800.0);
    for factorial in [362_880.0, 5040.0, 120.0, 6.0, 1.0] {
        series = series * x2 + R::from_f64(1.0 / factorial);
    }
    let far = R::select(near, R::one(), x);
    let grown = far.exp();
    R::select(near, series, (grown - grown.recip()) / (far + far))
}

#[inline]
fn cosh<R: Real>(x: R) -> R {
    let grown = x.exp();
    (grown + grown.recip()) * R::from_f64(0.5)
}

//! Snow [Stomakhin13]: fixed corotated elasticity that hardens as it is compacted, within narrow
//! bounds of stretch.

use super::principal::{PAIR_SUM_FLOOR, PAIRS, floored_logs, positive, set_pair, sum};
use super::{Factors, Local, LocalBar, constants_bar, elastic};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real, Svd, Vec3, clamp_spd, sqrt_spd, svd};

pub use super::elastic::factors;

/// Trial stretches enter the history floored here: an inverted one has no logarithm.
const LOG_FLOOR: f64 = 0.05;

/// The history stays within this of zero: volumes from a twentieth to twenty times. Beyond, snow is
/// ice or has come apart, and its stiffness does not change any more.
const HISTORY_LIMIT: f64 = 3.0;

/// Fixed corotated stress of `h mu`, `h lambda`, `h = min(exp(xi (1 - Jp)), cap)`, Jp = exp(history);
/// k = `[mu, lambda, xi, s_min, s_max, cap]`.
#[inline]
pub fn stress<R: Real>(k: &[R; CONSTANTS], at: &Local<R>, factors: &Factors<R>) -> Mat3<R> {
    elastic::stress(&hardened(k, at.history).0, at, factors)
}

/// That of the elastic law, and with `h_bar = mu mu'_bar + lambda lambda'_bar`:
/// `history_bar = -h_bar h xi Jp`, `xi_bar = h_bar h (1 - Jp)` below the cap, `cap_bar = h_bar` at it
/// and above.
#[inline]
pub fn stress_adj<R: Real>(
    k: &[R; CONSTANTS],
    at: &Local<R>,
    factors: &Factors<R>,
    tau_bar: Mat3<R>,
) -> (LocalBar<R>, [R; CONSTANTS]) {
    let (zero, one) = (R::zero(), R::one());
    let (hard, Hardening { h, jp, capped }) = hardened(k, at.history);
    let (mut bar, elastic_bar) = elastic::stress_adj(&hard, at, factors, tau_bar);
    let h_bar = k[0] * elastic_bar[0] + k[1] * elastic_bar[1];
    let exponent_bar = R::select(capped, zero, h_bar * h);
    bar.history = -(exponent_bar * k[2] * jp);
    let k_bar = [
        h * elastic_bar[0],
        h * elastic_bar[1],
        exponent_bar * (one - jp),
        zero,
        zero,
        R::select(capped, h_bar, zero),
    ];
    (bar, constants_bar(k_bar))
}

/// That of the elastic law with hardened constants.
pub fn energy<R: Real>(k: &[R; CONSTANTS], at: &Local<R>) -> R {
    elastic::energy(&hardened(k, at.history).0, at)
}

struct Hardening<R: Real> {
    h: R,
    jp: R,
    capped: R::Mask,
}

#[inline(always)]
fn hardened<R: Real>(k: &[R; CONSTANTS], history: R) -> ([R; CONSTANTS], Hardening<R>) {
    let jp = history.exp();
    let free = (k[2] * (R::one() - jp)).exp();
    let capped = free.ge(k[5]);
    let h = R::select(capped, k[5], free);
    let mut hard = *k;
    hard[0] = k[0] * h;
    hard[1] = k[1] * h;
    (hard, Hardening { h, jp, capped })
}

/// `F = U diag(q) Vᵀ`, q = s clamped to \[s_min, s_max\]; what is clamped away changes the plastic
/// volume: `ln Jp_new = ln Jp + Σ ln s - Σ ln q`, the history, itself clamped. A stretch at its bound
/// counts as inside.
#[inline]
pub fn return_map<R: Real>(k: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> (Mat3<R>, R) {
    if R::TENSOR_FORM {
        return return_map_tensor(k, f_trial, history);
    }
    let Svd { u, s, v } = svd(f_trial);
    let q = clamped(k, s);
    let inside = R::and(s[2].ge(k[3]), k[4].ge(s[0]));
    let f = Mat3::select(inside, f_trial, u * Mat3::diagonal(q) * v.transpose());
    (f, limited(R::select(inside, history, history_after(history, s, q))))
}

/// `F_bar = U Q Vᵀ`, `H = Uᵀ F_bar V`, `Q_ij = a sym(H)_ij + b skew(H)_ij`,
/// `a = (q_i - q_j)/(s_i - s_j)` (1 if both are inside, 0 if both are clamped to one side),
/// `b = (q_i + q_j)/(s_i + s_j)`; `Q_ii = (H_ii - w/q_i) dq_i/ds_i + w/s_i`, w the cotangent of the
/// new history, zero where that is clamped. A clamped stretch gives `H_ii - w/q_i` to its bound.
#[inline]
pub fn return_map_adj<R: Real>(
    k: &[R; CONSTANTS],
    f_trial: Mat3<R>,
    history: R,
    f_bar: Mat3<R>,
    history_bar: R,
) -> (Mat3<R>, R, [R; CONSTANTS]) {
    let (zero, one) = (R::zero(), R::one());
    let Svd { u, s, v } = svd(f_trial);
    let q = clamped(k, s);
    let after = history_after(history, s, q);
    let limit = R::from_f64(HISTORY_LIMIT);
    let w = R::select(limit.lt(after.abs()), zero, history_bar);
    let h = u.transpose() * f_bar * v;

    let mut big_q = Mat3::zero();
    let (mut low_bar, mut high_bar) = (zero, zero);
    for i in 0..3 {
        let (low, high) = (s[i].lt(k[3]), k[4].lt(s[i]));
        let q_bar = h[(i, i)] - w / q[i];
        low_bar += R::select(low, q_bar, zero);
        high_bar += R::select(high, q_bar, zero);
        let through = R::select(low, zero, R::select(high, zero, q_bar));
        let logged = R::select(s[i].lt(R::from_f64(LOG_FLOOR)), zero, w / positive(s[i]));
        big_q[(i, i)] = through + logged;
    }
    for (i, j) in PAIRS {
        // s_i >= s_j.
        let both_inside = R::and(s[j].ge(k[3]), k[4].ge(s[i]));
        let quotient = (q[i] - q[j]) / positive(s[i] - s[j]);
        let pair_sum = (s[i] + s[j]).max(R::from_f64(PAIR_SUM_FLOOR));
        let a = R::select(both_inside, one, quotient);
        let b = R::select(both_inside, one, (q[i] + q[j]) / pair_sum);
        set_pair(&mut big_q, (i, j), a, b, h);
    }
    let k_bar = constants_bar([zero, zero, zero, low_bar, high_bar]);
    (u * big_q * v.transpose(), w, k_bar)
}

#[inline(always)]
fn clamped<R: Real>(k: &[R; CONSTANTS], s: Vec3<R>) -> Vec3<R> {
    Vec3::from_fn(|i| s[i].max(k[3]).min(k[4]))
}

/// The history after stretches s were clamped to q, not limited yet.
#[inline(always)]
fn history_after<R: Real>(history: R, s: Vec3<R>, q: Vec3<R>) -> R {
    let (_, logs) = floored_logs(s, LOG_FLOOR);
    history + sum(logs) - (q[0] * q[1] * q[2]).ln()
}

#[inline(always)]
fn limited<R: Real>(history: R) -> R {
    let limit = R::from_f64(HISTORY_LIMIT);
    history.max(-limit).min(limit)
}

/// The return map on the left stretch `V = sqrt(F Fᵀ)`: `F_new = clamp(V) V⁻¹ F`.
fn return_map_tensor<R: Real>(k: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> (Mat3<R>, R) {
    let stretch = sqrt_spd(f_trial * f_trial.transpose());
    let kept = clamp_spd(stretch, k[3], k[4]);
    let f = kept * stretch.inverse() * f_trial;
    (f, limited(history + stretch.determinant().ln() - kept.determinant().ln()))
}

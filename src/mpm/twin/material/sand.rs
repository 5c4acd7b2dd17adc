//! Drucker-Prager sand with cohesion and volume correction [Klar16; Tampubolon17], over Hencky
//! elasticity.

use super::constants_bar;
use super::principal::{
    STRETCH_FLOOR, floored_logs, left_log_strain, positive, radial_map_adj, sum,
};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real, Svd, Vec3, exp_symmetric, svd};

pub use super::hencky::{energy, factors, stress, stress_adj};

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
    svd: Svd<R>,
    /// s, floored, and its logarithms, corrected in volume.
    kept: Vec3<R>,
    e: Vec3<R>,
    back: Return<R>,
    /// q = exp(e_new), the new principal stretches.
    q: Vec3<R>,
}

#[inline]
fn trial<R: Real>(k: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> Trial<R> {
    let third = R::from_f64(1.0 / 3.0);
    let svd = svd(f_trial);
    let (kept, logs) = floored_logs(svd.s, STRETCH_FLOOR);
    let e = Vec3::from_fn(|i| logs[i] + history * third);
    let back = classify(k[2], k[3], e);
    let mean = back.trace * third;
    let q = Vec3::from_fn(|i| {
        let e_new = mean + back.kappa * (e[i] - mean);
        R::select(back.apex, k[3] * third, e_new).exp()
    });
    Trial { svd, kept, e, back, q }
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
    let Trial { svd: Svd { u, s, v }, back, q, .. } = trial(k, f_trial, history);
    let returned = u * Mat3::diagonal(q) * v.transpose();
    // Inside the cone F is only corrected in volume: no round-off of a decomposition enters.
    let corrected = f_trial * (history * R::from_f64(1.0 / 3.0)).exp();
    let intact = R::and(back.elastic, s[2].ge(R::from_f64(STRETCH_FLOOR)));
    let f = Mat3::select(intact, corrected, returned);
    (f, R::select(back.apex, back.trace - k[3], R::zero()))
}

/// By [`radial_map_adj`], with `e_bar = Mᵀ (q ∘ diag H)`, `H = Uᵀ F_bar V`,
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
    let Trial { svd, kept, e, back, q } = trial(k, f_trial, history);
    let h = svd.u.transpose() * f_bar * svd.v;
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

    let trial_bar = radial_map_adj(&svd, (kept, e), q, back.kappa, h, e_bar);
    (trial_bar, sum(e_bar) * third, constants_bar([zero, zero, beta_bar, limit_bar]))
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

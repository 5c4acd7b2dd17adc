//! Von Mises plasticity with linear isotropic hardening, over Hencky elasticity.

use super::constants_bar;
use super::principal::{
    STRETCH_FLOOR, floored_logs, left_log_strain, positive, radial_map_adj, sum,
};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real, Svd, Vec3, exp_symmetric, svd};

pub use super::hencky::{energy, factors, stress, stress_adj};

/// sqrt(2/3): from a uniaxial stress to the norm of its deviator.
const UNIAXIAL: f64 = 0.816_496_580_927_726;

/// The radial return in terms of r = |dev e|.
struct Return<R: Real> {
    /// Inside the cylinder, its surface included: unchanged.
    elastic: R::Mask,
    /// r after the return.
    radius: R,
    /// r that was given up.
    slip: R,
    /// `2 mu + 2 H/3`
    stiffness: R,
}

/// Elastic where `2 mu r <= sqrt(2/3)(sigma_y + H a)`, a the plastic strain so far; else the r at
/// which the stress is the hardened yield stress.
#[inline(always)]
fn classify<R: Real>(k: &[R; CONSTANTS], r: R, plastic_strain: R) -> Return<R> {
    let two_mu = k[0] + k[0];
    let hardening = k[3] * R::from_f64(UNIAXIAL * UNIAXIAL);
    let limit = (k[2] + k[3] * plastic_strain) * R::from_f64(UNIAXIAL);
    let elastic = limit.ge(two_mu * r);
    let stiffness = two_mu + hardening;
    let radius = R::select(elastic, r, (hardening * r + limit) / stiffness);
    Return { elastic, radius, slip: R::select(elastic, R::zero(), r - radius), stiffness }
}

/// Principal values of a trial state, before and after the return map.
struct Trial<R: Real> {
    svd: Svd<R>,
    /// s, floored, and its logarithms.
    kept: Vec3<R>,
    e: Vec3<R>,
    /// Unit direction of dev e.
    direction: Vec3<R>,
    back: Return<R>,
    /// Factor of the deviator.
    kappa: R,
    /// The new principal stretches.
    q: Vec3<R>,
}

#[inline]
fn trial<R: Real>(k: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> Trial<R> {
    let svd = svd(f_trial);
    let (kept, e) = floored_logs(svd.s, STRETCH_FLOOR);
    let mean = sum(e) * R::from_f64(1.0 / 3.0);
    let deviator = Vec3::from_fn(|i| e[i] - mean);
    let r = deviator.norm_squared().sqrt();
    let direction = deviator * positive(r).recip();
    let back = classify(k, r, history);
    let kappa = R::select(back.elastic, R::one(), back.radius / positive(r));
    let q = Vec3::from_fn(|i| (mean + kappa * deviator[i]).exp());
    Trial { svd, kept, e, direction, back, kappa, q }
}

/// `F = U diag(exp e_new) Vᵀ`, `e_new = tr/3 + r_new dev e/r`, k = `[mu, lambda, sigma_y, H]`. The
/// history is the equivalent plastic strain a, which grows by `sqrt(2/3)(r - r_new)`; on the yield
/// surface itself nothing changes. Singular values are floored.
#[inline]
pub fn return_map<R: Real>(k: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> (Mat3<R>, R) {
    if R::TENSOR_FORM {
        return return_map_tensor(k, f_trial, history);
    }
    let Trial { svd, back, q, .. } = trial(k, f_trial, history);
    let returned = svd.u * Mat3::diagonal(q) * svd.v.transpose();
    let intact = R::and(back.elastic, svd.s[2].ge(R::from_f64(STRETCH_FLOOR)));
    let f = Mat3::select(intact, f_trial, returned);
    (f, history + back.slip * R::from_f64(UNIAXIAL))
}

/// By [`radial_map_adj`], `H = Uᵀ F_bar V`, `q_bar = q ∘ diag H`,
/// `e_bar = tr(q_bar)/3 + κ (q_bar - tr/3 - n n·q_bar) + n r_bar`. With
/// `r_new_bar = n·q_bar - sqrt(2/3) a_bar` and c = 2H/3, m = 2 mu + c:
/// `r_bar = sqrt(2/3) a_bar + r_new_bar c/m`, `limit_bar = r_new_bar/m`,
/// `c_bar = r_new_bar (r - r_new)/m`, `(2 mu)_bar = -r_new_bar r_new/m`.
#[inline]
pub fn return_map_adj<R: Real>(
    k: &[R; CONSTANTS],
    f_trial: Mat3<R>,
    history: R,
    f_bar: Mat3<R>,
    history_bar: R,
) -> (Mat3<R>, R, [R; CONSTANTS]) {
    let (zero, third) = (R::zero(), R::from_f64(1.0 / 3.0));
    let (uniaxial, ratio) = (R::from_f64(UNIAXIAL), R::from_f64(UNIAXIAL * UNIAXIAL));
    let Trial { svd, kept, e, direction, back, kappa, q } = trial(k, f_trial, history);
    let h = svd.u.transpose() * f_bar * svd.v;
    let q_bar = Vec3::from_fn(|i| q[i] * h[(i, i)]);
    let mean = sum(q_bar) * third;
    let along = direction.dot(q_bar);

    let m = back.stiffness.recip();
    let radius_bar = along - uniaxial * history_bar;
    let r_bar = uniaxial * history_bar + radius_bar * k[3] * ratio * m;
    let plastic = Vec3::from_fn(|i| {
        let transverse = q_bar[i] - mean - direction[i] * along;
        mean + kappa * transverse + direction[i] * r_bar
    });
    let e_bar = Vec3::select(back.elastic, q_bar, plastic);
    let trial_bar = radial_map_adj(&svd, (kept, e), q, kappa, h, e_bar);

    let limit_bar = R::select(back.elastic, zero, radius_bar * m);
    let mu_bar = -(limit_bar + limit_bar) * back.radius;
    let yield_bar = limit_bar * uniaxial;
    let hardening_bar = yield_bar * history + limit_bar * back.slip * ratio;
    let k_bar = constants_bar([mu_bar, zero, yield_bar, hardening_bar]);
    (trial_bar, history_bar + yield_bar * k[3], k_bar)
}

/// The return map on the left log strain h: `F_new = exp(h_new - h) F`, as h_new and h commute.
fn return_map_tensor<R: Real>(k: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> (Mat3<R>, R) {
    let deviator = left_log_strain(f_trial).deviator();
    let square = deviator.double_dot(deviator);
    let elastic = classify(k, positive(square).sqrt(), history);
    if R::any(elastic.elastic) {
        return (f_trial, history);
    }
    let r = square.sqrt();
    let back = classify(k, r, history);
    let f = exp_symmetric(deviator * (back.radius / r - R::one())) * f_trial;
    (f, history + back.slip * R::from_f64(UNIAXIAL))
}

//! Weakly compressible liquid: pressure from the volume ratio J alone [Hu18].

use crate::math::{Mat3, Real};

/// The return map keeps J above this. A liquid squeezed to a tenth of its volume has left the
/// range of its law; the floor keeps the cube root and its derivative finite until the motion
/// recovers or the run is stopped.
const J_FLOOR: f64 = 0.1;

/// `tau = lambda J (J - 1) I`, k = `[0, lambda, tension, 0]`. Without tension (k\[2\] = 0) it is zero
/// where J > 1; J = 1 itself counts as compressed.
#[inline]
pub fn stress<R: Real>(k: [R; 4], f: Mat3<R>) -> Mat3<R> {
    let j = f.determinant();
    let pressed = k[1] * j * (j - R::one());
    isotropic(R::select(slack(k, j), R::zero(), pressed))
}

/// `F_bar = lambda (2 J - 1) tr(T) J F^-T`, `lambda_bar = J (J - 1) tr(T)`; zero where slack.
#[inline]
pub fn stress_adj<R: Real>(k: [R; 4], f: Mat3<R>, tau_bar: Mat3<R>) -> (Mat3<R>, [R; 4]) {
    let cofactor = f.cofactor();
    let j = f.determinant();
    let trace = R::select(slack(k, j), R::zero(), tau_bar.trace());
    let f_bar = cofactor * (k[1] * (j + j - R::one()) * trace);
    let o = R::zero();
    (f_bar, [o, j * (j - R::one()) * trace, o, o])
}

/// Whether a liquid without tension is stretched and carries nothing.
#[inline]
fn slack<R: Real>(k: [R; 4], j: R) -> R::Mask {
    R::and(k[2].lt(R::from_f64(0.5)), R::one().lt(j))
}

/// `F <- J^(1/3) I`: a liquid forgets shape and keeps volume, J floored.
#[inline]
pub fn return_map<R: Real>(f_trial: Mat3<R>) -> Mat3<R> {
    isotropic(f_trial.determinant().max(R::from_f64(J_FLOOR)).cbrt())
}

/// `F_trial_bar = (J^(1/3) / 3) tr(G) F_trial^-T`; zero where the floor holds.
#[inline]
pub fn return_map_adj<R: Real>(f_trial: Mat3<R>, f_bar: Mat3<R>) -> Mat3<R> {
    let floor = R::from_f64(J_FLOOR);
    let cofactor = f_trial.cofactor();
    let j = f_trial.determinant();
    let root = j.max(floor).cbrt();
    // J F^-T is the cofactor, so J^(1/3) F^-T = cofactor / J^(2/3).
    let scale = f_bar.trace() / (R::from_f64(3.0) * root * root);
    cofactor * R::select(j.lt(floor), R::zero(), scale)
}

#[inline]
fn isotropic<R: Real>(value: R) -> Mat3<R> {
    Mat3::from_fn(|i, j| if i == j { value } else { R::zero() })
}

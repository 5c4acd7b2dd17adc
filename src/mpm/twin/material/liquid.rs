//! Weakly compressible liquid: pressure from the volume ratio J alone [Hu18].

use super::{Factors, Local, LocalBar, constants_bar};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real};

pub use super::none::factors;

/// The return map keeps J above this. A liquid squeezed to a tenth of its volume has left the
/// range of its law; the floor keeps the cube root and its derivative finite until the motion
/// recovers or the run is stopped.
const J_FLOOR: f64 = 0.1;

/// `tau = lambda J (J - 1) I`, k = `[0, lambda, tension]`. Without tension (k\[2\] = 0) it is zero
/// where J > 1; J = 1 itself counts as compressed.
#[inline]
pub fn stress<R: Real>(k: &[R; CONSTANTS], at: &Local<R>, _: &Factors<R>) -> Mat3<R> {
    let j = at.f.determinant();
    let pressed = k[1] * j * (j - R::one());
    isotropic(R::select(slack(k, j), R::zero(), pressed))
}

/// `F_bar = lambda (2 J - 1) tr(T) J F^-T`, `lambda_bar = J (J - 1) tr(T)`; zero where slack.
#[inline]
pub fn stress_adj<R: Real>(
    k: &[R; CONSTANTS],
    at: &Local<R>,
    _: &Factors<R>,
    tau_bar: Mat3<R>,
) -> (LocalBar<R>, [R; CONSTANTS]) {
    let cofactor = at.f.cofactor();
    let j = at.f.determinant();
    let trace = R::select(slack(k, j), R::zero(), tau_bar.trace());
    let f_bar = cofactor * (k[1] * (j + j - R::one()) * trace);
    (LocalBar::of_f(f_bar), constants_bar([R::zero(), j * (j - R::one()) * trace]))
}

/// `lambda (J - 1)²/2`, zero where slack.
pub fn energy<R: Real>(k: &[R; CONSTANTS], at: &Local<R>) -> R {
    let j = at.f.determinant();
    let volume = j - R::one();
    R::select(slack(k, j), R::zero(), k[1] * volume * volume * R::from_f64(0.5))
}

/// Whether a liquid without tension is stretched and carries nothing.
#[inline]
pub(super) fn slack<R: Real>(k: &[R; CONSTANTS], j: R) -> R::Mask {
    R::and(k[2].lt(R::from_f64(0.5)), R::one().lt(j))
}

/// `F <- J^(1/3) I`: a liquid forgets shape and keeps volume, J floored.
#[inline]
pub fn return_map<R: Real>(_: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> (Mat3<R>, R) {
    (isotropic(f_trial.determinant().max(R::from_f64(J_FLOOR)).cbrt()), history)
}

/// `F_trial_bar = (J^(1/3) / 3) tr(G) F_trial^-T`; zero where the floor holds.
#[inline]
pub fn return_map_adj<R: Real>(
    _: &[R; CONSTANTS],
    f_trial: Mat3<R>,
    _history: R,
    f_bar: Mat3<R>,
    history_bar: R,
) -> (Mat3<R>, R, [R; CONSTANTS]) {
    let floor = R::from_f64(J_FLOOR);
    let cofactor = f_trial.cofactor();
    let j = f_trial.determinant();
    let root = j.max(floor).cbrt();
    // J F^-T is the cofactor, so J^(1/3) F^-T = cofactor / J^(2/3).
    let scale = f_bar.trace() / (R::from_f64(3.0) * root * root);
    let trial_bar = cofactor * R::select(j.lt(floor), R::zero(), scale);
    (trial_bar, history_bar, [R::zero(); CONSTANTS])
}

#[inline]
pub(super) fn isotropic<R: Real>(value: R) -> Mat3<R> {
    Mat3::from_fn(|i, j| if i == j { value } else { R::zero() })
}

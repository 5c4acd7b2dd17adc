//! What a law without plasticity has for a return map, and one that takes F as it is for factors:
//! nothing.

use super::{Factors, Local};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real};

/// None.
#[inline(always)]
pub fn factors<R: Real, const ADJOINT: bool>(_: &Local<R>) -> Factors<R> {
    Factors::none()
}

/// F and history as they are.
#[inline(always)]
pub fn return_map<R: Real>(_: &[R; CONSTANTS], f_trial: Mat3<R>, history: R) -> (Mat3<R>, R) {
    (f_trial, history)
}

/// Cotangents as they are.
#[inline(always)]
pub fn return_map_adj<R: Real>(
    _: &[R; CONSTANTS],
    _f_trial: Mat3<R>,
    _history: R,
    f_bar: Mat3<R>,
    history_bar: R,
) -> (Mat3<R>, R, [R; CONSTANTS]) {
    (f_bar, history_bar, [R::zero(); CONSTANTS])
}

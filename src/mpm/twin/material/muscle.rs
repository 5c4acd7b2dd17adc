//! Muscle: an active stress along a fibre that is carried by the deformation.

use crate::math::{Mat3, Real, Vec3};

/// `tau = a (F f)(F f)ᵀ`: f the unit rest direction of the fibre, a the activation [Pa].
#[inline]
pub fn muscle_stress<R: Real>(f: Mat3<R>, fibre: Vec3<R>, activation: R) -> Mat3<R> {
    let stretched = f * fibre;
    (stretched * activation).outer(stretched)
}

/// `F_bar = 2 a T F f fᵀ`, `a_bar = (F f)·T (F f)`, T the symmetric part of `tau_bar`.
#[inline]
pub fn muscle_stress_adj<R: Real>(
    f: Mat3<R>,
    fibre: Vec3<R>,
    activation: R,
    tau_bar: Mat3<R>,
) -> (Mat3<R>, R) {
    let stretched = f * fibre;
    let pulled = tau_bar.symmetric_part() * stretched;
    let f_bar = (pulled * (activation + activation)).outer(fibre);
    (f_bar, stretched.dot(pulled))
}

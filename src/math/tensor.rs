//! Logarithm and exponential of symmetric matrices by rational iterations.
//!
//! Slower than singular values, but smooth at repeated ones, so that a dual number passes through:
//! the independent form of the principal-value laws.

use super::{Mat3, Real};

/// Logarithm of a symmetric positive definite matrix: inverse scaling by square roots
/// (Denman-Beavers), then the odd series of `2 atanh((A - I)(A + I)⁻¹)`.
pub fn ln_spd<R: Real>(a: Mat3<R>) -> Mat3<R> {
    const ROOTS: usize = 4;
    let mut root = a;
    for _ in 0..ROOTS {
        root = sqrt_spd(root);
    }
    let z = (root - Mat3::identity()) * (root + Mat3::identity()).inverse();
    let z2 = z * z;
    // |z| < 0.15 for condition numbers up to 1e2 per root: 14 terms reach 1e-17.
    let mut sum = Mat3::zero();
    for k in (0..14).rev() {
        sum = sum * z2 + Mat3::identity() * R::from_f64(1.0 / f64::from(2 * k + 1));
    }
    (z * sum * R::from_f64(f64::from(2 << ROOTS))).symmetric_part()
}

/// Square root of a symmetric positive definite matrix (Denman-Beavers iteration).
fn sqrt_spd<R: Real>(a: Mat3<R>) -> Mat3<R> {
    let half = R::from_f64(0.5);
    let (mut y, mut z) = (a, Mat3::identity());
    for _ in 0..R::POLAR_STEPS {
        let (y_inverse, z_inverse) = (y.inverse(), z.inverse());
        y = (y + z_inverse) * half;
        z = (z + y_inverse) * half;
    }
    y
}

/// Exponential of a symmetric matrix: scaling and squaring of the Taylor series.
pub fn exp_symmetric<R: Real>(a: Mat3<R>) -> Mat3<R> {
    const SQUARINGS: u32 = 5;
    let scaled = a * R::from_f64(1.0 / f64::from(1u32 << SQUARINGS));
    let mut sum = Mat3::identity();
    for k in (1..=14).rev() {
        sum = Mat3::identity() + scaled * sum * R::from_f64(1.0 / f64::from(k));
    }
    for _ in 0..SQUARINGS {
        sum = sum * sum;
    }
    sum.symmetric_part()
}

//! Fixed corotated elasticity [Stomakhin12], by the polar rotation where F keeps its orientation
//! and by singular values where it is inverted or flat.

use super::{Factors, Local, LocalBar, constants_bar};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real, Svd, nearest_rotation, polar_rotation, svd};

pub use super::none::{return_map, return_map_adj};

/// F counts as flat or inverted where `det F < FLAT |F|³`: there the Newton iteration of the polar
/// rotation loses its digits in f32, or keeps the reflection.
const FLAT: f64 = 1e-6;

/// Floor of s_i + s_j. The stress has a true singularity where a negative singular value meets its
/// neighbour: the nearest rotation jumps. The floor bounds its derivative at 1e3 mu.
const PAIR_SUM_FLOOR: f64 = 1e-3;

/// The rotation nearest to F.
#[inline]
pub fn factors<R: Real, const ADJOINT: bool>(at: &Local<R>) -> Factors<R> {
    Factors::of_rotation(rotation(at.f, at.f.determinant()))
}

/// `tau = 2 mu (F - R) Fᵀ + lambda J (J - 1) I`, k = `[mu, lambda]`.
#[inline]
pub fn stress<R: Real>(k: &[R; CONSTANTS], at: &Local<R>, factors: &Factors<R>) -> Mat3<R> {
    let (f, r) = (at.f, factors.left);
    let j = f.determinant();
    let pressure = k[1] * j * (j - R::one());
    ((f - r) * f.transpose() * (k[0] + k[0])).symmetric_part() + Mat3::identity() * pressure
}

/// With T the symmetric part of `tau_bar`, `F_bar = 2 mu (2 T F - T R) + R [y]x
/// + lambda (2 J - 1) tr(T) J F^-T`, where `R [y]x` carries `R_bar = -2 mu T F` through the polar
/// rotation: `y = (tr(S) I - S)^-1 axial(Z)`, `Z = Rᵀ R_bar`, `S = Rᵀ F`.
/// It divides by s_i + s_j only, never by a difference: exact at F = I.
/// `mu_bar = T : 2 (F - R) Fᵀ`, `lambda_bar = J (J - 1) tr(T)`.
#[inline]
pub fn stress_adj<R: Real>(
    k: &[R; CONSTANTS],
    at: &Local<R>,
    factors: &Factors<R>,
    tau_bar: Mat3<R>,
) -> (LocalBar<R>, [R; CONSTANTS]) {
    let f = at.f;
    let two = R::from_f64(2.0);
    let t = tau_bar.symmetric_part();
    let j = f.determinant();
    let flat = is_flat(f, j);

    let safe = unless(flat, f);
    let r = unless(flat, factors.left);
    let s = r.transpose() * safe;
    let t_f = t * safe;
    let r_bar = -t_f;
    let z = r.transpose() * r_bar;
    let pair_sums = Mat3::identity() * s.trace() - s;
    let y = pair_sums.inverse() * z.axial();
    let mut shear_bar = t_f * two - t * r + r * Mat3::cross_matrix(y);
    let mut mu_bar = t_f.double_dot(safe - r) * two;

    if R::any(flat) {
        let (flat_bar, flat_mu_bar) = shear_of_flat_adj(f, t);
        shear_bar = Mat3::select(flat, flat_bar, shear_bar);
        mu_bar = R::select(flat, flat_mu_bar, mu_bar);
    }
    let trace = t.trace();
    let f_bar = shear_bar * (k[0] * two) + f.cofactor() * (k[1] * (two * j - R::one()) * trace);
    (LocalBar::of_f(f_bar), constants_bar([mu_bar, j * (j - R::one()) * trace]))
}

/// `mu |F - R|² + lambda (J - 1)²/2`.
pub fn energy<R: Real>(k: &[R; CONSTANTS], at: &Local<R>) -> R {
    let j = at.f.determinant();
    let stretch = at.f - rotation(at.f, j);
    let volume = j - R::one();
    k[0] * stretch.double_dot(stretch) + k[1] * volume * volume * R::from_f64(0.5)
}

/// The rotation nearest to F, whose determinant is j.
#[inline(always)]
fn rotation<R: Real>(f: Mat3<R>, j: R) -> Mat3<R> {
    let flat = is_flat(f, j);
    let r = polar_rotation(unless(flat, f));
    if R::any(flat) { Mat3::select(flat, rotation_of_flat(f), r) } else { r }
}

/// `det F < FLAT |F|³`, without a root: `det |det| < FLAT² |F|⁶`.
#[inline]
fn is_flat<R: Real>(f: Mat3<R>, det: R) -> R::Mask {
    let n2 = f.double_dot(f);
    (det * det.abs()).lt(n2 * n2 * n2 * R::from_f64(FLAT * FLAT))
}

/// A matrix, or the identity in flat lanes, so that no lane computes a NaN.
#[inline]
fn unless<R: Real>(flat: R::Mask, m: Mat3<R>) -> Mat3<R> {
    Mat3::select(flat, Mat3::identity(), m)
}

/// The rotation nearest to an F that is flat or inverted: `R = U Vᵀ`, U and V rotations.
#[inline(never)]
fn rotation_of_flat<R: Real>(f: Mat3<R>) -> Mat3<R> {
    if R::TENSOR_FORM {
        return nearest_rotation(f);
    }
    let Svd { u, v, .. } = svd(f);
    u * v.transpose()
}

/// Cotangents of `(F - R) Fᵀ` by F (left) and of mu (right), in principal values:
/// `F_bar = U Q Vᵀ`, `H = Uᵀ T U`, `Q_ij = 2 g_ij H_ij s_j`, `g = 1 - 1/(s_i + s_j)`,
/// `Q_ii = (2 s_i - 1) H_ii`; `mu_bar = Σ 2 (s_i - 1) s_i H_ii`.
#[inline(never)]
fn shear_of_flat_adj<R: Real>(f: Mat3<R>, t: Mat3<R>) -> (Mat3<R>, R) {
    let (one, two) = (R::one(), R::from_f64(2.0));
    let Svd { u, s, v } = svd(f);
    let h = u.transpose() * t * u;
    let q = Mat3::from_fn(|i, j| {
        if i == j {
            (two * s[i] - one) * h[(i, i)]
        } else {
            let sum = (s[i] + s[j]).max(R::from_f64(PAIR_SUM_FLOOR));
            two * (one - one / sum) * h[(i, j)] * s[j]
        }
    });
    let mut mu_bar = R::zero();
    for i in 0..3 {
        mu_bar += two * (s[i] - one) * s[i] * h[(i, i)];
    }
    (u * q * v.transpose(), mu_bar)
}

//! What laws on principal values share. `F = U diag(s) Vᵀ`, e = ln s. No formula divides by s_i - s_j
//! where the two may be close: there divided differences are written with x/sinh x and
//! sinh(k x)/sinh x, which are smooth at equal values; else they are what they say.
//!
//! Duals take tensor forms instead (matrix logarithm and exponential, no floors): independent
//! statements of the same laws.

use crate::math::{Mat3, Real, Svd, Vec3, ln_spd};

/// Return maps of logarithmic laws floor singular values here: compressed to a twentieth of its
/// width, or inverted, a material has left its law. A recorded branch: no derivative passes a
/// floored value.
pub const STRETCH_FLOOR: f64 = 0.05;

/// Stresses floor far below what return maps let through: a guard of the logarithm.
pub const STRESS_FLOOR: f64 = 0.5 * STRETCH_FLOOR;

/// Floor of s_i + s_j, reached only by inverted trial states.
pub const PAIR_SUM_FLOOR: f64 = 1e-3;

/// Singular values, floored, and their logarithms.
#[inline(always)]
pub fn floored_logs<R: Real>(s: Vec3<R>, floor: f64) -> (Vec3<R>, Vec3<R>) {
    let kept = Vec3::from_fn(|i| s[i].max(R::from_f64(floor)));
    (kept, Vec3::from_fn(|i| kept[i].ln()))
}

/// Cotangent of F by `F_new = U diag(q) Vᵀ`, where `dev ln q = kappa dev ln s`:
/// `F_bar = U Q Vᵀ`, `Q_ii = e_bar_i/s_i`, `Q_ij = a sym(H)_ij + b skew(H)_ij`, `H = Uᵀ F_new_bar V`,
/// `a = (q_i - q_j)/(s_i - s_j) = γ sinh(κ x)/sinh x`, `b = (q_i + q_j)/(s_i + s_j)`,
/// `x = (e_i - e_j)/2`, `γ = sqrt(q_i q_j/(s_i s_j))`. `kept` is s, floored at [`STRETCH_FLOOR`], and
/// `logs` its logarithms, or those and something that is the same for all.
#[inline]
pub fn radial_map_adj<R: Real>(
    d: &Svd<R>,
    (kept, logs): (Vec3<R>, Vec3<R>),
    q: Vec3<R>,
    kappa: R,
    h: Mat3<R>,
    e_bar: Vec3<R>,
) -> Mat3<R> {
    let (zero, half) = (R::zero(), R::from_f64(0.5));
    let floor = R::from_f64(STRETCH_FLOOR);
    let s = d.s;
    let mut big_q = Mat3::zero();
    for i in 0..3 {
        big_q[(i, i)] = R::select(s[i].lt(floor), zero, e_bar[i] / kept[i]);
    }
    for (i, j) in PAIRS {
        let gamma = (q[i] * q[j] / (kept[i] * kept[j])).sqrt();
        let x = half * (logs[i] - logs[j]);
        let smooth = gamma * kappa * sinhc_near(kappa * x) / sinhc_near(x);
        // The plain quotient is exact also where only s_j is floored; where both are, q_i = q_j and
        // a = 0.
        let quotient = (q[i] - q[j]) / positive(s[i] - s[j]);
        let a = R::select(R::and(is_near(x), s[j].ge(floor)), smooth, quotient);
        let pair_sum = (s[i] + s[j]).max(R::from_f64(PAIR_SUM_FLOOR));
        let b = (q[i] + q[j]) / pair_sum;
        set_pair(&mut big_q, (i, j), a, b, h);
    }
    d.u * big_q * d.v.transpose()
}

/// Sets `Q_ij` and `Q_ji` to `a sym(H) + b skew(H)`.
#[inline(always)]
pub fn set_pair<R: Real>(q: &mut Mat3<R>, (i, j): (usize, usize), a: R, b: R, h: Mat3<R>) {
    let half = R::from_f64(0.5);
    let symmetric = a * half * (h[(i, j)] + h[(j, i)]);
    let skew = b * half * (h[(i, j)] - h[(j, i)]);
    q[(i, j)] = symmetric + skew;
    q[(j, i)] = symmetric - skew;
}

/// `h = ln(F Fᵀ)/2`.
pub fn left_log_strain<R: Real>(f: Mat3<R>) -> Mat3<R> {
    ln_spd(f * f.transpose()) * R::from_f64(0.5)
}

/// Pairs of principal axes, the larger singular value first.
pub const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];

#[inline]
pub fn sum<R: Real>(v: Vec3<R>) -> R {
    v[0] + v[1] + v[2]
}

/// `U M Uᵀ`.
#[inline]
pub fn congruence<R: Real>(u: Mat3<R>, m: Mat3<R>) -> Mat3<R> {
    u * m * u.transpose()
}

/// A divisor that is zero only where its quotient is not selected or its numerator is zero.
#[inline]
pub fn positive<R: Real>(x: R) -> R {
    x.max(R::from_f64(1e-30))
}

/// Whether two logarithms are so close that a quotient of differences loses digits: at the switch, half
/// a decimal.
#[inline(always)]
pub fn is_near<R: Real>(x: R) -> R::Mask {
    x.abs().lt(R::from_f64(0.3))
}

/// `sinh x / x` where [`is_near`]: its series.
#[inline(always)]
pub fn sinhc_near<R: Real>(x: R) -> R {
    let x2 = x * x;
    // Coefficients 1/(2n + 1)!; the first one left out is 1e-16 at the switch.
    let mut series = R::from_f64(1.0 / 39_916_800.0);
    for factorial in [362_880.0, 5040.0, 120.0, 6.0, 1.0] {
        series = series.mul_add(x2, R::from_f64(1.0 / factorial));
    }
    series
}

/// `sinh x / x`: a series near zero, where the exponentials cancel.
#[inline]
pub fn sinhc<R: Real>(x: R) -> R {
    let (near, series) = (is_near(x), sinhc_near(x));
    let far = R::select(near, R::one(), x);
    let grown = far.exp();
    R::select(near, series, (grown - grown.recip()) / (far + far))
}

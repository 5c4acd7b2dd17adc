//! Singular values and polar rotation of a 3 x 3 matrix, in selects only, for any [`Real`] but duals.

use super::{Mat3, Real, Vec3};

/// `F = U diag(s) Vᵀ` with rotations U, V; only the smallest singular value carries a sign
/// (negative if and only if det F < 0).
#[derive(Clone, Copy, Debug)]
pub struct Svd<R> {
    pub u: Mat3<R>,
    pub s: Vec3<R>,
    pub v: Mat3<R>,
}

/// Singular value decomposition by one-sided Jacobi rotations (Hestenes): columns of `F V` are
/// rotated until they are orthogonal. Small singular values keep their relative accuracy, which an
/// eigendecomposition of `FᵀF` would square away.
#[inline(never)]
pub fn svd<R: Real>(f: Mat3<R>) -> Svd<R> {
    let identity = Mat3::<R>::identity();
    let mut v = [identity.column(0), identity.column(1), identity.column(2)];
    let b = orthogonal_columns::<R, true>(f, &mut v);
    let (u, s) = left_factors(b);
    Svd { u, s, v: Mat3::from_columns(v) }
}

/// U and s of the singular value decomposition, for laws that need no V.
#[inline(never)]
pub fn left_svd<R: Real>(f: Mat3<R>) -> (Mat3<R>, Vec3<R>) {
    left_factors(orthogonal_columns::<R, false>(f, &mut [Vec3::zero(); 3]))
}

/// Columns of `F V`, orthogonal and by descending length; V is applied to `v` as well if asked.
#[inline(always)]
fn orthogonal_columns<R: Real, const WITH_V: bool>(
    f: Mat3<R>,
    v: &mut [Vec3<R>; 3],
) -> [Vec3<R>; 3] {
    let (zero, one, half) = (R::zero(), R::one(), R::from_f64(0.5));
    // Floors a denominator only; a rotation by that little is the identity to round-off.
    let tiny = R::from_f64(1e-30);
    let tolerance2 = R::from_f64(R::JACOBI_TOLERANCE * R::JACOBI_TOLERANCE);
    let mut b = [f.column(0), f.column(1), f.column(2)];
    for _ in 0..R::JACOBI_SWEEPS {
        let mut rotated = false;
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            let gamma = b[p].dot(b[q]);
            let (pp, qq) = (b[p].norm_squared(), b[q].norm_squared());
            let oblique = (tolerance2 * pp * qq).lt(gamma * gamma);
            if !R::any(oblique) {
                continue;
            }
            rotated = true;
            let difference = (qq - pp) * half;
            // tan of the rotation: gamma / (d + sign(d) sqrt(d² + gamma²)), never 0/0. A lane that
            // is orthogonal already is left alone to the bit, whatever its neighbours need.
            let root = (difference * difference + gamma * gamma).sqrt();
            let negative = difference.lt(zero);
            let t = gamma / R::select(negative, difference - root, difference + root + tiny);
            let t = R::select(oblique, t, zero);
            let c = one / (one + t * t).sqrt();
            let s = c * t;
            let rotate = |m: &mut [Vec3<R>; 3]| {
                let (mp, mq) = (m[p], m[q]);
                m[p] = Vec3::from_fn(|a| mq[a].mul_neg_add(s, mp[a] * c));
                m[q] = Vec3::from_fn(|a| mq[a].mul_add(c, mp[a] * s));
            };
            rotate(&mut b);
            if WITH_V {
                rotate(v);
            }
        }
        if !rotated {
            break;
        }
    }
    // Descending order by three compare-and-swap steps, each kept a rotation by a sign.
    for (p, q) in [(0, 1), (1, 2), (0, 1)] {
        let swap = b[p].norm_squared().lt(b[q].norm_squared());
        let exchange = |m: &mut [Vec3<R>; 3]| {
            let (mp, mq) = (m[p], m[q]);
            m[p] = Vec3::select(swap, mq, mp);
            m[q] = Vec3::select(swap, -mp, mq);
        };
        exchange(&mut b);
        if WITH_V {
            exchange(v);
        }
    }
    b
}

/// `B = U diag(s)` of orthogonal columns by descending length, U a rotation.
#[inline(always)]
fn left_factors<R: Real>(b: [Vec3<R>; 3]) -> (Mat3<R>, Vec3<R>) {
    let x = Vec3([R::one(), R::zero(), R::zero()]);
    let s0 = b[0].norm_squared().sqrt();
    let u0 = normalized_or(b[0], x);
    // Gram-Schmidt against u0, then the third column is what completes a rotation.
    let b1 = b[1] - u0 * u0.dot(b[1]);
    let u1 = normalized_or(b1, any_perpendicular(u0));
    let s1 = u1.dot(b[1]);
    let u2 = u0.cross(u1);
    let s2 = u2.dot(b[2]);
    (Mat3::from_columns([u0, u1, u2]), Vec3([s0, s1, s2]))
}

/// `v/|v|`, or the fallback where v vanishes.
fn normalized_or<R: Real>(v: Vec3<R>, fallback: Vec3<R>) -> Vec3<R> {
    let n2 = v.norm_squared();
    // Smallest normal f32 squared-norm with room: below it the direction is noise.
    let vanishes = n2.lt(R::from_f64(1e-36));
    let inverse = R::one() / R::select(vanishes, R::one(), n2).sqrt();
    Vec3::select(vanishes, fallback, v * inverse)
}

/// Some unit vector perpendicular to a unit vector.
fn any_perpendicular<R: Real>(u: Vec3<R>) -> Vec3<R> {
    let o = R::zero();
    let along_x = R::from_f64(0.5).lt(u[0].abs());
    let a = Vec3([-u[1], u[0], o]);
    let b = Vec3([o, -u[2], u[1]]);
    let p = Vec3::select(along_x, a, b);
    p * (R::one() / p.norm_squared().sqrt())
}

/// Rotation R of the polar decomposition F = R S, by scaled Newton iteration; needs det F > 0.
///
/// Converges from any such F; the tangent of a dual converges with it (measured.md: median error
/// 9e-8, worst 3e-7 in f32 with six steps).
pub fn polar_rotation<R: Real>(f: Mat3<R>) -> Mat3<R> {
    let half = R::from_f64(0.5);
    let mut r = f;
    for _ in 0..R::POLAR_STEPS {
        let cofactor = r.cofactor();
        let det = Vec3(r.0[0]).dot(Vec3(cofactor.0[0]));
        // Frobenius scaling brings all singular values near one in the first steps.
        let inverse_det = det.recip();
        let norm_inverse = cofactor.double_dot(cofactor) * inverse_det * inverse_det;
        let gamma = (norm_inverse / r.double_dot(r)).sqrt().sqrt();
        let (keep, turn) = (half * gamma, half * inverse_det / gamma);
        r = Mat3::from_fn(|i, j| cofactor[(i, j)].mul_add(turn, r[(i, j)] * keep));
    }
    r
}

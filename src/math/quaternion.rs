//! Rotations as unit quaternions (x, y, z, w).

use super::{Mat3, Real, Vec3};

/// No rotation.
pub fn quaternion_identity<R: Real>() -> [R; 4] {
    [R::zero(), R::zero(), R::zero(), R::one()]
}

/// The rotation matrix of a unit quaternion.
pub fn quaternion_matrix<R: Real>([x, y, z, w]: [R; 4]) -> Mat3<R> {
    let (one, two) = (R::one(), R::from_f64(2.0));
    Mat3([
        [one - two * (y * y + z * z), two * (x * y - w * z), two * (x * z + w * y)],
        [two * (x * y + w * z), one - two * (x * x + z * z), two * (y * z - w * x)],
        [two * (x * z - w * y), two * (y * z + w * x), one - two * (x * x + y * y)],
    ])
}

/// Turns a rotation by the one of the quaternion `(a, 1)/|(a, 1)|`: by `2 atan |a|` about a. The
/// result is of length one.
pub fn quaternion_turned<R: Real>(a: Vec3<R>, q: [R; 4]) -> [R; 4] {
    let v = Vec3([q[0], q[1], q[2]]);
    let turned = v + a * q[3] + a.cross(v);
    let w = q[3] - a.dot(v);
    let scale = (turned.norm_squared() + w * w).sqrt().recip();
    [turned[0] * scale, turned[1] * scale, turned[2] * scale, w * scale]
}

/// `(C - 1) v` with C the rotation of `(a, 1)/|(a, 1)|`, without cancellation:
/// `2/(1 + a²) (a x v + a x (a x v))`. The transpose is the same with -a.
pub fn turn_change<R: Real>(a: Vec3<R>, v: Vec3<R>) -> Vec3<R> {
    let across = a.cross(v);
    (across + a.cross(across)) * (R::from_f64(2.0) / (R::one() + a.norm_squared()))
}

/// Cotangents of a and v.
pub fn turn_change_adj<R: Real>(a: Vec3<R>, v: Vec3<R>, change_bar: Vec3<R>) -> (Vec3<R>, Vec3<R>) {
    let across = a.cross(v);
    let scale = R::from_f64(2.0) / (R::one() + a.norm_squared());
    let scale_bar = change_bar.dot(across + a.cross(across));
    let scaled = change_bar * scale;
    let across_bar = scaled + scaled.cross(a);
    let a_bar = across.cross(scaled) + v.cross(across_bar) - a * (scale * scale * scale_bar);
    (a_bar, across_bar.cross(a))
}

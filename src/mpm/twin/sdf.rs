//! Signed distance of the collider shapes, with what its derivatives need.
//!
//! All in the body frame. The distance is exact; where it has a kink (the centre of a sphere, the
//! medial planes of a box) one side is taken, named at the line.

use crate::math::{Mat3, Scalar, Vec3};
use crate::model::Shape;

/// A [`Shape`] in the scalar of the solver; lengths in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ShapeAt<R> {
    HalfSpace,
    Box { half_extents: Vec3<R> },
    Sphere { radius: R },
    Capsule { radius: R, half_length: R },
    Cylinder { radius: R, half_length: R },
}

impl<R: Scalar> From<&Shape> for ShapeAt<R> {
    fn from(shape: &Shape) -> Self {
        let r = R::from_f64;
        match *shape {
            Shape::HalfSpace => ShapeAt::HalfSpace,
            Shape::Box { half_extents } => {
                ShapeAt::Box { half_extents: Vec3(half_extents.0.map(r)) }
            }
            Shape::Sphere { radius } => ShapeAt::Sphere { radius: r(radius) },
            Shape::Capsule { radius, half_length } => {
                ShapeAt::Capsule { radius: r(radius), half_length: r(half_length) }
            }
            Shape::Cylinder { radius, half_length } => {
                ShapeAt::Cylinder { radius: r(radius), half_length: r(half_length) }
            }
        }
    }
}

/// Distance and its first two derivatives at a point.
#[derive(Clone, Copy, Debug)]
pub struct Distance<R> {
    /// Signed distance [m], negative inside.
    pub phi: R,
    /// Its gradient: the unit outward normal.
    pub normal: Vec3<R>,
    /// Its Hessian [1/m], symmetric: the adjoint of the normal.
    pub hessian: Mat3<R>,
}

/// Distance from the surface of `shape` to `p` [m, body frame].
#[inline]
pub fn distance<R: Scalar>(shape: &ShapeAt<R>, p: Vec3<R>) -> Distance<R> {
    let o = R::zero();
    match *shape {
        ShapeAt::HalfSpace => Distance { phi: p[2], normal: unit(2), hessian: Mat3::zero() },
        ShapeAt::Sphere { radius } => around(p, radius, Mat3::identity()),
        ShapeAt::Capsule { radius, half_length } => {
            let nearest = p[2].max(-half_length).min(half_length);
            // Beside the segment the nearest point moves along with p, so z does not count.
            let beside = p[2].abs() < half_length;
            let across = if beside { o } else { R::one() };
            let projection = Mat3::diagonal(Vec3([R::one(), R::one(), across]));
            around(Vec3([p[0], p[1], p[2] - nearest]), radius, projection)
        }
        ShapeAt::Box { half_extents } => {
            let axes: [_; 3] = std::array::from_fn(|i| Face {
                gap: p[i].abs() - half_extents[i],
                normal: unit(i) * sign(p[i]),
                hessian: Mat3::zero(),
            });
            outside_faces(&axes)
        }
        ShapeAt::Cylinder { radius, half_length } => {
            let mantle = around(
                Vec3([p[0], p[1], o]),
                radius,
                Mat3::diagonal(Vec3([R::one(), R::one(), o])),
            );
            let cap = Face {
                gap: p[2].abs() - half_length,
                normal: unit(2) * sign(p[2]),
                hessian: Mat3::zero(),
            };
            let mantle = Face { gap: mantle.phi, normal: mantle.normal, hessian: mantle.hessian };
            outside_faces(&[mantle, cap])
        }
    }
}

/// `phi = |q| - radius`, `n = q/|q|`, `H = (projection - n nᵀ)/|q|`. At q = 0 the normal is +x
/// and the Hessian zero.
fn around<R: Scalar>(q: Vec3<R>, radius: R, projection: Mat3<R>) -> Distance<R> {
    let length2 = q.norm_squared();
    if length2 == R::zero() {
        return Distance { phi: -radius, normal: unit(0), hessian: Mat3::zero() };
    }
    let length = length2.sqrt();
    let normal = q * length.recip();
    let hessian = (projection - normal.outer(normal)) * length.recip();
    Distance { phi: length - radius, normal, hessian }
}

/// One of the mutually perpendicular distances that a box or a cylinder is the intersection of.
struct Face<R> {
    gap: R,
    normal: Vec3<R>,
    hessian: Mat3<R>,
}

/// Outside, `phi = sqrt(Σ max(gap, 0)²)`, `n = Σ gap⁺ n_k/phi`,
/// `H = (Σ [gap > 0] n_k n_kᵀ - n nᵀ)/phi + Σ gap⁺ H_k/phi`; inside (all gaps <= 0) the largest gap
/// alone, the first one where two are equal.
fn outside_faces<R: Scalar, const N: usize>(faces: &[Face<R>; N]) -> Distance<R> {
    let o = R::zero();
    let mut largest = &faces[0];
    let mut phi2 = o;
    for face in faces {
        if face.gap > largest.gap {
            largest = face;
        }
        let gap = face.gap.max(o);
        phi2 += gap * gap;
    }
    if phi2 == o {
        return Distance { phi: largest.gap, normal: largest.normal, hessian: largest.hessian };
    }
    let phi = phi2.sqrt();
    let scale = phi.recip();
    let (mut normal, mut hessian) = (Vec3::zero(), Mat3::zero());
    for face in faces.iter().filter(|face| face.gap > o) {
        normal += face.normal * (face.gap * scale);
        hessian += (face.normal.outer(face.normal) + face.hessian * face.gap) * scale;
    }
    hessian = hessian - normal.outer(normal) * scale;
    Distance { phi, normal, hessian }
}

fn unit<R: Scalar>(axis: usize) -> Vec3<R> {
    Vec3::from_fn(|i| if i == axis { R::one() } else { R::zero() })
}

/// ±1; zero counts as positive.
fn sign<R: Scalar>(x: R) -> R {
    if x < R::zero() { -R::one() } else { R::one() }
}

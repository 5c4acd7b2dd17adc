//! Signed distance of the collider shapes, with what its derivatives need.
//!
//! All in the body frame. The distance of a primitive is exact; where it has a kink (the centre of a
//! sphere, the medial planes of a box) one side is taken, named at the line. A mesh is what its samples
//! say, ground is exact at its surface.

use crate::math::{Mat3, Scalar, Vec3};
use crate::model::{Extents, HeightField, MeshShape, SPLINE_ERROR, Shape};
use std::sync::Arc;

/// A [`Shape`] in the scalar of the solver; lengths in metres.
#[derive(Clone, Debug, PartialEq)]
pub enum ShapeAt<R> {
    HalfSpace,
    Box { half_extents: Vec3<R> },
    Sphere { radius: R },
    Capsule { radius: R, half_length: R },
    Cylinder { radius: R, half_length: R },
    Mesh(Arc<MeshShape>),
    HeightField(Arc<HeightField>),
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
            Shape::Mesh(ref mesh) => ShapeAt::Mesh(Arc::clone(mesh)),
            Shape::HeightField(ref ground) => ShapeAt::HeightField(Arc::clone(ground)),
        }
    }
}

/// Distance and normal at a point, with their derivatives by it.
#[derive(Clone, Copy, Debug)]
pub struct Distance<R> {
    /// Signed distance [m], negative inside.
    pub phi: R,
    /// Its gradient [-]: the normal itself where the distance is exact.
    pub gradient: Vec3<R>,
    /// The unit outward normal.
    pub normal: Vec3<R>,
    /// `curvature[(a, b)]` = dn_a/dp_b [1/m]: the Hessian of phi where the distance is exact.
    pub curvature: Mat3<R>,
}

impl<R: Scalar> Distance<R> {
    /// Where the gradient is the normal.
    fn exact(phi: R, normal: Vec3<R>, hessian: Mat3<R>) -> Self {
        Self { phi, gradient: normal, normal, curvature: hessian }
    }

    /// In a frame that is turned by a rotation.
    pub fn turned(self, rotation: Mat3<R>) -> Self {
        Self {
            phi: self.phi,
            gradient: rotation * self.gradient,
            normal: rotation * self.normal,
            curvature: rotation * self.curvature * rotation.transpose(),
        }
    }

    /// The cotangent of the point from those of distance and normal:
    /// `p_bar = phi_bar grad phi + (dn/dp)ᵀ n_bar`.
    #[inline]
    pub fn point_bar(&self, phi_bar: R, n_bar: Vec3<R>) -> Vec3<R> {
        self.gradient * phi_bar + self.curvature.transpose() * n_bar
    }
}

/// Distance from the surface of `shape` to `p` [m, body frame].
#[inline]
pub fn distance<R: Scalar>(shape: &ShapeAt<R>, p: Vec3<R>) -> Distance<R> {
    let o = R::zero();
    match *shape {
        ShapeAt::HalfSpace => Distance::exact(p[2], unit(2), Mat3::zero()),
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
            let mantle = Face { gap: mantle.phi, normal: mantle.normal, hessian: mantle.curvature };
            outside_faces(&[mantle, cap])
        }
        ShapeAt::Mesh(ref mesh) => mesh_distance(mesh, p),
        ShapeAt::HeightField(ref ground) => {
            let at = ground.at(p);
            Distance {
                phi: at.phi,
                gradient: at.gradient,
                normal: at.normal,
                curvature: at.curvature,
            }
        }
    }
}

/// A distance [m, body frame] that no point of the surface is nearer than, and that changes by no
/// more than the way: `distance` itself where that is exact.
#[inline]
pub fn distance_bound<R: Scalar>(shape: &ShapeAt<R>, p: Vec3<R>) -> R {
    match shape {
        ShapeAt::Mesh(mesh) => {
            // Once for where it is asked for, once for where contact is looked at.
            let errors = 2.0 * SPLINE_ERROR * mesh.field.spacing;
            distance(shape, p).phi - R::from_f64(errors)
        }
        ShapeAt::HeightField(ground) => ground.bound(p),
        _ => distance(shape, p).phi,
    }
}

/// `phi` is the spline of the samples, g its gradient, G its Hessian: `n = g/|g|`,
/// `dn/dp = (1 - n nᵀ) G/|g|`; where g vanishes the normal is +x. Beyond the samples the box around
/// the mesh, which is never touched.
fn mesh_distance<R: Scalar>(mesh: &MeshShape, p: Vec3<R>) -> Distance<R> {
    let Some(at) = mesh.field.at(p) else {
        let Extents { middle, half } = Extents::between(mesh.field.surface);
        let surface = ShapeAt::Box { half_extents: Vec3::from_f64(half.0) };
        return distance(&surface, p - Vec3::from_f64(middle.0));
    };
    let (phi, gradient) = (at.value, at.gradient);
    let steepness2 = gradient.norm_squared();
    if steepness2 == R::zero() {
        return Distance { phi, gradient, normal: unit(0), curvature: Mat3::zero() };
    }
    let inverse = steepness2.sqrt().recip();
    let normal = gradient * inverse;
    let bend = at.hessian * inverse;
    Distance { phi, gradient, normal, curvature: bend - normal.outer(bend * normal) }
}

/// `phi = |q| - radius`, `n = q/|q|`, `H = (projection - n nᵀ)/|q|`. At q = 0 the normal is +x
/// and the Hessian zero.
fn around<R: Scalar>(q: Vec3<R>, radius: R, projection: Mat3<R>) -> Distance<R> {
    let length2 = q.norm_squared();
    if length2 == R::zero() {
        return Distance::exact(-radius, unit(0), Mat3::zero());
    }
    let length = length2.sqrt();
    let normal = q * length.recip();
    let hessian = (projection - normal.outer(normal)) * length.recip();
    Distance::exact(length - radius, normal, hessian)
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
        return Distance::exact(largest.gap, largest.normal, largest.hessian);
    }
    let phi = phi2.sqrt();
    let scale = phi.recip();
    let (mut normal, mut hessian) = (Vec3::zero(), Mat3::zero());
    for face in faces.iter().filter(|face| face.gap > o) {
        normal += face.normal * (face.gap * scale);
        hessian += (face.normal.outer(face.normal) + face.hessian * face.gap) * scale;
    }
    hessian = hessian - normal.outer(normal) * scale;
    Distance::exact(phi, normal, hessian)
}

fn unit<R: Scalar>(axis: usize) -> Vec3<R> {
    Vec3::from_fn(|i| if i == axis { R::one() } else { R::zero() })
}

/// ±1; zero counts as positive.
fn sign<R: Scalar>(x: R) -> R {
    if x < R::zero() { -R::one() } else { R::one() }
}

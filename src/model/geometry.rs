//! Shapes in the world: poses, signed distances, extents. Used to fill bodies, to pick the particles
//! of a muscle and to find bodies that start inside colliders.

use super::{Pose, Shape};
use crate::math::Vec3;
use glam::{DQuat, DVec3};

impl Pose {
    /// At a position [m], not turned.
    pub fn at(position: Vec3<f64>) -> Self {
        Self { position, rotation: DQuat::IDENTITY }
    }

    /// A world point [m] in the body frame.
    pub fn body_from_world(&self, point: Vec3<f64>) -> Vec3<f64> {
        let d = DVec3::from_array((point - self.position).0);
        Vec3((self.rotation.inverse() * d).to_array())
    }

    /// A point in the body frame [m] in the world.
    pub fn world_from_body(&self, point: Vec3<f64>) -> Vec3<f64> {
        self.position + Vec3((self.rotation * DVec3::from_array(point.0)).to_array())
    }
}

impl Shape {
    /// Signed distance [m] of a point in the body frame: negative inside.
    pub fn signed_distance(&self, point: Vec3<f64>) -> f64 {
        let p = DVec3::from_array(point.0);
        let radial = p.truncate().length();
        match *self {
            Shape::HalfSpace => p.z,
            Shape::Box { half_extents } => {
                let beyond = p.abs() - DVec3::from_array(half_extents.0);
                beyond.max(DVec3::ZERO).length() + beyond.max_element().min(0.0)
            }
            Shape::Sphere { radius } => p.length() - radius,
            Shape::Capsule { radius, half_length } => {
                let along = p.z - p.z.clamp(-half_length, half_length);
                (radial * radial + along * along).sqrt() - radius
            }
            Shape::Cylinder { radius, half_length } => {
                let (r, z) = (radial - radius, p.z.abs() - half_length);
                (r.max(0.0).powi(2) + z.max(0.0).powi(2)).sqrt() + r.max(z).min(0.0)
            }
            Shape::Mesh(ref mesh) => mesh.signed_distance(point),
            Shape::HeightField(ref ground) => ground.at(point).phi,
        }
    }

    /// The box around it [m, body frame].
    pub fn extents(&self) -> Extents {
        let half = match *self {
            Shape::HalfSpace | Shape::HeightField(_) => Vec3([f64::INFINITY; 3]),
            Shape::Box { half_extents } => half_extents,
            Shape::Sphere { radius } => Vec3([radius; 3]),
            Shape::Capsule { radius, half_length } => Vec3([radius, radius, radius + half_length]),
            Shape::Cylinder { radius, half_length } => Vec3([radius, radius, half_length]),
            Shape::Mesh(ref shape) => return Extents::between(shape.mesh.extents),
        };
        Extents { middle: Vec3::zero(), half }
    }

    /// Whether it has an end on all sides.
    pub fn is_finite(&self) -> bool {
        !matches!(self, Shape::HalfSpace | Shape::HeightField(_))
    }
}

/// Signed distance [m] of a world position [m] from the nearest of some solids; infinite without any.
pub fn distance_to_solids(solids: &[(Shape, Pose)], place: Vec3<f64>) -> f64 {
    let distance =
        |(shape, pose): &(Shape, Pose)| shape.signed_distance(pose.body_from_world(place));
    solids.iter().map(distance).fold(f64::INFINITY, f64::min)
}

/// A box along the axes [m]: its middle, and half of its edges, which may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extents {
    pub middle: Vec3<f64>,
    pub half: Vec3<f64>,
}

impl Extents {
    /// From the corners.
    pub fn between([low, high]: [Vec3<f64>; 2]) -> Self {
        Self { middle: (low + high) * 0.5, half: (high - low) * 0.5 }
    }

    /// The box around it along the world axes when it is turned.
    pub fn turned(&self, rotation: DQuat) -> Self {
        let axes = [DVec3::X, DVec3::Y, DVec3::Z].map(|axis| rotation * axis);
        let sum = |part: &dyn Fn(usize, usize) -> f64| {
            Vec3::from_fn(|world| (0..3).map(|body| part(world, body)).sum())
        };
        Self {
            middle: sum(&|world, body| axes[body][world] * self.middle[body]),
            half: sum(&|world, body| axes[body][world].abs() * self.half[body]),
        }
    }

    /// How far a point is outside [m]; zero inside.
    pub fn outside(&self, p: Vec3<f64>) -> f64 {
        let d = p - self.middle;
        let beyond = Vec3::from_fn(|a| (d[a].abs() - self.half[a]).max(0.0));
        beyond.norm_squared().sqrt()
    }

    /// Half the edges [m] of the box around the origin that holds it.
    pub fn around_origin(&self) -> Vec3<f64> {
        Vec3::from_fn(|a| self.middle[a].abs() + self.half[a])
    }

    /// From the origin to the farthest corner [m].
    pub fn reach(&self) -> f64 {
        self.around_origin().norm_squared().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    // Distances are sums of a few roots of order one.
    const ROUND_OFF: f64 = 1e-14;

    #[test]
    fn distances_are_those_of_school_geometry() {
        let box_ = Shape::Box { half_extents: Vec3([1.0, 2.0, 3.0]) };
        let capsule = Shape::Capsule { radius: 0.5, half_length: 1.0 };
        let cylinder = Shape::Cylinder { radius: 0.5, half_length: 1.0 };
        for (shape, point, distance) in [
            (Shape::HalfSpace, [4.0, 5.0, -2.0], -2.0),
            (box_.clone(), [4.0, 6.0, 0.0], 5.0),
            (box_, [0.5, 0.0, 0.0], -0.5),
            (Shape::Sphere { radius: 1.0 }, [0.0, 3.0, 4.0], 4.0),
            (capsule.clone(), [0.0, 0.0, 2.0], 0.5),
            (capsule, [0.75, 0.0, 0.25], 0.25),
            (cylinder.clone(), [0.0, 0.0, 2.0], 1.0),
            (cylinder.clone(), [3.5, 0.0, 5.0], 5.0),
            (cylinder, [0.0, 0.4, 0.0], -0.1),
        ] {
            let found = shape.signed_distance(Vec3(point));
            assert_abs_diff_eq!(found, distance, epsilon = ROUND_OFF);
        }
    }

    #[test]
    fn a_turned_box_has_the_extents_of_its_corners() {
        let shape = Shape::Box { half_extents: Vec3([1.0, 2.0, 3.0]) };
        let quarter = DQuat::from_rotation_z(std::f64::consts::FRAC_PI_2);
        let turned = shape.extents().turned(quarter);
        for (axis, expected) in [2.0, 1.0, 3.0].into_iter().enumerate() {
            assert_abs_diff_eq!(turned.half[axis], expected, epsilon = ROUND_OFF);
        }
        let corners = [Vec3([1.0, 0.0, 0.0]), Vec3([3.0, 1.0, 1.0])];
        let off = Extents::between(corners).turned(quarter);
        for (axis, expected) in [-0.5, 2.0, 0.5].into_iter().enumerate() {
            assert_abs_diff_eq!(off.middle[axis], expected, epsilon = ROUND_OFF);
        }
    }
}

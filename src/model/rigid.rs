//! Free rigid bodies: mass properties of the shapes, and the points at which bodies meet solids.

use super::{Contact, ContactMode, Model, Pose, Shape};
use crate::math::{Mat3, Vec3, svd};
use crate::mpm::state::{RigidMotion, split_position};
use glam::DVec3;
use std::f64::consts::{PI, TAU};

/// Points around each rim of a cylinder.
const RIM_POINTS: usize = 12;

/// A body that moves by the forces on it. Its frame has the axes of its shape and its origin at the
/// centre of mass.
#[derive(Clone, Debug, PartialEq)]
pub struct RigidBody {
    pub name: String,
    pub shape: Shape,
    /// Towards material as a collider's; towards solids its friction counts.
    pub contact: Contact,
    /// [kg]
    pub mass: f64,
    /// About the centre of mass, in body axes [kg m²].
    pub inertia: Mat3<f64>,
    /// Centre of mass from the origin of the shape, in body axes [m].
    pub centre_of_mass: Vec3<f64>,
}

/// A point of a body's surface, or the centre of a round part of it, that collides with solids.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContactPoint {
    /// From the centre of mass, in body axes [m].
    pub position: Vec3<f64>,
    /// Of the sphere around it [m].
    pub radius: f64,
    /// The part of the body's mass that collides here [-]: so small that points that touch at the
    /// same time do not overshoot, whatever their levers.
    pub share: f64,
}

impl RigidBody {
    /// A body of uniform density.
    pub fn uniform(name: &str, shape: Shape, mass: f64, contact: Contact) -> Self {
        Self {
            name: name.to_owned(),
            contact,
            mass,
            inertia: shape.inertia_per_mass() * mass,
            centre_of_mass: shape.centroid(),
            shape,
        }
    }

    /// The motion of the body whose shape has this pose; `velocity` [m/s] is that of the centre of
    /// mass, `origin` the cell at world (0, 0, 0).
    pub fn motion(
        &self,
        pose: &Pose,
        [velocity, angular_velocity]: [Vec3<f64>; 2],
        cell_width: f64,
        origin: [i32; 3],
    ) -> RigidMotion<f64> {
        let centre = pose.rotation * DVec3::from_array(self.centre_of_mass.0);
        let split: [(i32, f64); 3] =
            std::array::from_fn(|a| split_position((pose.position[a] + centre[a]) / cell_width));
        RigidMotion {
            cell: std::array::from_fn(|a| origin[a] + split[a].0),
            offset: Vec3(split.map(|(_, offset)| offset)),
            rotation: pose.rotation.to_array(),
            velocity,
            angular_velocity,
        }
    }

    /// The pose of its shape in a motion.
    pub fn shape_pose(&self, motion: &RigidMotion<f64>, cell_width: f64, origin: [i32; 3]) -> Pose {
        let rotation = glam::DQuat::from_array(motion.rotation);
        let centre = rotation * DVec3::from_array(self.centre_of_mass.0);
        let at = motion.world_position(cell_width, origin);
        Pose { position: Vec3::from_fn(|a| at[a] - centre[a]), rotation }
    }

    /// Where the body meets solids: corners, rims, ends; of a mesh, vertices spread over it.
    pub fn contact_points(&self) -> Vec<ContactPoint> {
        let mut points: Vec<(Vec3<f64>, f64)> = Vec::new();
        // How many touch a plane at the same time.
        let mut together = 1;
        match self.shape {
            Shape::HalfSpace | Shape::HeightField(_) => {}
            Shape::Mesh(ref shape) => {
                points.extend(shape.mesh.contact_points.iter().map(|p| (*p, 0.0)));
                together = shape.mesh.together;
            }
            Shape::Sphere { radius } => points.push((Vec3::zero(), radius)),
            Shape::Capsule { radius, half_length } => {
                points.extend([-half_length, half_length].map(|z| (Vec3([0.0, 0.0, z]), radius)));
                together = 2;
            }
            Shape::Box { half_extents } => {
                points.extend((0..8).map(|corner| {
                    let side = |a: usize| if corner >> a & 1 == 0 { -1.0 } else { 1.0 };
                    (Vec3::from_fn(|a| side(a) * half_extents[a]), 0.0)
                }));
                together = 4;
            }
            Shape::Cylinder { radius, half_length } => {
                for z in [-half_length, half_length] {
                    points.extend((0..RIM_POINTS).map(|k| {
                        let angle = TAU * k as f64 / RIM_POINTS as f64;
                        (Vec3([radius * angle.cos(), radius * angle.sin(), z]), 0.0)
                    }));
                }
                together = RIM_POINTS;
            }
        }
        let inverse = self.inertia.inverse() * self.mass;
        let largest = |m: Mat3<f64>| svd(m).s.0.into_iter().fold(0.0, f64::max);
        let share = |position: Vec3<f64>, radius: f64| {
            // By how much more than a free mass an impulse at the point moves it: 1 + |r x I⁻¹ r x| m.
            let lever = Mat3::cross_matrix(position);
            let turning = largest(lever * inverse * lever.transpose()).sqrt();
            let round = radius * largest(inverse).sqrt();
            1.0 / (f64::from(together as u32) * (1.0 + (turning + round).powi(2)))
        };
        points
            .into_iter()
            .map(|(position, radius)| {
                let position = position - self.centre_of_mass;
                ContactPoint { position, radius, share: share(position, radius) }
            })
            .collect()
    }

    /// Distance from the centre of mass to the farthest point [m].
    pub fn reach(&self) -> f64 {
        let far = |p: &ContactPoint| p.position.norm_squared().sqrt() + p.radius;
        self.contact_points().iter().map(far).fold(0.0, f64::max)
    }
}

impl Model {
    /// The mass of the layer of nodes that a body exchanges momentum with in one substep, over its
    /// own. The exchange is explicit: the difference of their velocities shrinks by this factor in
    /// every substep if it is below 1, and grows above, whatever the substep.
    pub fn layer_ratio(&self, body: &RigidBody) -> f64 {
        let densest = self.bodies.iter().map(|b| self.materials[b.material as usize].density);
        // Material stays out of a soft body's surface, and half a cell of it lies in a hard one's.
        let thickness = 0.5 * self.cell_width.max(body.contact.softness);
        let layer = densest.fold(0.0, f64::max) * body.shape.surface() * thickness;
        // A third of a closed surface faces any direction; nodes that stick count whole.
        let facing = if body.contact.mode == ContactMode::Sticky { 1.0 } else { 1.0 / 3.0 };
        facing * layer / body.mass
    }
}

impl Contact {
    /// Coulomb coefficient between two solids [-]: the geometric mean; nothing sticks on `Slip`,
    /// `Sticky` counts as 1.
    pub fn solid_friction(&self, other: &Contact) -> f64 {
        let of = |c: &Contact| match c.mode {
            ContactMode::Sticky => 1.0,
            ContactMode::Slip => 0.0,
            ContactMode::Separate => c.friction,
        };
        (of(self) * of(other)).sqrt()
    }
}

impl Shape {
    /// Volume [m³]; infinite for what has no end.
    pub fn volume(&self) -> f64 {
        match *self {
            Shape::HalfSpace | Shape::HeightField(_) => f64::INFINITY,
            Shape::Mesh(ref shape) => shape.mesh.volume,
            Shape::Box { half_extents: e } => 8.0 * e[0] * e[1] * e[2],
            Shape::Sphere { radius } => 4.0 / 3.0 * PI * radius.powi(3),
            Shape::Capsule { radius, half_length } => {
                PI * radius * radius * (2.0 * half_length + 4.0 / 3.0 * radius)
            }
            Shape::Cylinder { radius, half_length } => TAU * radius * radius * half_length,
        }
    }

    /// Surface [m²]; infinite for what has no end.
    pub fn surface(&self) -> f64 {
        match *self {
            Shape::HalfSpace | Shape::HeightField(_) => f64::INFINITY,
            Shape::Mesh(ref shape) => shape.mesh.area,
            Shape::Box { half_extents: e } => 8.0 * (e[0] * e[1] + e[1] * e[2] + e[2] * e[0]),
            Shape::Sphere { radius } => 4.0 * PI * radius * radius,
            Shape::Capsule { radius, half_length } => TAU * radius * 2.0 * (half_length + radius),
            Shape::Cylinder { radius, half_length } => TAU * radius * (radius + 2.0 * half_length),
        }
    }

    /// Centre of volume [m, body frame].
    pub fn centroid(&self) -> Vec3<f64> {
        match self {
            Shape::Mesh(shape) => shape.mesh.centroid,
            _ => Vec3::zero(),
        }
    }

    /// Inertia about the centre of volume, per mass, of a uniform solid [m²].
    pub fn inertia_per_mass(&self) -> Mat3<f64> {
        Mat3::diagonal(match *self {
            Shape::HalfSpace | Shape::HeightField(_) => Vec3([f64::INFINITY; 3]),
            Shape::Mesh(ref shape) => return shape.mesh.inertia_per_mass,
            Shape::Box { half_extents: e } => Vec3::from_fn(|a| {
                let (b, c) = (e[(a + 1) % 3], e[(a + 2) % 3]);
                (b * b + c * c) / 3.0
            }),
            Shape::Sphere { radius } => Vec3([0.4 * radius * radius; 3]),
            Shape::Cylinder { radius, half_length } => {
                let (r2, l2) = (radius * radius, half_length * half_length);
                Vec3([r2 / 4.0 + l2 / 3.0, r2 / 4.0 + l2 / 3.0, r2 / 2.0])
            }
            Shape::Capsule { radius, half_length } => {
                // A cylinder and two half balls, whose own centres lie 3/8 radius beyond its ends.
                let (r2, l2) = (radius * radius, half_length * half_length);
                let ball = 4.0 / 3.0 * radius / (2.0 * half_length + 4.0 / 3.0 * radius);
                let tube = 1.0 - ball;
                let along = tube * r2 / 2.0 + ball * 0.4 * r2;
                let across = tube * (r2 / 4.0 + l2 / 3.0)
                    + ball * (0.4 * r2 + l2 + 0.75 * radius * half_length);
                Vec3([across, across, along])
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_and_moments_are_those_of_a_sum_over_small_cubes() {
        // Cubes of a hundred and twentieth of the size: their number errs by less than a percent.
        const TOLERANCE: f64 = 0.01;
        for shape in [
            Shape::Box { half_extents: Vec3([0.5, 0.3, 0.2]) },
            Shape::Sphere { radius: 0.4 },
            Shape::Capsule { radius: 0.2, half_length: 0.3 },
            Shape::Cylinder { radius: 0.3, half_length: 0.4 },
        ] {
            let n = 120;
            let (mut volume, mut moments) = (0.0, Vec3::<f64>::zero());
            let at = |i: usize| (i as f64 + 0.5) / n as f64 * 1.2 - 0.6;
            let cube = (1.2 / n as f64).powi(3);
            for (i, j, k) in (0..n * n * n).map(|index| (index / (n * n), index / n % n, index % n))
            {
                let p = Vec3([at(i), at(j), at(k)]);
                if shape.signed_distance(p) <= 0.0 {
                    volume += cube;
                    let all = p.norm_squared();
                    moments += Vec3::from_fn(|a| all - p[a] * p[a]) * cube;
                }
            }
            assert!((volume / shape.volume() - 1.0).abs() < TOLERANCE, "{shape:?}: {volume}");
            for a in 0..3 {
                let expected = shape.inertia_per_mass()[(a, a)] * shape.volume();
                let ratio = moments[a] / expected;
                assert!((ratio - 1.0).abs() < 2.0 * TOLERANCE, "{shape:?}, axis {a}: {ratio}");
            }
        }
    }

    #[test]
    fn a_body_keeps_the_pose_of_its_shape_wherever_its_centre_of_mass_is() {
        let contact = Contact { mode: ContactMode::Slip, friction: 0.0, softness: 0.0 };
        let shape = Shape::Box { half_extents: Vec3([0.1, 0.2, 0.3]) };
        let mut body = RigidBody::uniform("keel", shape, 2.0, contact);
        body.centre_of_mass = Vec3([0.02, 0.0, -0.2]);
        let pose =
            Pose { position: Vec3([1.0, -2.0, 0.5]), rotation: glam::DQuat::from_rotation_x(0.7) };
        let motion = body.motion(&pose, [Vec3::zero(); 2], 0.1, [1 << 20, 0, -7]);
        let back = body.shape_pose(&motion, 0.1, [1 << 20, 0, -7]);
        for a in 0..3 {
            assert!((back.position[a] - pose.position[a]).abs() < 1e-12);
        }
        assert_eq!(back.rotation, pose.rotation);
    }
}

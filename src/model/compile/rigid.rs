//! Free rigid bodies: mass properties, initial motion, and whether they fit the rest of the scene.

use super::bodies::{MAX_CELL, TOUCH_CELLS};
use super::checks::Checks;
use super::contact;
use super::shapes::{Named, Shapes};
use crate::math::{Mat3, Vec3};
use crate::model::{Extents, Model, Pose, RigidBody, Shape};
use crate::mpm::state::RigidMotion;
use crate::scene::{self, KeyPath, RigidShape, SceneError};

/// All rigid bodies and how they start.
pub(super) struct Rigid {
    pub bodies: Vec<RigidBody>,
    pub motions: Vec<RigidMotion<f64>>,
}

/// The rigid bodies in the order of the file.
pub(super) fn resolve(
    checks: &Checks<'_>,
    shapes: &Shapes<'_>,
    cell_width: f64,
) -> Result<Rigid, SceneError> {
    let scene = checks.scene;
    let names: Vec<&str> = scene.rigid_body.iter().map(|body| body.name.as_str()).collect();
    checks.names("rigid_body", &names)?;
    let mut rigid = Rigid { bodies: Vec::new(), motions: Vec::new() };
    for (index, said) in scene.rigid_body.iter().enumerate() {
        let at = KeyPath::root("rigid_body").index(index);
        if scene.body.iter().any(|body| body.name == said.name) {
            let message = format!("duplicate name `{}`: a `[[body]]` has it already", said.name);
            return Err(scene.error(&at.key("name"), message));
        }
        let body = body(checks, shapes, &at, said, cell_width)?;
        let pose = checks.pose(&at, said.position, &said.rotation)?;
        for (axis, origin) in scene.world.origin_cells.iter().enumerate() {
            let cells = (pose.position[axis] / cell_width).abs() + f64::from(*origin).abs();
            if cells > MAX_CELL {
                let message = format!(
                    "the rigid body `{}` lies {cells:.3e} cells from the origin; at most \
                     {MAX_CELL:.3e} are possible",
                    said.name
                );
                return Err(scene.error(&at.key("position"), message));
            }
        }
        let twist = [
            checks.vector(&at, "velocity", said.velocity)?,
            checks.vector(&at, "angular_velocity", said.angular_velocity)?,
        ];
        rigid.motions.push(body.motion(&pose, twist, cell_width, scene.world.origin_cells));
        rigid.bodies.push(body);
    }
    Ok(rigid)
}

fn body(
    checks: &Checks<'_>,
    shapes: &Shapes<'_>,
    at: &KeyPath,
    said: &scene::RigidBody,
    cell_width: f64,
) -> Result<RigidBody, SceneError> {
    let scene = checks.scene;
    let shape_at = at.key("shape");
    let contact = contact(checks, at, &said.contact, said.softness.unwrap_or(cell_width))?;
    let shape = match said.shape {
        RigidShape::Box { size } => checks.box_(&shape_at, size)?,
        RigidShape::Sphere { radius } => checks.sphere(&shape_at, radius)?,
        RigidShape::Capsule { radius, length } => checks.capsule(&shape_at, radius, length)?,
        RigidShape::Cylinder { radius, length } => checks.cylinder(&shape_at, radius, length)?,
        RigidShape::Mesh { ref file, scale, spacing } => {
            let felt = contact.softness + shapes.felt_by_bodies();
            shapes.solid_mesh(&shape_at, &Named { file, scale, spacing }, felt)?
        }
    };
    let mass = match (said.density, said.mass) {
        (Some(density), None) => checks.positive(at, "density", density, "kg/m³")? * shape.volume(),
        (None, Some(mass)) => checks.positive(at, "mass", mass, "kg")?,
        (None, None) => {
            let message = format!("the rigid body `{}` has no mass", said.name);
            return Err(scene.error(at, message).with_help("give `density` or `mass`"));
        }
        (Some(_), Some(mass)) => {
            let message = format!("`mass` is {mass} kg and `density` is given; only one may be");
            return Err(scene.error(&at.key("mass"), message));
        }
    };
    let mut body = RigidBody::uniform(&said.name, shape, mass, contact);
    if let Some(centre) = said.center_of_mass {
        body.centre_of_mass = checks.vector(at, "center_of_mass", centre)?;
        // That of a concave solid may lie outside of it, but never outside its box.
        let outside = match body.shape {
            Shape::Mesh(ref shape) => Extents::between(shape.mesh.extents).outside(Vec3(centre)),
            _ => body.shape.signed_distance(body.centre_of_mass),
        };
        if outside > 0.0 {
            let message = format!(
                "`center_of_mass` is {centre:?}, {outside:.3} m outside the shape; it must lie \
                 inside"
            );
            return Err(scene.error(&at.key("center_of_mass"), message));
        }
    }
    if let Some(inertia) = said.inertia {
        body.inertia = principal_inertia(checks, at, inertia)?;
    }
    Ok(body)
}

fn principal_inertia(
    checks: &Checks<'_>,
    at: &KeyPath,
    inertia: [f64; 3],
) -> Result<Mat3<f64>, SceneError> {
    // What rounding to a few decimals costs a flat body, whose moments are at the limit.
    const ROUNDING: f64 = 1e-3;
    let moments = checks.vector(at, "inertia", inertia)?;
    let wrong = |why: &str| {
        let message = format!("`inertia` is {inertia:?} kg m²; {why}");
        Err(checks.scene.error(&at.key("inertia"), message))
    };
    if inertia.iter().any(|&moment| moment <= 0.0) {
        return wrong("every moment must be greater than zero");
    }
    let most = inertia.iter().copied().fold(0.0, f64::max);
    if 2.0 * most > inertia.iter().sum::<f64>() * (1.0 + ROUNDING) {
        return wrong("no solid has a moment that exceeds the sum of the other two");
    }
    Ok(Mat3::diagonal(moments))
}

/// Refuses rigid bodies that start inside something, or are too light for the grid.
pub(super) fn check(checks: &Checks<'_>, model: &Model) -> Result<(), SceneError> {
    let allowed = -TOUCH_CELLS * model.cell_width;
    let solids: Vec<Solid> = Solid::all(model);
    for (index, body) in model.rigid_bodies.iter().enumerate() {
        let at = KeyPath::root("rigid_body").index(index);
        let own = &solids[index];
        let refuse = |message: String| Err(checks.scene.error(&at, message));
        let ratio = model.layer_ratio(body);
        if ratio >= 1.0 {
            let message = format!(
                "the rigid body `{}` of {:.4e} kg is too light for the cell width {} m: the layer \
                 of material around it weighs {ratio:.2} times as much, and less than 1 is allowed",
                body.name, body.mass, model.cell_width
            );
            let error = checks.scene.error(&at, message);
            return Err(error.with_help("make it heavier or larger, or the cells smaller"));
        }
        for other in solids.iter().enumerate().filter(|(k, _)| *k != index).map(|(_, s)| s) {
            let depth = own.depth_in(other).min(other.depth_in(own));
            if depth < allowed {
                return refuse(format!(
                    "the rigid body `{}` starts {:.4e} m inside {} `{}`",
                    body.name, -depth, other.kind, other.name
                ));
            }
        }
        let inside = |p: &usize| {
            let x = Vec3(model.initial.world_position(*p, model.cell_width, model.origin));
            own.shape.signed_distance(own.pose.body_from_world(x)) < allowed
        };
        let mut trapped = (0..model.initial.particle_count()).filter(inside);
        if let Some(first) = trapped.next() {
            return refuse(format!(
                "the rigid body `{}` starts with {} particles inside, the first of them of the \
                 body `{}` at {:.4?} m",
                body.name,
                1 + trapped.count(),
                model.bodies[model.particles.body[first] as usize].name,
                model.initial.world_position(first, model.cell_width, model.origin)
            ));
        }
    }
    Ok(())
}

/// A rigid body or a collider at the start.
struct Solid<'a> {
    kind: &'static str,
    name: &'a str,
    shape: &'a Shape,
    pose: Pose,
    /// Points of its surface in the world, and the radius of the sphere around each [m].
    points: Vec<(Vec3<f64>, f64)>,
}

impl<'a> Solid<'a> {
    /// First the rigid bodies, then the colliders.
    fn all(model: &'a Model) -> Vec<Self> {
        let rigid = model.rigid_bodies.iter().zip(&model.initial.rigid).map(|(body, motion)| {
            let pose = body.shape_pose(motion, model.cell_width, model.origin);
            let point = |p: crate::model::ContactPoint| {
                let from_shape = glam::DVec3::from_array((p.position + body.centre_of_mass).0);
                (pose.position + Vec3((pose.rotation * from_shape).to_array()), p.radius)
            };
            let points = body.contact_points().into_iter().map(point).collect();
            Self { kind: "the rigid body", name: &body.name, shape: &body.shape, pose, points }
        });
        let colliders = model.colliders.iter().map(|c| Self {
            kind: "the collider",
            name: &c.name,
            shape: &c.shape,
            pose: c.pose,
            points: Vec::new(),
        });
        rigid.chain(colliders).collect()
    }

    /// Distance of its deepest point from the other's surface [m], negative inside.
    fn depth_in(&self, other: &Solid) -> f64 {
        let depth = |&(x, radius): &(Vec3<f64>, f64)| {
            other.shape.signed_distance(other.pose.body_from_world(x)) - radius
        };
        // The origin of a mesh is anywhere.
        let has_centre = !self.points.is_empty() && !matches!(self.shape, Shape::Mesh(_));
        let centre = match has_centre {
            true => other.shape.signed_distance(other.pose.body_from_world(self.pose.position)),
            false => f64::INFINITY,
        };
        self.points.iter().map(depth).fold(centre, f64::min)
    }
}

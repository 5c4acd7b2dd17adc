//! Contact in WGSL against the same functions of the CPU twin in double precision.

use crate::adapter::gpu;
use crate::adapter::pointwise::*;
use crate::common::meshes::{ball, hills, mesh_shape};
use crate::common::models::{collider, model_of};
use crate::common::*;
use softscape::math::Vec3;
use softscape::model::{Contact, ContactMode, Law, LawKind, Shape};
use softscape::mpm::device::field_number;
use softscape::mpm::twin::contact::{ColliderAt, collide, collide_adj};
use softscape::mpm::twin::sdf::{ShapeAt, distance};

#[test]
fn shader_contact_and_adjoint_agree_with_double_precision() {
    let Some(gpu) = gpu() else { return };
    let mut rng = rng(9);
    let shapes = [
        ("half-space", Shape::HalfSpace),
        ("box", Shape::Box { half_extents: Vec3([0.3125, 0.1875, 0.25]) }),
        ("sphere", Shape::Sphere { radius: 0.3125 }),
        ("capsule", Shape::Capsule { radius: 0.1875, half_length: 0.25 }),
        ("cylinder", Shape::Cylinder { radius: 0.25, half_length: 0.1875 }),
        ("mesh", mesh_shape(&ball([0.0; 3], 0.3125, 3), 0.3, 0.0625)),
        ("ground", hills(1.0)),
    ];
    let count = shapes.len();
    // The model that numbers their fields.
    let law = Law::typical(LawKind::ALL[0]);
    let mut model = model_of(1.0, 1.0, law, 1.0, &[[0.0; 3]], 1.0);
    let contact = Contact { mode: ContactMode::Slip, friction: 0.0, softness: 0.0 };
    for (name, shape) in &shapes {
        model.colliders.push(collider(name, shape.clone(), contact, [0.0; 3]));
    }
    let modes = [ContactMode::Sticky, ContactMode::Slip, ContactMode::Separate];
    let mut cases = Vec::new();
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for i in 0..1200 * count {
        let (number, (name, shape)) = (i % count, &shapes[i % count]);
        let mode = modes[i / count % 3];
        let collider = ColliderAt::<f64> {
            cell: [0; 3],
            offset: Vec3::zero(),
            rotation: round(random_rotation(&mut rng)),
            velocity: round3(random_vector(&mut rng)),
            angular_velocity: round3(random_vector(&mut rng) * 3.0),
            shape: ShapeAt::from(shape),
            mode,
            friction: 0.75,
            softness: [0.0, 0.25][i / (3 * count) % 2],
        };
        let size = match *shape {
            Shape::HalfSpace => [0.0; 3],
            Shape::Box { half_extents } => half_extents.0,
            Shape::Sphere { radius } => [radius, 0.0, 0.0],
            Shape::Capsule { radius, half_length } | Shape::Cylinder { radius, half_length } => {
                [radius, half_length, 0.0]
            }
            Shape::Mesh(_) | Shape::HeightField(_) => {
                [field_number(&model, shape) as f64, 0.0, 0.0]
            }
        };
        let [d, v, bar] = std::array::from_fn(|k| {
            round3(random_vector(&mut rng) * if k == 0 { 0.5 } else { 1.0 })
        });
        let mode = (i / count % 3) as f64;
        let mut row = vec![number as f64, mode, collider.friction, collider.softness];
        row.extend(size);
        row.extend(flat(collider.rotation));
        for v in [collider.velocity, collider.angular_velocity, d, v, bar] {
            row.extend(v.0);
        }
        rows.push(row);
        cases.push((*name, collider, d, v, bar));
    }
    let body = "var c: ColliderAt; \
        c.shape = whole(0u); c.mode = whole(1u); c.friction = number(2u); c.softness = number(3u); \
        c.size = vector(4u); c.rotation = matrix(7u); c.velocity = vector(16u); \
        c.angular_velocity = vector(19u); \
        let at = distance_to_collider(c, vector(22u)); write(at.phi); write3(at.normal); \
        write3(collide(c, vector(22u), vector(25u))); \
        let a = collide_adj(c, vector(22u), vector(25u), vector(28u)); \
        write3(a.v_bar); write3(a.pose.position); write3(a.pose.rotation); \
        write3(a.pose.velocity); write3(a.pose.angular_velocity);";
    let out = run_with_shapes(&gpu, &model, body, &rows, 22);
    let [mut distances, mut velocities, mut cotangents]: [Errors; 3] = Default::default();
    let mut touched = 0;
    for ((name, collider, d, v, bar), y) in cases.iter().zip(&out) {
        let at = |i: usize| Vec3([y[i], y[i + 1], y[i + 2]]);
        let size = |v: Vec3<f64>| v.norm_squared().sqrt();
        let exact = distance(&collider.shape, collider.rotation.transpose() * *d);
        distances.push(name, (y[0] - exact.phi).abs());
        let after = collide(collider, *d, *v);
        // Within rounding of a surface the two may stand on either side of it.
        let edge = 1e-5;
        if exact.phi.abs() < edge || (exact.phi - collider.softness).abs() < edge {
            continue;
        }
        // Within a box or cylinder the normal jumps where two faces are equally near.
        let nudged = |axis: usize| {
            let step = Vec3::from_fn(|i| if i == axis { edge } else { 0.0 });
            let moved = distance(&collider.shape, collider.rotation.transpose() * (*d + step));
            size(moved.normal - exact.normal) > 0.1
        };
        if (0..3).any(nudged) {
            continue;
        }
        if after == *v && at(4) == *v {
            continue;
        }
        velocities.push(name, size(at(4) - after));
        // Coulomb's law has kinks at no approach and where sliding stops.
        let u = *v - collider.velocity - collider.angular_velocity.cross(*d);
        let normal = collider.rotation * exact.normal;
        let into = u.dot(normal);
        let sliding = size(u - normal * into);
        if into.abs() < edge || (sliding + collider.friction * into).abs() < edge {
            continue;
        }
        let (v_bar, pose) = collide_adj(collider, *d, *v, *bar);
        if pose.velocity.norm_squared() > 0.0 {
            touched += 1;
        }
        // Normals turn by 1/distance from the axis or edge, and friction by 1/sliding speed.
        let curvature = norm(exact.curvature);
        let conditioned = (1.0 / (1.0 + curvature).powi(2)).min(sliding);
        let list = [v_bar, pose.position, pose.rotation, pose.velocity, pose.angular_velocity];
        for (k, exact) in list.iter().enumerate() {
            let error = size(at(7 + 3 * k) - *exact) / size(*exact).max(size(*bar));
            cotangents.push(name, error * conditioned);
        }
    }
    assert!(touched > 1000, "only {touched} contacts");
    distances.check("distance", 1e-6, 1e-5);
    velocities.check("collide", 1e-6, 1e-5);
    cotangents.check("collide adj", 1e-6, 1e-5);
}

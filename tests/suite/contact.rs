//! Contact of one node with one collider: distances, Coulomb friction, and the adjoint by velocity,
//! pose and twist against dual numbers.

use crate::common::derivatives::*;
use crate::common::meshes::*;
use crate::common::*;
use softscape::math::{Dual, Mat3, Real, Vec3};
use softscape::model::{Contact, ContactMode, Shape};
use softscape::mpm::twin::contact::{ColliderAt, PoseBar, collide, collide_adj};
use softscape::mpm::twin::sdf::{ShapeAt, distance};

/// Motion of a collider and a node: position (as -d), small rotation, velocity, angular velocity of
/// the collider, velocity of the node.
fn collide_of(base: ColliderAt<f64>, d: Vec3<f64>) -> impl Fn(&[Dual]) -> Vec<Dual> {
    move |x| {
        let lift = |v: Vec3<f64>| Vec3(v.0.map(Dual::from_f64));
        let r = Dual::from_f64;
        let vector = |i: usize| Vec3([x[i], x[i + 1], x[i + 2]]);
        let rotation: Mat3<Dual> = Mat3::from_f64(base.rotation.0);
        let turned = rotation + Mat3::cross_matrix(vector(3)) * rotation;
        let shape = match base.shape {
            ShapeAt::HalfSpace => ShapeAt::HalfSpace,
            ShapeAt::Box { half_extents } => ShapeAt::Box { half_extents: lift(half_extents) },
            ShapeAt::Sphere { radius } => ShapeAt::Sphere { radius: r(radius) },
            ShapeAt::Capsule { radius, half_length } => {
                ShapeAt::Capsule { radius: r(radius), half_length: r(half_length) }
            }
            ShapeAt::Cylinder { radius, half_length } => {
                ShapeAt::Cylinder { radius: r(radius), half_length: r(half_length) }
            }
            ShapeAt::Mesh(ref mesh) => ShapeAt::Mesh(mesh.clone()),
            ShapeAt::HeightField(ref ground) => ShapeAt::HeightField(ground.clone()),
        };
        let collider = ColliderAt {
            cell: base.cell,
            offset: lift(base.offset),
            rotation: turned,
            velocity: lift(base.velocity) + vector(6),
            angular_velocity: lift(base.angular_velocity) + vector(9),
            shape,
            mode: base.mode,
            friction: r(base.friction),
            softness: r(base.softness),
        };
        collide(&collider, lift(d) - vector(0), vector(12)).0.to_vec()
    }
}

#[test]
fn contact_adjoint_is_exact_for_every_shape_mode_and_softness() {
    let mut rng = rng(50);
    let shapes = [
        Shape::HalfSpace,
        Shape::Box { half_extents: Vec3([0.3, 0.2, 0.25]) },
        Shape::Sphere { radius: 0.3 },
        Shape::Capsule { radius: 0.2, half_length: 0.2 },
        Shape::Cylinder { radius: 0.25, half_length: 0.2 },
        // Coarse, so that the spline bends and its gradient is far from unit length.
        mesh_shape(&block([-0.3, -0.2, -0.25], [0.3, 0.2, 0.25]), 0.25, 0.05),
        hills(1.0),
    ];
    let modes = [ContactMode::Sticky, ContactMode::Slip, ContactMode::Separate];
    for shape in shapes {
        for mode in modes {
            for softness in [0.0, 0.2] {
                let contact = Contact { mode, friction: 0.8, softness };
                let (mut felt, mut partly, mut stuck, mut slid) = (0, 0, 0, 0);
                for _ in 0..1500 {
                    let collider = ColliderAt::<f64> {
                        cell: [0; 3],
                        offset: Vec3::zero(),
                        rotation: random_rotation(&mut rng),
                        velocity: random_vector(&mut rng),
                        angular_velocity: random_vector(&mut rng) * 3.0,
                        shape: ShapeAt::from(&shape),
                        mode: contact.mode,
                        friction: contact.friction,
                        softness: contact.softness,
                    };
                    let d = random_vector(&mut rng) * 0.5;
                    let v = random_vector(&mut rng);
                    let w = random_vector(&mut rng);
                    let after = collide(&collider, d, v);
                    let v_c = collider.velocity + collider.angular_velocity.cross(d);
                    if after == v {
                        assert_eq!(collide_adj(&collider, d, v, w), (w, PoseBar::zero()));
                        continue;
                    }
                    felt += 1;
                    let hard = ColliderAt { softness: 0.0, ..collider.clone() };
                    let hard = collide(&hard, d, v);
                    partly += usize::from(hard == v);
                    stuck += usize::from((after - v_c).norm_squared() < 1e-28);
                    slid += usize::from(hard == after && (after - v_c).norm_squared() > 1e-28);
                    let mut x = vec![0.0; 12];
                    x.extend(v.0);
                    let exact = by_duals(&x, &w.0, collide_of(collider.clone(), d));
                    let (v_bar, pose) = collide_adj(&collider, d, v, w);
                    let adjoint: Vec<f64> =
                        [pose.position, pose.rotation, pose.velocity, pose.angular_velocity, v_bar]
                            .iter()
                            .flat_map(|v| v.0)
                            .collect();
                    let name = format!("{shape:?} {contact:?} d {d:?}");
                    compare(&name, &[3, 3, 3, 3, 3], &w.0, &exact, &adjoint, ROUND_OFF);
                }
                assert!(felt > 20, "{shape:?} {contact:?}: only {felt} nodes touched");
                assert!(softness == 0.0 || partly > 5, "{shape:?} {contact:?}: {partly} partly");
                assert!(
                    mode != ContactMode::Separate || (stuck > 2 && slid > 2),
                    "{shape:?} {contact:?}: {stuck} stuck, {slid} slid"
                );
            }
        }
    }
}

#[test]
fn distances_are_exact_with_unit_normals() {
    let mut rng = rng(51);
    let shapes = [
        Shape::HalfSpace,
        Shape::Box { half_extents: Vec3([0.3, 0.2, 0.25]) },
        Shape::Sphere { radius: 0.3 },
        Shape::Capsule { radius: 0.2, half_length: 0.2 },
        Shape::Cylinder { radius: 0.25, half_length: 0.2 },
    ];
    for shape in shapes {
        let shape = ShapeAt::<f64>::from(&shape);
        for _ in 0..300 {
            let p = random_vector(&mut rng) * 0.6;
            let at = distance(&shape, p);
            assert!((at.normal.norm_squared() - 1.0).abs() < 1e-12, "{shape:?} at {p:?}");
            // Going to the surface along the normal arrives at the surface.
            if at.phi > 0.0 {
                let surface = distance(&shape, p - at.normal * at.phi);
                assert!(surface.phi.abs() < 1e-12, "{shape:?} at {p:?}: {:e}", surface.phi);
            }
        }
    }
    let half = Vec3([0.3, 0.2, 0.25]);
    let corner = distance(&ShapeAt::Box { half_extents: half }, half + Vec3([0.3, 0.4, 1.2]));
    assert!((corner.phi - 1.3).abs() < 1e-14);
    let centre = distance(&ShapeAt::Box { half_extents: half }, Vec3::zero());
    assert_eq!((centre.phi, centre.normal.0), (-0.2, [0.0, 1.0, 0.0]));
    let rim = ShapeAt::Cylinder { radius: 0.25, half_length: 0.2 };
    let at = distance(&rim, Vec3([0.0, 0.25 + 0.3, -0.2 - 0.4]));
    assert!((at.phi - 0.5).abs() < 1e-14, "{}", at.phi);
    let cap = ShapeAt::Capsule { radius: 0.2, half_length: 0.2 };
    assert!((distance(&cap, Vec3([0.3, 0.0, 0.6])).phi - 0.3).abs() < 1e-14);
    for shape in [rim, cap, ShapeAt::Sphere { radius: 0.3 }] {
        let at = distance(&shape, Vec3::zero());
        assert!(at.phi < 0.0 && at.normal.norm_squared() == 1.0, "{shape:?}: {at:?}");
    }
}

#[test]
fn coulomb_friction_has_its_textbook_limits() {
    let floor = |mode, friction| ColliderAt::<f64> {
        cell: [0; 3],
        offset: Vec3::zero(),
        rotation: Mat3::identity(),
        velocity: Vec3::zero(),
        angular_velocity: Vec3::zero(),
        shape: ShapeAt::HalfSpace,
        mode,
        friction,
        softness: 0.0,
    };
    let (d, v) = (Vec3([0.0, 0.0, -0.1]), Vec3([3.0, 4.0, -2.0]));
    // Sliding at 5 m/s loses mu times the normal speed, 0.5 * 2 = 1 m/s.
    let slid = collide(&floor(ContactMode::Separate, 0.5), d, v);
    assert!((slid - Vec3([2.4, 3.2, 0.0])).norm_squared() < 1e-24, "{slid:?}");
    assert_eq!(collide(&floor(ContactMode::Separate, 3.0), d, v), Vec3::zero());
    assert_eq!(collide(&floor(ContactMode::Slip, 3.0), d, v), Vec3([3.0, 4.0, 0.0]));
    assert_eq!(collide(&floor(ContactMode::Sticky, 0.0), d, v), Vec3::zero());
    let leaving = Vec3([3.0, 4.0, 2.0]);
    assert_eq!(collide(&floor(ContactMode::Separate, 3.0), d, leaving), leaving);
    assert_eq!(collide(&floor(ContactMode::Slip, 3.0), d, leaving), Vec3([3.0, 4.0, 0.0]));
    let above = Vec3([0.0, 0.0, 0.1]);
    assert_eq!(collide(&floor(ContactMode::Sticky, 0.0), above, v), v);
}

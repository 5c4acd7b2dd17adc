//! Bodies, rigid bodies and ground from files, against the same made of primitives.

use crate::common::meshes::*;
use softscape::agents::drive;
use softscape::math::Vec3;
use softscape::model::{Model, Shape, compile};
use softscape::mpm::simulator::Simulator;
use softscape::mpm::state::RigidMotion;
use softscape::mpm::twin::Twin;
use softscape::mpm::twin::sdf::{ShapeAt, distance};
use softscape::scene::{Fidelity, Scene, Triangles};
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn compiled(folder: &Path, text: &str) -> Model {
    let scene = Scene::parse(&folder.join("test.toml"), text).unwrap_or_else(|e| panic!("{e}"));
    compile(&scene, Fidelity::Standard).unwrap_or_else(|e| panic!("{e}"))
}

/// A folder with a mesh in both formats, `a.obj` and `a.stl`.
fn folder_with(mesh: &Triangles) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.obj"), obj(mesh)).unwrap();
    fs::write(folder.path().join("a.stl"), stl(mesh)).unwrap();
    folder
}

const WORLD: &str = "format = 1\n[world]\ncell_width = 0.05\n";

#[test]
fn a_body_fills_its_mesh_with_the_mass_of_its_volume() {
    // Millimetres; off the origin and turned, to show that the frame is the file's.
    let mesh = ball([100.0, 0.0, 50.0], 300.0, 4);
    let folder = folder_with(&mesh);
    let body = |file: &str| {
        format!(
            "{WORLD}[[body]]\nname = \"a\"\nmaterial = \"jelly\"\n\
             shape = {{ type = \"mesh\", file = \"{file}\", scale = 0.001 }}\n\
             position = [0.2, -0.3, 0.4]\n\
             rotation = {{ axis = [0.0, 0.0, 1.0], angle_deg = 90.0 }}"
        )
    };
    let from_obj = compiled(folder.path(), &body("a.obj"));
    let from_stl = compiled(folder.path(), &body("a.stl"));
    assert_eq!(from_obj.initial, from_stl.initial);
    // The lattice has 9200 points in the ball; those of the outermost layer are there or not.
    let mass: f64 = from_obj.particles.mass.iter().sum();
    let exact = 1000.0 * 4.0 / 3.0 * std::f64::consts::PI * 0.3f64.powi(3);
    assert!((mass / exact - 1.0).abs() < 0.01, "{mass} {exact}");
    // (0.1, 0, 0.05) turned by a quarter is (0, 0.1, 0.05).
    let centre = [0.2, -0.2, 0.45];
    for p in 0..from_obj.initial.particle_count() {
        let x = from_obj.initial.world_position(p, from_obj.cell_width, from_obj.origin);
        let r: f64 = (0..3).map(|a| (x[a] - centre[a]).powi(2)).sum::<f64>().sqrt();
        assert!(r <= 0.3, "{x:?}");
    }
}

#[test]
fn a_mesh_of_a_sphere_is_the_sphere_to_within_its_facets_and_samples() {
    let radius = 0.2;
    let triangles = ball([0.0; 3], radius, 5);
    let shape = mesh_shape(&triangles, 0.1, 0.01);
    let (mesh, sphere) = (ShapeAt::<f64>::from(&shape), ShapeAt::Sphere { radius });
    // A facet lies below the sphere by at most the square of its circumradius over two radii.
    let edge2 = |a: u32, b: u32| {
        let [a, b] = [a, b].map(|corner| Vec3(triangles.vertices[corner as usize]));
        (a - b).norm_squared()
    };
    let edges = triangles.triangles.iter().flat_map(|&[a, b, c]| [edge2(a, b), edge2(b, c)]);
    let facet = edges.fold(0.0, f64::max) / (6.0 * radius);
    let mut random = crate::common::rng(60);
    for _ in 0..2000 {
        let d = crate::common::random_vector(&mut random);
        let r = d.norm_squared().sqrt();
        if !(0.3..1.0).contains(&r) {
            continue;
        }
        let p = d * (1.0 / r) * (0.12 + 0.15 * r);
        let (a, b) = (distance(&mesh, p), distance(&sphere, p));
        assert!((a.phi - b.phi).abs() < facet + 2e-5, "{} {}", a.phi, b.phi);
        let turned = (a.normal - b.normal).norm_squared().sqrt();
        assert!(turned < 0.05, "{turned}");
    }
}

#[test]
fn a_rigid_mesh_has_the_mass_properties_of_what_it_bounds() {
    let folder = folder_with(&block([1.0, 2.0, 3.0], [3.0, 5.0, 7.0]));
    let text = format!(
        "{WORLD}[[body]]\nname = \"a\"\nmaterial = \"jelly\"\n\
         shape = {{ type = \"sphere\", radius = 0.2 }}\nposition = [5.0, 0.0, 0.0]\n\
         [[rigid_body]]\nname = \"stone\"\ndensity = 1000.0\n\
         shape = {{ type = \"mesh\", file = \"a.stl\", scale = 0.1 }}\n\
         contact = {{ type = \"separate\" }}"
    );
    let model = compiled(folder.path(), &text);
    let stone = &model.rigid_bodies[0];
    assert!((stone.mass - 24.0).abs() < 1e-9);
    let at = model.initial.rigid[0].world_position(model.cell_width, model.origin);
    for (axis, expected) in [0.2, 0.35, 0.5].into_iter().enumerate() {
        // The file's f32 coordinates are exact here, their product with the scale is not.
        assert!((stone.centre_of_mass[axis] - expected).abs() < 1e-12);
        assert!((at[axis] - expected).abs() < 1e-12);
    }
    let expected = [0.3f64.powi(2) + 0.4f64.powi(2), 0.2, 0.2f64.powi(2) + 0.3f64.powi(2)];
    for (axis, moment) in expected.into_iter().enumerate() {
        assert!((stone.inertia[(axis, axis)] - 24.0 * moment / 12.0).abs() < 1e-9);
    }
}

fn fall(model: Model, substeps: usize) -> Vec<RigidMotion<f64>> {
    let model = Arc::new(model);
    let control_steps = substeps.div_ceil(model.substeps_per_control);
    let mut twin = Twin::<f64>::new(&model).unwrap();
    twin.drive(&drive(&model, &[], control_steps)).unwrap();
    twin.forward(0..substeps).unwrap();
    twin.read().unwrap().rigid
}

#[test]
fn a_block_of_triangles_tumbles_on_level_ground_as_a_box_on_a_plane() {
    let folder = folder_with(&block([-0.125, -0.25, -0.125], [0.125, 0.25, 0.125]));
    let scene = |shape: &str, ground: &str| {
        format!(
            "{WORLD}[[body]]\nname = \"a\"\nmaterial = \"jelly\"\n\
             shape = {{ type = \"sphere\", radius = 0.1 }}\nposition = [3.0, 0.0, 0.5]\n\
             [[rigid_body]]\nname = \"block\"\ndensity = 1000.0\nshape = {shape}\n\
             position = [0.0, 0.0, 0.5]\nvelocity = [0.5, 0.0, 0.0]\n\
             rotation = {{ axis = [1.0, 0.0, 0.0], angle_deg = 30.0 }}\n\
             angular_velocity = [2.0, 0.0, 1.0]\n\
             contact = {{ type = \"separate\", friction = 0.5 }}\n\
             [[collider]]\nname = \"ground\"\ncontact = {{ type = \"separate\", friction = 0.5 }}\n\
             {ground}"
        )
    };
    let plane = "shape = { type = \"half_space\" }\nposition = [0.0, 0.0, 0.125]";
    let level = "shape = { type = \"height_field\", size = [1.0, 1.0], heights = { type = \"rows\", \
                 rows = [[0.125, 0.125], [0.125, 0.125]] } }";
    let solid = "{ type = \"box\", size = [0.25, 0.5, 0.25] }";
    let mesh = "{ type = \"mesh\", file = \"a.obj\" }";
    let run = |shape, ground| fall(compiled(folder.path(), &scene(shape, ground)), 600)[0];
    let expected = run(solid, plane);
    let moved = expected.offset.norm_squared() > 0.0 && expected.velocity[2].abs() < 5.0;
    assert!(moved, "{expected:?}");
    for motion in [run(mesh, plane), run(solid, level)] {
        assert_eq!(motion.cell, expected.cell);
        // Corners come in another order: round-off of 600 substeps with contact.
        let off = (motion.offset - expected.offset).norm_squared().sqrt();
        assert!(off < 1e-9, "{off:e}");
        let turned: f64 =
            motion.rotation.iter().zip(expected.rotation).map(|(a, b)| (a - b).abs()).sum();
        assert!(turned < 1e-9, "{turned:e}");
    }
}

#[test]
fn a_picture_an_array_and_rows_of_the_same_heights_are_the_same_ground() {
    let folder = tempfile::tempdir().unwrap();
    // Nodes (x, y) with height x + 10 y in units that 16 bits hold exactly.
    let (nx, ny) = (4u32, 3u32);
    let unit = 1000.0;
    let height = |i: u32, j: u32| f64::from(i + 10 * j) * unit / 65535.0;
    let picture = image::ImageBuffer::from_fn(nx, ny, |column, row| {
        image::Luma([((column + 10 * (ny - 1 - row)) as f64 * unit) as u16])
    });
    picture.save(folder.path().join("h.png")).unwrap();
    let array = ndarray::Array2::from_shape_fn((nx as usize, ny as usize), |(i, j)| {
        height(i as u32, j as u32)
    });
    let mut npz =
        ndarray_npy::NpzWriter::new(fs::File::create(folder.path().join("h.npz")).unwrap());
    npz.add_array("height", &array).unwrap();
    npz.finish().unwrap();
    let rows: Vec<Vec<f64>> = (0..nx).map(|i| (0..ny).map(|j| height(i, j)).collect()).collect();
    let ground = |heights: &str| {
        let text = format!(
            "{WORLD}[[body]]\nname = \"a\"\nmaterial = \"jelly\"\n\
             shape = {{ type = \"sphere\", radius = 0.1 }}\nposition = [0.0, 0.0, 2.0]\n\
             [[collider]]\nname = \"g\"\ncontact = {{ type = \"slip\" }}\n\
             shape = {{ type = \"height_field\", size = [3.0, 2.0], heights = {{ {heights} }} }}"
        );
        match compiled(folder.path(), &text).colliders.remove(0).shape {
            Shape::HeightField(ground) => ground,
            other => panic!("{other:?}"),
        }
    };
    let by_rows = ground(&format!("type = \"rows\", rows = {rows:?}"));
    assert_eq!(by_rows, ground("type = \"array\", file = \"h.npz\""));
    assert_eq!(by_rows, ground("type = \"picture\", file = \"h.png\", white = 1.0"));
    // A plane is reproduced; +x is i, +y is j.
    let at = |x: f64, y: f64| by_rows.at(Vec3([x, y, 0.0])).phi;
    let slope = (1.0f64 + (unit / 65535.0).powi(2) * 101.0).sqrt();
    assert!((at(0.3, -0.2) * slope + (1.8 + 10.0 * 0.8) * unit / 65535.0).abs() < 1e-6);
}

#[test]
fn material_rests_in_a_bowl_of_triangles_and_the_wall_holds_it() {
    // A block with a round hollow would need its own mesh; a ring of four blocks holds as well.
    let folder = tempfile::tempdir().unwrap();
    let wall = block([0.15, -0.3, -0.1], [0.3, 0.3, 0.3]);
    fs::write(folder.path().join("wall.obj"), obj(&wall)).unwrap();
    let mut text = format!(
        "{WORLD}control_secs = 0.01\n[[body]]\nname = \"water\"\nmaterial = \"water\"\n\
         shape = {{ type = \"box\", size = [0.3, 0.3, 0.2] }}\nposition = [0.0, 0.0, 0.1]\n\
         [[collider]]\nname = \"floor\"\nshape = {{ type = \"half_space\" }}\n\
         contact = {{ type = \"slip\" }}\n"
    );
    for quarter in 0..4 {
        text += &format!(
            "[[collider]]\nname = \"wall-{quarter}\"\ncontact = {{ type = \"separate\" }}\n\
             shape = {{ type = \"mesh\", file = \"wall.obj\" }}\n\
             rotation = {{ axis = [0.0, 0.0, 1.0], angle_deg = {} }}\n",
            90 * quarter
        );
    }
    let model = Arc::new(compiled(folder.path(), &text));
    // One file, read and sampled once.
    let shapes: Vec<_> = model.colliders[1..].iter().map(|c| &c.shape).collect();
    let (Shape::Mesh(first), Shape::Mesh(last)) = (shapes[0], shapes[3]) else { panic!() };
    assert!(Arc::ptr_eq(first, last));
    let substeps = (0.4 / model.substep_secs) as usize;
    let control_steps = substeps.div_ceil(model.substeps_per_control);
    let mut twin = Twin::<f32>::new(&model).unwrap();
    twin.drive(&drive(&model, &[], control_steps)).unwrap();
    twin.forward(0..substeps).unwrap();
    let state = twin.read().unwrap();
    for p in 0..state.particle_count() {
        let x = state.world_position(p, model.cell_width, model.origin);
        let inside = x[0].abs() < 0.15 + 0.5 * model.cell_width
            && x[1].abs() < 0.15 + 0.5 * model.cell_width;
        assert!(inside, "{x:?} left the basin");
    }
}

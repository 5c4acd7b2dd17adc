//! Shapes made of triangles and of heights, for tests.

use softscape::model::{HeightField, Mesh, MeshShape, Shape};
use softscape::scene::Triangles;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// A sphere of triangles around a centre: an octahedron whose edges are halved a number of times.
pub fn ball(centre: [f64; 3], radius: f64, halvings: usize) -> Triangles {
    let mut points: Vec<[f64; 3]> = Vec::new();
    for axis in 0..3 {
        for side in [1.0, -1.0] {
            points.push(std::array::from_fn(|a| if a == axis { side } else { 0.0 }));
        }
    }
    let mut faces: Vec<[u32; 3]> = Vec::new();
    for octant in 0..8u32 {
        let corner = |axis: u32| 2 * axis + (octant >> axis & 1);
        let [x, y, z] = [corner(0), corner(1), corner(2)];
        faces.push(if octant.count_ones() % 2 == 0 { [x, y, z] } else { [x, z, y] });
    }
    for _ in 0..halvings {
        let mut middles = HashMap::new();
        let mut finer = Vec::new();
        for [a, b, c] in faces {
            let mut middle = |p: u32, q: u32| {
                *middles.entry((p.min(q), p.max(q))).or_insert_with(|| {
                    let (p, q) = (points[p as usize], points[q as usize]);
                    let sum: [f64; 3] = std::array::from_fn(|a| p[a] + q[a]);
                    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
                    points.push(sum.map(|x| x / length));
                    points.len() as u32 - 1
                })
            };
            let [ab, bc, ca] = [middle(a, b), middle(b, c), middle(c, a)];
            finer.extend([[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]);
        }
        faces = finer;
    }
    let place = |p: &[f64; 3]| std::array::from_fn(|a| centre[a] + radius * p[a]);
    Triangles::new(points.iter().map(place).collect(), faces).unwrap()
}

/// The six faces of a box between two corners.
pub fn block(low: [f64; 3], high: [f64; 3]) -> Triangles {
    let corner = |n: usize| std::array::from_fn(|a| if n >> a & 1 == 0 { low[a] } else { high[a] });
    let quads: [[u32; 4]; 6] =
        [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let split = |[a, b, c, d]: [u32; 4]| [[a, b, c], [a, c, d]];
    let triangles = quads.into_iter().flat_map(split).collect();
    Triangles::new((0..8).map(corner).collect(), triangles).unwrap()
}

/// The text of an OBJ file.
pub fn obj(mesh: &Triangles) -> String {
    let mut text = String::new();
    for [x, y, z] in &mesh.vertices {
        writeln!(text, "v {x} {y} {z}").unwrap();
    }
    for [a, b, c] in &mesh.triangles {
        writeln!(text, "f {} {} {}", a + 1, b + 1, c + 1).unwrap();
    }
    text
}

/// The bytes of a binary STL file, in which triangles share no vertices.
pub fn stl(mesh: &Triangles) -> Vec<u8> {
    let mut bytes = vec![b' '; 80];
    bytes.extend((mesh.triangles.len() as u32).to_le_bytes());
    for corners in &mesh.triangles {
        bytes.extend([0u8; 12]);
        for corner in corners {
            for x in mesh.vertices[*corner as usize] {
                bytes.extend((x as f32).to_le_bytes());
            }
        }
        bytes.extend([0u8; 2]);
    }
    bytes
}

/// A mesh sampled with a spacing, up to a reach around it [m].
pub fn mesh_shape(triangles: &Triangles, reach: f64, spacing: f64) -> Shape {
    let mesh = Arc::new(Mesh::new(triangles, 1.0));
    Shape::Mesh(Arc::new(MeshShape::new(mesh, reach, spacing)))
}

/// Square ground of that edge [m], with hills of a tenth of it.
pub fn hills(size: f64) -> Shape {
    let counts = [33, 25];
    let height = |n: usize| {
        let [x, y] = [(n % 33) as f64 / 32.0 - 0.5, (n / 33) as f64 / 24.0 - 0.5];
        0.1 * size * (7.0 * x).sin() * (6.0 * y + 1.0).cos()
    };
    let heights: Vec<f64> = (0..33 * 25).map(height).collect();
    Shape::HeightField(Arc::new(HeightField::new([size; 2], counts, &heights)))
}

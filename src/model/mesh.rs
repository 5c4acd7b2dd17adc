//! Solids bounded by triangles: mass properties, points of contact, and the sampled distance that
//! material feels.

use super::distance_field::DistanceField;
use super::geometry::Extents;
use super::surface::Surface;
use crate::math::{Mat3, Vec3};
use crate::scene::Triangles;
use parry3d_f64::mass_properties::MassProperties;
use parry3d_f64::math::Vector;
use parry3d_f64::transformation::try_convex_hull;
use std::sync::Arc;

/// Most vertices of a mesh that are points of contact with solids.
const CONTACT_POINTS: usize = 64;
/// A vertex nearer than this to one that is chosen adds nothing [box diagonals].
const SAME_POINT: f64 = 1e-6;
/// Points this near to a supporting plane touch it together [box diagonals].
const SAME_PLANE: f64 = 5e-3;

/// A closed solid of uniform density, in the frame of its file, in metres.
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    pub surface: Surface,
    /// Corners of the box around it [m].
    pub extents: [Vec3<f64>; 2],
    /// [m³]
    pub volume: f64,
    /// [m²]
    pub area: f64,
    /// Centre of volume [m].
    pub centroid: Vec3<f64>,
    /// About the centroid, per mass [m²].
    pub inertia_per_mass: Mat3<f64>,
    /// Vertices spread over the surface.
    pub contact_points: Vec<Vec3<f64>>,
    /// How many of them touch a plane at the same time, at most.
    pub together: usize,
}

/// A mesh as a collision shape.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshShape {
    pub mesh: Arc<Mesh>,
    pub field: DistanceField,
}

impl Mesh {
    /// `scale` is in metres per unit of the file.
    pub fn new(file: &Triangles, scale: f64) -> Self {
        let vertices: Vec<_> = file.vertices.iter().map(|v| Vec3(*v) * scale).collect();
        let extents = file.extents().map(|corner| Vec3(corner) * scale);
        let surface = Surface::closed(vertices, file.triangles.clone());
        let parry = surface.parry();
        let mass = MassProperties::from_trimesh(1.0, parry.vertices(), parry.indices());
        let inertia = mass.reconstruct_inertia_matrix();
        let volume = mass.mass();
        let contact_points = spread(&surface, extents);
        Self {
            extents,
            volume,
            area: parry.triangles().map(|t| t.area()).sum(),
            centroid: Vec3(mass.local_com.to_array()),
            inertia_per_mass: Mat3::from_fn(|a, b| inertia.col(b)[a]).symmetric_part()
                * (1.0 / volume),
            together: together(&contact_points, diagonal(extents)),
            contact_points,
            surface,
        }
    }

    /// Of the box around it [m].
    pub fn diagonal(&self) -> f64 {
        diagonal(self.extents)
    }
}

impl MeshShape {
    /// Samples the distance up to `reach` [m] around the box of the mesh.
    pub fn new(mesh: Arc<Mesh>, reach: f64, spacing: f64) -> Self {
        let distance = |p| mesh.surface.signed_distance(p);
        let field = DistanceField::sample(mesh.extents, reach, spacing, distance);
        Self { mesh, field }
    }

    /// What the material feels: the spline, and beyond it the distance of the box around the mesh,
    /// which the mesh is not nearer than.
    pub fn signed_distance(&self, p: Vec3<f64>) -> f64 {
        let beyond = || Extents::between(self.field.surface).outside(p);
        self.field.at(p).map_or_else(beyond, |at| at.value)
    }
}

fn diagonal([low, high]: [Vec3<f64>; 2]) -> f64 {
    (high - low).norm_squared().sqrt()
}

/// Vertices, each as far as possible from those before: first the farthest from the middle of the box.
fn spread(surface: &Surface, extents: [Vec3<f64>; 2]) -> Vec<Vec3<f64>> {
    let middle = (extents[0] + extents[1]) * 0.5;
    let vertices: Vec<Vec3<f64>> = surface.vertices().collect();
    let mut gaps: Vec<f64> = vertices.iter().map(|v| (*v - middle).norm_squared()).collect();
    let same = SAME_POINT * diagonal(extents);
    let mut chosen = Vec::new();
    while chosen.len() < CONTACT_POINTS.min(vertices.len()) {
        // The first of several that are equally far.
        let farthest = (0..gaps.len()).rev().max_by(|&a, &b| gaps[a].total_cmp(&gaps[b]));
        let Some(farthest) = farthest.filter(|&v| gaps[v] > same * same) else { break };
        let point = vertices[farthest];
        let to_first = chosen.is_empty();
        chosen.push(point);
        for (gap, vertex) in gaps.iter_mut().zip(&vertices) {
            let own = (*vertex - point).norm_squared();
            *gap = if to_first { own } else { gap.min(own) };
        }
    }
    chosen
}

/// The most points that lie in one facet of their convex hull.
fn together(points: &[Vec3<f64>], diagonal: f64) -> usize {
    let all: Vec<Vector> = points.iter().map(|p| Vector::from_array(p.0)).collect();
    // Points that span no volume may all touch a plane at once.
    let Ok((corners, facets)) = try_convex_hull(&all) else { return points.len() };
    let in_plane_of = |facet: [u32; 3]| {
        let [a, b, c] = facet.map(|corner| corners[corner as usize]);
        let normal = (b - a).cross(c - a).normalize_or_zero();
        all.iter().filter(|p| (**p - a).dot(normal).abs() < SAME_PLANE * diagonal).count()
    };
    facets.into_iter().map(in_plane_of).max().unwrap_or(points.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A box of 2 x 3 x 4 with a corner at (1, 1, 1).
    fn block() -> Mesh {
        let at = |n: u32, bit: u32| f64::from(n >> bit & 1);
        let corner = |n| [1.0 + 2.0 * at(n, 0), 1.0 + 3.0 * at(n, 1), 1.0 + 4.0 * at(n, 2)];
        let quads =
            [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let split = |[a, b, c, d]: [u32; 4]| [[a, b, c], [a, c, d]];
        let triangles = quads.into_iter().flat_map(split).collect();
        let file = Triangles::new((0..8).map(corner).collect(), triangles).unwrap();
        Mesh::new(&file, 0.1)
    }

    #[test]
    fn a_block_has_the_mass_properties_of_a_box() {
        let mesh = block();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        near(mesh.volume, 0.024);
        near(mesh.area, 0.52);
        let [dx, dy, dz] = [0.2f64, 0.3, 0.4].map(|d| d * d / 12.0);
        let expected = Mat3::diagonal(Vec3([dy + dz, dz + dx, dx + dy]));
        for a in 0..3 {
            near(mesh.centroid[a], [0.2, 0.25, 0.3][a]);
            for b in 0..3 {
                near(mesh.inertia_per_mass[(a, b)], expected[(a, b)]);
            }
        }
    }

    #[test]
    fn a_triangle_without_area_changes_no_distance() {
        // The edge from corner 4 to 5 has a vertex in its middle, which one of its faces does not see.
        let mut file = Triangles { vertices: vec![], triangles: vec![] };
        file.vertices.extend((0..8).map(|n| [0, 1, 2].map(|bit| f64::from(n >> bit & 1))));
        file.vertices.push([0.5, 0.0, 1.0]);
        let top = [[4, 8, 7], [8, 5, 7], [4, 7, 6], [4, 5, 8]];
        let rest = [[0, 2, 3], [0, 3, 1], [0, 1, 5], [0, 5, 4], [2, 6, 7], [2, 7, 3]];
        let sides = [[0, 4, 6], [0, 6, 2], [1, 3, 7], [1, 7, 5]];
        file.triangles.extend(top.into_iter().chain(rest).chain(sides));
        let file = Triangles::new(file.vertices, file.triangles).unwrap();
        assert_eq!(file.triangles.len(), 14);
        let mesh = Mesh::new(&file, 1.0);
        for n in 0..2000 {
            let noise = |k: f64| (n as f64 * k).sin();
            let p = Vec3([0.5 + 0.8 * noise(1.3), 0.8 * noise(2.9), 1.0 + 0.8 * noise(0.7)]);
            let gap = Vec3::from_fn(|a| (p[a] - 0.5).abs() - 0.5);
            let outside = Vec3::from_fn(|a| gap[a].max(0.0)).norm_squared().sqrt();
            let exact = outside + gap.0.into_iter().fold(f64::NEG_INFINITY, f64::max).min(0.0);
            let found = mesh.surface.signed_distance(p);
            assert!((found - exact).abs() < 1e-12, "{found} {exact} at {p:?}");
        }
    }

    #[test]
    fn a_block_touches_with_its_corners_four_at_a_time() {
        let mesh = block();
        assert_eq!((mesh.contact_points.len(), mesh.together), (8, 4));
    }

    #[test]
    fn the_distance_of_a_block_is_that_of_a_box_but_for_the_rounding_of_its_edges() {
        let spacing = 0.01;
        let shape = MeshShape::new(Arc::new(block()), 0.05, spacing);
        let half = [0.1, 0.15, 0.2];
        let exact = |q: Vec3<f64>| {
            let gap = Vec3::from_fn(|a| q[a].abs() - half[a]);
            let outside = Vec3::from_fn(|a| gap[a].max(0.0)).norm_squared().sqrt();
            outside + gap.0.into_iter().fold(f64::NEG_INFINITY, f64::max).min(0.0)
        };
        let (mut worst, mut on_faces) = (0.0f64, 0.0f64);
        for n in 0..3000 {
            let noise = |k: f64| (n as f64 * k).sin();
            let q = Vec3([0.14 * noise(1.3), 0.19 * noise(2.9), 0.24 * noise(0.7)]);
            let error = (shape.signed_distance(q + Vec3([0.2, 0.25, 0.3])) - exact(q)).abs();
            worst = worst.max(error);
            // Three spacings from where the nearest face changes, the distance is linear.
            let mut gaps = [0, 1, 2].map(|a| q[a].abs() - half[a]);
            gaps.sort_by(f64::total_cmp);
            if gaps[2] - gaps[1] > 6.0 * spacing && gaps[1] < -3.0 * spacing {
                on_faces = on_faces.max(error);
            }
        }
        // Where it is linear only the coefficients' f32 rounding is left.
        assert!(on_faces < 1e-7 && on_faces > 0.0, "{on_faces:e}");
        assert!(worst < 0.3 * spacing, "{worst:e}");
        assert!(shape.signed_distance(Vec3([3.0, 0.25, 0.3])) > 2.6);
    }
}

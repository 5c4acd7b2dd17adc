//! Triangles in space, to be measured from and looked at: parry3d's tree of them.

use crate::math::Vec3;
use parry3d_f64::math::Vector;
use parry3d_f64::query::{PointQuery, Ray, RayCullingMode};
use parry3d_f64::shape::{TriMesh, TriMeshFlags};

/// Triangles, counter-clockwise seen from outside. At least one.
#[derive(Clone, Debug)]
pub struct Surface {
    mesh: TriMesh,
}

impl PartialEq for Surface {
    fn eq(&self, other: &Self) -> bool {
        self.mesh.vertices() == other.mesh.vertices() && self.mesh.indices() == other.mesh.indices()
    }
}

impl Surface {
    /// The boundary of a solid, which the caller has checked to be closed.
    pub fn closed(vertices: Vec<Vec3<f64>>, triangles: Vec<[u32; 3]>) -> Self {
        Self::new(vertices, triangles, TriMeshFlags::ORIENTED)
    }

    /// A surface with an edge, which has no inside.
    pub fn sheet(vertices: Vec<Vec3<f64>>, triangles: Vec<[u32; 3]>) -> Self {
        Self::new(vertices, triangles, TriMeshFlags::empty())
    }

    fn new(vertices: Vec<Vec3<f64>>, triangles: Vec<[u32; 3]>, flags: TriMeshFlags) -> Self {
        let vertices = vertices.into_iter().map(|v| Vector::from_array(v.0)).collect();
        let mesh = TriMesh::with_flags(vertices, triangles, flags);
        Self { mesh: mesh.expect("there is a triangle, and the flags ask for no topology") }
    }

    /// Distance from the nearest triangle [m], negative inside; of a closed surface only.
    pub fn signed_distance(&self, p: Vec3<f64>) -> f64 {
        self.mesh.distance_to_local_point(Vector::from_array(p.0), false)
    }

    /// Ray parameter and unit normal of the first triangle in front of the origin that faces it. The
    /// direction need not be normalised.
    pub fn cast(&self, origin: Vec3<f64>, direction: Vec3<f64>) -> Option<(f64, Vec3<f64>)> {
        let ray = Ray::new(Vector::from_array(origin.0), Vector::from_array(direction.0));
        let front = RayCullingMode::IgnoreBackfaces;
        let hit = self.mesh.cast_local_ray_with_culling(&ray, f64::MAX, front)?;
        Some((hit.time_of_impact, Vec3(hit.normal.to_array())))
    }

    pub fn vertices(&self) -> impl ExactSizeIterator<Item = Vec3<f64>> + '_ {
        self.mesh.vertices().iter().map(|v| Vec3(v.to_array()))
    }

    /// Numbers of their corners.
    pub fn triangles(&self) -> &[[u32; 3]] {
        self.mesh.indices()
    }

    /// For parry3d's own algorithms.
    pub(super) fn parry(&self) -> &TriMesh {
        &self.mesh
    }
}

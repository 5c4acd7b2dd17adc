//! Shapes that come from files: meshes, read once and sampled as far as anything touches them, and
//! ground.

use super::checks::Checks;
use crate::model::{DistanceField, HeightField, Mesh, MeshShape, Shape};
use crate::scene::{
    Collider, HeightGrid, Heights, KeyPath, Quantity, RigidShape, Scene, SceneError,
};
use crate::scene::{Sensor, Triangles};
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

/// The most samples of a mesh: 64 MB, and half a minute of sampling on two cores.
const MAX_SAMPLES: f64 = (1u32 << 24) as f64;

/// Samples of a mesh in a cell, along an axis, unless the scene says otherwise.
const SAMPLES_PER_CELL: f64 = 2.0;

/// What has been read; solids that share a file share its contents.
pub(super) struct Shapes<'a> {
    checks: &'a Checks<'a>,
    cell_width: f64,
    meshes: RefCell<Vec<(MeshKey, Arc<Mesh>)>>,
    sampled: RefCell<Vec<(Sampling, Arc<MeshShape>)>>,
}

/// File and scale.
#[derive(Clone, PartialEq)]
struct MeshKey(PathBuf, f64);

/// Of which mesh, how far around it [m], with which spacing [m].
#[derive(Clone, PartialEq)]
struct Sampling(MeshKey, f64, f64);

/// A mesh as a solid of the scene names it.
pub(super) struct Named<'a> {
    pub file: &'a str,
    pub scale: f64,
    pub spacing: Option<f64>,
}

impl<'a> Shapes<'a> {
    pub fn new(checks: &'a Checks<'a>, cell_width: f64) -> Self {
        Self { checks, cell_width, meshes: RefCell::default(), sampled: RefCell::default() }
    }

    /// The solid in a mesh file; `at` is the shape.
    pub fn mesh(&self, at: &KeyPath, file: &str, scale: f64) -> Result<Arc<Mesh>, SceneError> {
        Ok(self.keyed_mesh(at, file, scale)?.1)
    }

    fn keyed_mesh(
        &self,
        at: &KeyPath,
        file: &str,
        scale: f64,
    ) -> Result<(MeshKey, Arc<Mesh>), SceneError> {
        let scene = self.checks.scene;
        let scale = self.checks.positive(at, "scale", scale, "m per unit")?;
        let key = MeshKey(scene.source.resolve(file), scale);
        if let Some(known) = self.meshes.borrow().iter().find(|(k, _)| *k == key) {
            return Ok(known.clone());
        }
        let triangles = Triangles::load(&key.0)
            .map_err(|error| scene.error(&at.key("file"), error.to_string()))?;
        let entry = (key, Arc::new(Mesh::new(&triangles, scale)));
        self.meshes.borrow_mut().push(entry.clone());
        Ok(entry)
    }

    /// A mesh as a solid that material meets; `felt` is how far from its surface something feels it [m].
    pub fn solid_mesh(
        &self,
        at: &KeyPath,
        named: &Named<'_>,
        felt: f64,
    ) -> Result<Shape, SceneError> {
        let (key, mesh) = self.keyed_mesh(at, named.file, named.scale)?;
        let spacing = match named.spacing {
            Some(spacing) => self.checks.positive(at, "spacing", spacing, "m")?,
            None => self.cell_width / SAMPLES_PER_CELL,
        };
        // One sample farther, so that beyond the samples nothing is felt.
        let reach = felt + spacing;
        let sampling = Sampling(key, reach, spacing);
        if let Some((_, known)) = self.sampled.borrow().iter().find(|(s, _)| *s == sampling) {
            return Ok(Shape::Mesh(Arc::clone(known)));
        }
        let counts = DistanceField::counts(mesh.extents, reach, spacing);
        let count = counts.iter().product::<f64>();
        if !(count <= MAX_SAMPLES) {
            let message = format!(
                "the mesh `{}`, {:.4} m from corner to corner, needs {count:.2e} samples at spacing \
                 {spacing} m; at most {MAX_SAMPLES:.2e} are possible",
                named.file,
                mesh.diagonal()
            );
            let error = self.checks.scene.error(at, message);
            return Err(error.with_help("give a larger `spacing`, or check `scale`"));
        }
        let shape = Arc::new(MeshShape::new(mesh, reach, spacing));
        self.sampled.borrow_mut().push((sampling, Arc::clone(&shape)));
        Ok(Shape::Mesh(shape))
    }

    /// Ground of a collider.
    pub fn height_field(
        &self,
        at: &KeyPath,
        size: [f64; 2],
        heights: &Heights,
    ) -> Result<Shape, SceneError> {
        let grid = self.height_grid(at, size, ("heights", heights))?;
        let ground = HeightField::new(size, grid.counts, &grid.heights);
        Ok(Shape::HeightField(Arc::new(ground)))
    }

    /// The heights of a ground of this size, under a key.
    pub fn height_grid(
        &self,
        at: &KeyPath,
        size: [f64; 2],
        (key, heights): (&str, &Heights),
    ) -> Result<HeightGrid, SceneError> {
        let scene = self.checks.scene;
        if !size.iter().all(|edge| edge.is_finite() && *edge > 0.0) {
            let message = format!("`size` is {size:?} m; both must be greater than zero");
            return Err(scene.error(&at.key("size"), message));
        }
        let at = at.key(key);
        let (grid, key) = match heights {
            Heights::Picture { file, black, white } => {
                let black = self.checks.finite(&at, "black", *black)?;
                let white = self.checks.finite(&at, "white", *white)?;
                (HeightGrid::from_picture(&scene.source.resolve(file), black, white), "file")
            }
            Heights::Array { file } => {
                (HeightGrid::from_array(&scene.source.resolve(file)), "file")
            }
            Heights::Rows { rows } => (HeightGrid::from_rows(rows), "rows"),
        };
        grid.map_err(|error| scene.error(&at.key(key), error.to_string()))
    }

    /// How far from any surface something of the scene feels it besides softened contact [m]: balls
    /// do as far as they are thick.
    pub fn felt_by_bodies(&self) -> f64 {
        let thickness = |body: &crate::scene::RigidBody| match body.shape {
            RigidShape::Sphere { radius } | RigidShape::Capsule { radius, .. } => radius,
            _ => 0.0,
        };
        self.checks.scene.rigid_body.iter().map(thickness).fold(0.0, f64::max)
    }

    /// The same of a collider: sensors measure what lies on it.
    pub fn felt_by_sensors(&self, collider: &Collider) -> f64 {
        layers(self.checks.scene, &collider.name, self.cell_width).fold(0.0, f64::max)
    }
}

/// How far from a collider the layers reach that sensors look at [m].
fn layers<'a>(scene: &'a Scene, name: &'a str, default: f64) -> impl Iterator<Item = f64> + 'a {
    scene.sensor.iter().filter_map(move |sensor: &Sensor| match &sensor.quantity {
        Quantity::ContactArea { collider, width, .. } if collider == name => {
            Some(1.5 * width.unwrap_or(default))
        }
        _ => None,
    })
}

//! Reading the triangle meshes that a scene names: OBJ and STL, checked to bound a solid.

use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The most triangles of a mesh: what a search tree of 200 MB holds.
pub const MAX_TRIANGLES: usize = 1 << 20;

/// The largest file that is read [bytes].
const MAX_FILE_BYTES: u64 = 1 << 28;

/// Volume below which a mesh has none, in cubes of its box's diagonal: round-off of f32 vertices.
const FLAT: f64 = 1e-9;

/// Why a file cannot be used as a solid.
#[derive(Debug, Error)]
pub enum MeshError {
    #[error("cannot read the mesh `{}`: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: String },
    #[error("the mesh `{}` cannot be used: {fault}", path.display())]
    Unusable { path: PathBuf, fault: MeshFault },
}

/// What keeps triangles from bounding a solid.
#[derive(Debug, Error, PartialEq)]
pub enum MeshFault {
    #[error("it has no triangles")]
    Empty,
    #[error("it has {found} triangles; at most {MAX_TRIANGLES} are possible")]
    TooLarge { found: usize },
    #[error("triangle {triangle} has a corner at {position:?}; coordinates must be finite numbers")]
    NotFinite { triangle: usize, position: [f64; 3] },
    #[error(
        "it is not closed: {open} of {all} edges border one triangle only, the first between \
         {first:?} and {second:?}"
    )]
    Open { open: usize, all: usize, first: [f64; 3], second: [f64; 3] },
    #[error(
        "{wrong} of {all} edges border more than two triangles, or two that face opposite ways, \
         the first between {first:?} and {second:?}"
    )]
    Tangled { wrong: usize, all: usize, first: [f64; 3], second: [f64; 3] },
    #[error(
        "it is inside out: its volume is {volume:.4e} cubic units; triangles must be \
         counter-clockwise seen from outside"
    )]
    InsideOut { volume: f64 },
    #[error(
        "it has no volume: {volume:.1e} cubic units within a box of diagonal {diagonal:.4} units"
    )]
    Flat { volume: f64, diagonal: f64 },
}

/// The boundary of a solid, in the units of its file: closed, outward, every vertex used and unique.
#[derive(Clone, Debug, PartialEq)]
pub struct Triangles {
    pub vertices: Vec<[f64; 3]>,
    /// Corners of each triangle, counter-clockwise seen from outside.
    pub triangles: Vec<[u32; 3]>,
}

impl Triangles {
    /// Reads a file, whose name ends in `.obj` or `.stl`.
    ///
    /// # Errors
    /// It is missing, of another kind or ill-formed, or its triangles do not bound a solid.
    pub fn load(path: &Path) -> Result<Triangles, MeshError> {
        let unreadable = |cause: String| MeshError::Unreadable { path: path.to_path_buf(), cause };
        let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        let is_obj = match ending.as_deref() {
            Some("obj") => true,
            Some("stl") => false,
            _ => return Err(unreadable("its name must end in `.obj` or `.stl`".into())),
        };
        let bytes = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if bytes > MAX_FILE_BYTES {
            let cause = format!("it has {bytes} bytes; at most {MAX_FILE_BYTES} are possible");
            return Err(unreadable(cause));
        }
        let contents = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        // Without a path, material files that an OBJ names are not looked for.
        let read = match is_obj {
            true => mesh_loader::obj::from_slice(&contents, None, |_| Ok(Vec::new())),
            false => mesh_loader::stl::from_slice(&contents),
        };
        let scene = read.map_err(|error| unreadable(error.to_string()))?;
        let (mut vertices, mut triangles) = (Vec::new(), Vec::new());
        for mesh in &scene.meshes {
            let first = vertices.len() as u32;
            vertices.extend(mesh.vertices.iter().map(|v| v.map(f64::from)));
            triangles.extend(mesh.faces.iter().map(|corners| corners.map(|c| first + c)));
        }
        let unusable = |fault| MeshError::Unusable { path: path.to_path_buf(), fault };
        Self::new(vertices, triangles).map_err(unusable)
    }

    /// Vertices at the same place become one, and triangles that thereby lose a corner are left out.
    ///
    /// # Errors
    /// The triangles do not bound a solid.
    pub fn new(vertices: Vec<[f64; 3]>, triangles: Vec<[u32; 3]>) -> Result<Triangles, MeshFault> {
        if triangles.len() > MAX_TRIANGLES {
            return Err(MeshFault::TooLarge { found: triangles.len() });
        }
        let mut places = FxHashMap::default();
        let mut unique = Vec::new();
        let mut merged = Vec::with_capacity(triangles.len());
        for (index, corners) in triangles.into_iter().enumerate() {
            let mut own = [0; 3];
            for (own, corner) in own.iter_mut().zip(corners) {
                let position = vertices[corner as usize];
                if position.iter().any(|x| !x.is_finite()) {
                    return Err(MeshFault::NotFinite { triangle: index + 1, position });
                }
                // Zero has two bit patterns.
                let place = position.map(|x| (x + 0.0).to_bits());
                *own = *places.entry(place).or_insert_with(|| {
                    unique.push(position);
                    unique.len() as u32 - 1
                });
            }
            let [a, b, c] = own;
            if a != b && b != c && c != a {
                merged.push(own);
            }
        }
        let mesh = Triangles { vertices: unique, triangles: merged };
        if mesh.triangles.is_empty() {
            return Err(MeshFault::Empty);
        }
        mesh.check_edges()?;
        mesh.check_volume()?;
        Ok(mesh)
    }

    /// Corners of the box around it.
    pub fn extents(&self) -> [[f64; 3]; 2] {
        let mut extents = [[f64::INFINITY; 3], [f64::NEG_INFINITY; 3]];
        for vertex in &self.vertices {
            for axis in 0..3 {
                extents[0][axis] = extents[0][axis].min(vertex[axis]);
                extents[1][axis] = extents[1][axis].max(vertex[axis]);
            }
        }
        extents
    }

    /// Every edge borders two triangles, which run through it in opposite directions.
    fn check_edges(&self) -> Result<(), MeshFault> {
        // How often an edge, lower vertex first, is run through upwards and downwards.
        let mut runs: FxHashMap<(u32, u32), [u32; 2]> = FxHashMap::default();
        for [a, b, c] in &self.triangles {
            for (from, to) in [(*a, *b), (*b, *c), (*c, *a)] {
                let way = usize::from(from > to);
                runs.entry((from.min(to), from.max(to))).or_default()[way] += 1;
            }
        }
        let all = runs.len();
        let of_kind = |wanted: fn(&[u32; 2]) -> bool| {
            let mut edges: Vec<_> =
                runs.iter().filter(|(_, ways)| wanted(ways)).map(|(edge, _)| *edge).collect();
            edges.sort_unstable();
            edges
        };
        let ends = |(a, b): (u32, u32)| (self.vertices[a as usize], self.vertices[b as usize]);
        let open = of_kind(|[up, down]| up + down == 1);
        if let Some(&edge) = open.first() {
            let (first, second) = ends(edge);
            return Err(MeshFault::Open { open: open.len(), all, first, second });
        }
        let tangled = of_kind(|[up, down]| *up != 1 || *down != 1);
        if let Some(&edge) = tangled.first() {
            let (first, second) = ends(edge);
            return Err(MeshFault::Tangled { wrong: tangled.len(), all, first, second });
        }
        Ok(())
    }

    fn check_volume(&self) -> Result<(), MeshFault> {
        let [low, high] = self.extents();
        let diagonal = (0..3).map(|a| (high[a] - low[a]).powi(2)).sum::<f64>().sqrt();
        // Six times the tetrahedra from the box's corner, which keeps the digits far from the origin.
        let determinant = |corners: &[u32; 3]| {
            let [a, b, c] = corners.map(|v| {
                std::array::from_fn::<f64, 3, _>(|k| self.vertices[v as usize][k] - low[k])
            });
            a[0] * (b[1] * c[2] - b[2] * c[1])
                + a[1] * (b[2] * c[0] - b[0] * c[2])
                + a[2] * (b[0] * c[1] - b[1] * c[0])
        };
        let volume = self.triangles.iter().map(determinant).sum::<f64>() / 6.0;
        if volume.abs() <= FLAT * diagonal.powi(3) {
            return Err(MeshFault::Flat { volume, diagonal });
        }
        if volume < 0.0 {
            return Err(MeshFault::InsideOut { volume });
        }
        Ok(())
    }
}

//! Layer 1: the scene file format. Plain data and its errors; no GPU, no derived numbers.
//!
//! A scene is TOML, `format = 1`, SI units, z up, angles in degrees where a key ends in `_deg`.
//! Entities are named and refer to each other by name; every closed choice is a table with a
//! `type`; an unknown key is an error. What a scene says is here, what follows from it is the
//! [`crate::model`].

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

mod cube;
mod emission;
mod error;
mod heights;
mod identify;
mod law;
mod levels;
mod library;
mod mesh;
mod npz;
mod read;
mod sensor;
mod task;
mod terrain;
mod world;

pub use crate::laws::Law;
pub use cube::cube_scene;
pub use emission::{Emitter, Opening, Sink};
pub use error::{KeyPath, SceneError, nearest};
pub use heights::{HeightGrid, HeightsError};
pub use identify::{Identify, Sought, Throw};
pub use levels::{Band, FineRegion, LevelMap, Levels, Sleep};
pub use library::{BUILT_IN_MATERIALS, built_in_material};
pub use mesh::{MeshError, MeshFault, Triangles};
pub use npz::{Npz, NpzError};
pub use sensor::{Quantity, Sensor};
pub use task::{Score, StartChannel, Task, Term, When};
pub use terrain::{Layer, Relief, Terrain};
pub use world::{
    Body, BodyShape, Bounds, Collider, ColliderShape, Contact, Effector, Fidelities, Fidelity,
    Heights, Material, Muscle, Region, Resolution, RigidBody, RigidShape, Rotation, StatedLaw,
    World,
};

/// The version of the file format that this crate reads.
pub const FORMAT: u32 = 1;

/// A scene file: the world, and the task if there is one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Version of the format: 1.
    pub format: u32,
    /// The default is the name of the file.
    #[serde(default)]
    pub name: String,
    /// What the scene shows, for people.
    #[serde(default)]
    pub description: String,
    pub world: World,
    #[serde(default)]
    pub fidelity: Fidelities,
    #[serde(default)]
    pub material: Vec<Material>,
    #[serde(default)]
    pub body: Vec<Body>,
    #[serde(default)]
    pub collider: Vec<Collider>,
    #[serde(default)]
    pub rigid_body: Vec<RigidBody>,
    #[serde(default)]
    pub emitter: Vec<Emitter>,
    #[serde(default)]
    pub sink: Vec<Sink>,
    #[serde(default)]
    pub effector: Vec<Effector>,
    #[serde(default)]
    pub muscle: Vec<Muscle>,
    #[serde(default)]
    pub sensor: Vec<Sensor>,
    pub levels: Option<Levels>,
    pub terrain: Option<Terrain>,
    pub task: Option<Task>,
    pub identify: Option<Identify>,
    /// Where it was read from; empty for a scene made by a program.
    #[serde(skip)]
    pub source: Source,
}

/// The file that a scene was read from, kept so that later errors can point into it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    pub path: PathBuf,
    pub text: String,
}

impl Source {
    /// A path in the scene, relative to the folder of its file.
    pub fn resolve(&self, file: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }
}

impl Scene {
    /// Reads a scene file.
    ///
    /// # Errors
    /// The file is missing or unreadable, is not TOML, or says something that the format does not
    /// know; with line and column.
    pub fn load(path: &Path) -> Result<Scene, SceneError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            SceneError::new(format!("cannot read the scene: {error}")).in_file(path)
        })?;
        Self::parse(path, &text)
    }

    /// Reads a scene from text; `path` names it in errors and is where its files are looked for.
    ///
    /// # Errors
    /// As [`Scene::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Scene, SceneError> {
        let source = Source { path: path.to_path_buf(), text: text.to_string() };
        let mut scene: Scene = read::from_toml(&source)?;
        if scene.name.is_empty() {
            scene.name =
                path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        }
        scene.source = source;
        Ok(scene)
    }

    /// An error about what stands at a key, with its place in the file if the scene has one.
    pub fn error(&self, at: &KeyPath, message: impl Into<String>) -> SceneError {
        SceneError::new(message).at(&self.source, at)
    }

    /// How long a run is when nothing else is said [s]: the task's horizon, or `duration_secs`.
    pub fn duration_secs(&self) -> f64 {
        match &self.task {
            Some(task) => task.horizon as f64 * self.world.control_secs,
            None => self.world.duration_secs,
        }
    }
}

/// The JSON schema of the file format.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Scene).to_value()
}

//! A scene file as a model that can run.

use super::args::FidelityChoice;
use crate::model::{Model, compile};
use crate::scene::{Fidelity, Scene, SceneError};
use crate::task::Task;
use std::path::Path;
use std::sync::Arc;

/// A scene and what it was compiled to.
pub struct Loaded {
    pub scene: Scene,
    pub model: Arc<Model>,
}

impl Loaded {
    /// Substeps of a whole run: of the task's horizon, or of the scene's duration.
    pub fn substeps(&self) -> usize {
        self.substeps_in(self.scene.duration_secs())
    }

    /// Substeps in a time [s], at least one.
    pub fn substeps_in(&self, secs: f64) -> usize {
        ((secs / self.model.substep_secs).round() as usize).max(1)
    }
}

impl From<FidelityChoice> for Fidelity {
    fn from(choice: FidelityChoice) -> Self {
        match choice {
            FidelityChoice::Preview => Fidelity::Preview,
            FidelityChoice::Standard => Fidelity::Standard,
            FidelityChoice::Fine => Fidelity::Fine,
        }
    }
}

/// Reads and compiles a scene file.
pub fn load_scene(path: &Path, fidelity: FidelityChoice) -> Result<Loaded, SceneError> {
    let scene = Scene::load(path)?;
    let model = Arc::new(compile(&scene, fidelity.into())?);
    Ok(Loaded { scene, model })
}

/// Reads and compiles a scene file that has a task.
pub fn load_task(path: &Path, fidelity: FidelityChoice) -> Result<(Loaded, Task), SceneError> {
    let loaded = load_scene(path, fidelity)?;
    let task = Task::compile(&loaded.scene, &loaded.model)?;
    Ok((loaded, task))
}

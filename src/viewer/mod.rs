//! Layer 6: the window.
//!
//! `app` takes the events of the system, `screen` owns the surface and egui's renderer, `pass` draws
//! the scene into a texture, `stage` shows that texture, turns the camera and takes hold of effectors,
//! `drag` says what an effector does that is being dragged, each of `panels` is one group of controls,
//! and `playback` runs the simulator, on the same device as the window if it is a GPU.
//!
//! The window changes the simulation only through what a script has too: its controls, step, reset.

mod app;
pub mod drag;
mod panels;
pub mod pass;
mod playback;
mod screen;
mod stage;

pub use playback::Playback;

use crate::gpu::{Gpu, GpuError};
use crate::mpm::simulator::{SimulationError, Simulator};
use crate::render::Show;
use crate::rollout::Objective;
use thiserror::Error;

/// What to open a window on.
pub struct Exhibit {
    pub title: String,
    pub show: Show,
    /// What is dragged is never faster [m/s].
    pub fastest: f64,
    /// Evaluated along the playback, if there is a task.
    pub objective: Option<Objective>,
    /// Optimisation curves of a run: name and (iteration, value).
    pub curves: Vec<(String, Vec<[f64; 2]>)>,
    /// Gets the window's device, to share it or not, and the show's model through its closure.
    pub simulator: MakeSimulator,
}

/// Makes the simulator when the window's device is open.
pub type MakeSimulator = Box<dyn FnOnce(&Gpu) -> Result<Box<dyn Simulator>, SimulationError>>;

/// Why there is no window, or no longer one.
#[derive(Debug, Error)]
pub enum ViewerError {
    #[error("cannot open a window: {0}")]
    Window(String),
    #[error("cannot draw: {0}")]
    Gpu(#[from] GpuError),
    #[error(transparent)]
    Simulation(#[from] SimulationError),
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// There is no display, no adapter that can draw to it, the simulator cannot be made, or the device
/// is lost. Errors of the running simulation are shown in the window.
pub fn open(exhibit: Exhibit) -> Result<(), ViewerError> {
    app::run(exhibit)
}

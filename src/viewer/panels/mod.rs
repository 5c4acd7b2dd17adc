//! The panel beside the picture: one file per group of controls.

mod colours;
mod objective;
mod statistics;
mod transport;

use super::Playback;
use crate::render::{Overlay, Paint, Quantity};

/// Width of the panel [points].
const WIDTH: f32 = 280.0;

/// How the scene is shown; nothing of this touches the simulation.
pub struct Settings {
    pub paint: Paint,
    /// Whether colliders are drawn.
    pub colliders: bool,
    /// What is drawn over the picture.
    pub overlay: Overlay,
    /// The camera is to frame everything again.
    pub frame_all: bool,
    /// Optimisation curves of the run that is shown.
    pub curves: Vec<(String, Vec<[f64; 2]>)>,
}

impl Settings {
    pub fn new(playback: &Playback, curves: Vec<(String, Vec<[f64; 2]>)>) -> Self {
        let paint = Paint::new(Quantity::Material, &playback.show.model);
        Self { paint, colliders: true, overlay: Overlay::default(), frame_all: false, curves }
    }
}

/// Lays the panel out and takes the keys. Returns whether the scene has changed.
pub fn show(ui: &mut egui::Ui, playback: &mut Playback, settings: &mut Settings) -> bool {
    let mut changed = transport::keys(ui, playback);
    egui::Panel::right("panel").default_size(WIDTH).show(ui, |ui| {
        egui::ScrollArea::vertical().show(ui, |ui| {
            ui.add_space(8.0);
            ui.heading(&playback.show.model.name);
            changed |= transport::show(ui, playback);
            ui.separator();
            changed |= colours::show(ui, playback, settings);
            ui.separator();
            statistics::show(ui, playback);
            ui.separator();
            objective::show(ui, playback, settings);
        });
    });
    changed
}

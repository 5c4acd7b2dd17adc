//! What the colours show, what is drawn over them, and what is shown at all.

use super::Settings;
use crate::render::{Overlay, Paint, Quantity};
use crate::viewer::Playback;
use egui::DragValue;

/// Returns whether the particles' colours or the lines have changed.
pub fn show(ui: &mut egui::Ui, playback: &Playback, settings: &mut Settings) -> bool {
    let before = (settings.paint, settings.overlay);
    ui.horizontal(|ui| {
        ui.label("Colour");
        let choices = [
            (Quantity::Material, "material"),
            (Quantity::Speed, "speed"),
            (Quantity::J, "J"),
            (Quantity::Level, "level"),
        ];
        for (quantity, name) in choices {
            if ui.selectable_label(settings.paint.quantity == quantity, name).clicked() {
                settings.paint = Paint::new(quantity, &playback.show.model);
            }
        }
    });
    if matches!(settings.paint.quantity, Quantity::Speed | Quantity::J) {
        ui.horizontal(|ui| {
            let paint = &mut settings.paint;
            ui.label("from");
            ui.add(DragValue::new(&mut paint.low).speed(0.01));
            ui.label("to");
            ui.add(DragValue::new(&mut paint.high).speed(0.01));
            ui.label(paint.title());
            // An empty range has no scale.
            paint.high = paint.high.max(paint.low + 1e-6);
        });
    }
    ui.horizontal(|ui| {
        ui.checkbox(&mut settings.colliders, "colliders");
        if ui.button("Frame all").on_hover_text("double click").clicked() {
            settings.frame_all = true;
        }
    });
    let there = Overlay::of(&playback.show.model);
    if there != Overlay::default() {
        ui.horizontal(|ui| {
            ui.label("Draw");
            let overlay = &mut settings.overlay;
            if there.chunks {
                ui.checkbox(&mut overlay.chunks, "chunks").on_hover_text("awake, held, asleep");
            }
            if there.levels {
                ui.checkbox(&mut overlay.levels, "ends of levels");
            }
        });
    }
    (settings.paint, settings.overlay) != before
}

//! What the colours show, and what is shown at all.

use super::Settings;
use crate::render::{Paint, Quantity};
use crate::viewer::Playback;
use egui::DragValue;

/// Returns whether the particles' colours have changed.
pub fn show(ui: &mut egui::Ui, playback: &Playback, settings: &mut Settings) -> bool {
    let before = settings.paint;
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
    if settings.paint.quantity != Quantity::Material {
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
    settings.paint != before
}

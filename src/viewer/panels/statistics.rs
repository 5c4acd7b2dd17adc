//! How much there is and how fast it goes.

use crate::viewer::Playback;

pub fn show(ui: &mut egui::Ui, playback: &Playback) {
    let model = &playback.show.model;
    let particles = playback.state().particle_count();
    let rate = playback.rate();
    let rows = [
        ("particles", particles.to_string()),
        ("cell width", format!("{} mm", model.cell_width * 1e3)),
        ("substep", format!("{:.3} ms", model.substep_secs * 1e3)),
        ("substeps", format!("{} of {}", playback.substep(), playback.show.substeps)),
        ("substeps/s", format!("{rate:.0}")),
        ("particle substeps/s", format!("{:.2} M", rate * particles as f64 * 1e-6)),
        ("real time x", format!("{:.3}", rate * model.substep_secs)),
        ("memory", format!("{:.1} MB", playback.bytes() as f64 * 1e-6)),
    ];
    egui::Grid::new("statistics").num_columns(2).show(ui, |ui| {
        for (name, value) in rows {
            ui.weak(name);
            ui.label(value);
            ui.end_row();
        }
    });
    ui.weak(playback.device());
}

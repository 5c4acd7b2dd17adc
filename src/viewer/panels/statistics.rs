//! How much there is and how fast it goes.

use crate::mpm::state::count_chunks;
use crate::viewer::Playback;

pub fn show(ui: &mut egui::Ui, playback: &Playback) {
    let model = &playback.show.model;
    let particles = playback.state().particle_count();
    let rate = playback.rate();
    let mut rows = vec![
        ("particles", particles.to_string()),
        ("cell width", format!("{} mm", model.cell_width * 1e3)),
        ("substep", format!("{:.3} ms", model.substep_secs * 1e3)),
        ("substeps", format!("{} of {}", playback.substep(), playback.show.substeps)),
        ("substeps/s", format!("{rate:.0}")),
        ("particle substeps/s", format!("{:.2} M", rate * particles as f64 * 1e-6)),
        ("real time x", format!("{:.3}", rate * model.substep_secs)),
        ("memory", format!("{:.1} MB", playback.bytes() as f64 * 1e-6)),
    ];
    if model.levels.count() > 1 {
        let level = &playback.state().particles_or(&model.particles).level;
        let mut counts = vec![0usize; model.levels.count()];
        level.iter().for_each(|&level| counts[usize::from(level)] += 1);
        let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        rows.push(("by level", counts.join(", ")));
    }
    if model.levels.sleep.is_some() {
        let count = count_chunks(&playback.state().chunks);
        let archive = count.memory_bytes + count.disk_bytes;
        rows.push(("asleep", format!("{} particles", count.asleep_particles)));
        rows.push(("archive", format!("{:.2} MB", archive as f64 * 1e-6)));
    }
    egui::Grid::new("statistics").num_columns(2).show(ui, |ui| {
        for (name, value) in rows {
            ui.weak(name);
            ui.label(value);
            ui.end_row();
        }
    });
    ui.weak(playback.device());
}

//! The objective: along the playback, and over the iterations of the run that is shown.

use super::Settings;
use crate::viewer::Playback;
use egui_plot::{Legend, Line, Plot, PlotPoints};

/// Height of a plot [points].
const HEIGHT: f32 = 160.0;

pub fn show(ui: &mut egui::Ui, playback: &Playback, settings: &Settings) {
    let along = playback.objective_curve();
    if !along.is_empty() {
        ui.strong("Objective if it ended now").on_hover_text("terms of the state, without actions");
        let end = playback.show.time_at(playback.show.substeps);
        plot("along", "t [s]")
            .include_x(0.0)
            .include_x(end)
            .show(ui, |plot| plot.line(line("objective", along)));
    }
    if !settings.curves.is_empty() {
        ui.strong("Optimisation");
        plot("optimisation", "iteration").legend(Legend::default()).show(ui, |plot| {
            for (name, points) in &settings.curves {
                plot.line(line(name, points));
            }
        });
    }
}

fn plot(id: &str, x: &str) -> Plot<'static> {
    Plot::new(id).height(HEIGHT).x_axis_label(x.to_owned()).allow_scroll(false).include_y(0.0)
}

fn line<'a>(name: &str, points: &'a [[f64; 2]]) -> Line<'a> {
    Line::new(name, PlotPoints::from_iter(points.iter().copied())).width(2.0)
}

//! Play, pause, step, reset, and how fast.

use crate::viewer::Playback;
use egui::{Key, ProgressBar, Slider};

/// Speeds that can be chosen, in simulated seconds per second.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.01..=10.0;

/// Buttons. Returns whether the state has changed.
pub fn show(ui: &mut egui::Ui, playback: &mut Playback) -> bool {
    let mut changed = false;
    let control_step = playback.show.model.substeps_per_control;
    ui.horizontal(|ui| {
        let label = if playback.playing { "Pause" } else { "Play" };
        if ui.button(label).on_hover_text("space").clicked() {
            changed |= toggle(playback);
        }
        if ui.button("Substep").on_hover_text("N").clicked() {
            changed |= playback.step(1);
        }
        let hint = format!("shift N: {control_step} substeps");
        if ui.button("Control step").on_hover_text(hint).clicked() {
            changed |= playback.step(control_step);
        }
        if ui.button("Reset").on_hover_text("R").clicked() {
            playback.reset();
            changed = true;
        }
    });
    let total = playback.show.time_at(playback.show.substeps);
    let part = playback.substep() as f32 / playback.show.substeps.max(1) as f32;
    ui.add(ProgressBar::new(part).text(format!("{:.3} of {total:.3} s", playback.time())));
    ui.add(Slider::new(&mut playback.speed, SPEEDS).logarithmic(true).text("speed limit"));
    ui.checkbox(&mut playback.looping, "repeat");
    changed
}

/// Space, N and R. Returns whether the state has changed.
pub fn keys(ui: &egui::Ui, playback: &mut Playback) -> bool {
    let (space, next, reset, shift) = ui.input(|input| {
        let pressed = |key| input.key_pressed(key);
        (pressed(Key::Space), pressed(Key::N), pressed(Key::R), input.modifiers.shift)
    });
    let mut changed = false;
    if space {
        changed |= toggle(playback);
    }
    if next {
        let count = if shift { playback.show.model.substeps_per_control } else { 1 };
        changed |= playback.step(count);
    }
    if reset {
        playback.reset();
        changed = true;
    }
    changed
}

/// Plays or pauses; at the end, plays again from the start. Returns whether the state has changed.
fn toggle(playback: &mut Playback) -> bool {
    let again = !playback.playing && playback.at_end();
    if again {
        playback.reset();
    }
    playback.playing = !playback.playing && playback.failure().is_none();
    again
}

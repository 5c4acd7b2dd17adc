//! The middle of the window: the scene, and the camera that the mouse turns.

use super::Playback;
use super::panels::Settings;
use super::pass::ScenePass;
use super::screen::Screen;
use crate::gpu::Gpu;
use crate::render::{
    Bounds, Camera, Frame, MAX_ELEVATION, Quantity, THREE_QUARTER, material_legend, plain,
};
use egui::{Align2, FontId, PointerButton, Rect, Sense, Vec2, pos2, vec2};

/// Turning by dragging [rad per point] and zooming by the wheel [powers of e per point].
const TURN: f64 = 0.008;
const ZOOM: f64 = 0.002;

/// Part of the resolution at which a device in software draws what moves; what rests is drawn in
/// full.
const SOFTWARE_SCALE: f32 = 0.5;

pub struct Stage {
    pass: ScenePass,
    camera: Option<Camera>,
    /// What was last prepared, with its bounds.
    frame: Option<(Frame, Bounds)>,
    texture: Option<egui::TextureId>,
    /// Where the picture is [points].
    rect: Rect,
    /// Whether the mouse is turning the camera.
    dragged: bool,
    /// What the last drawing was of: a drawing of the same again is saved.
    drawn: Option<(Camera, [u32; 2], bool)>,
}

impl Stage {
    pub fn new(gpu: &Gpu) -> Self {
        Self {
            pass: ScenePass::new(gpu),
            camera: None,
            frame: None,
            texture: None,
            rect: Rect::ZERO,
            dragged: false,
            drawn: None,
        }
    }

    /// The state or its colours have changed.
    pub fn changed(&mut self) {
        self.frame = None;
    }

    /// Lays the picture out, with the legend on it, and takes the mouse.
    pub fn show(&mut self, ui: &mut egui::Ui, playback: &Playback, settings: &mut Settings) {
        egui::CentralPanel::no_frame().show(ui, |ui| {
            let (rect, response) =
                ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
            self.rect = rect;
            self.dragged = response.dragged();
            if let Some(texture) = self.texture {
                let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                ui.painter().image(texture, rect, whole, egui::Color32::WHITE);
            }
            if std::mem::take(&mut settings.frame_all) || response.double_clicked() {
                self.camera = None;
            }
            let scroll = if response.hovered() {
                f64::from(ui.input(|input| input.smooth_scroll_delta.y))
            } else {
                0.0
            };
            if let Some(camera) = &mut self.camera {
                turn(camera, &response, scroll);
            }
            legend(ui, rect, playback, settings);
            if let Some(failure) = playback.failure() {
                banner(ui, rect, failure);
            }
        });
    }

    /// Draws the scene for the layout that [`Stage::show`] made.
    pub fn draw(
        &mut self,
        screen: &mut Screen,
        playback: &Playback,
        settings: &Settings,
        pixels_per_point: f32,
    ) {
        let moves = playback.playing || self.dragged;
        let scale = if moves && screen.gpu().is_software() { SOFTWARE_SCALE } else { 1.0 };
        let size = (self.rect.size() * pixels_per_point * scale).max(Vec2::splat(1.0));
        let size = [size.x.round() as u32, size.y.round() as u32];
        let mut redraw = false;
        if self.frame.is_none() {
            let (state, substep) = (playback.state(), playback.substep());
            let frame = playback.show.frame(state, substep, &settings.paint);
            let bounds = Bounds::of(&frame);
            self.pass.upload(screen.gpu(), &frame.balls);
            self.frame = Some((frame, bounds));
            redraw = true;
        }
        let Some((frame, bounds)) = &self.frame else { return };
        let camera = *self.camera.get_or_insert_with(|| {
            let (azimuth, elevation) = THREE_QUARTER;
            Camera::framing(bounds, azimuth, elevation, f64::from(size[0]) / f64::from(size[1]))
        });
        let wanted = (camera, size, settings.colliders);
        if self.drawn == Some(wanted) && !redraw {
            return;
        }
        let resized = self.drawn.is_none_or(|(_, drawn, _)| drawn != size);
        self.drawn = Some(wanted);
        let solids = if settings.colliders { &frame.solids[..] } else { &[] };
        self.pass.draw(screen.gpu(), solids, frame.cell_width, bounds, &camera, size);
        if resized {
            let first = self.texture.is_none();
            self.texture = Some(screen.register(self.pass.texture(), self.texture));
            if first {
                screen.window().request_redraw();
            }
        }
    }
}

/// Left drag turns, right or middle drag shifts, the wheel zooms.
fn turn(camera: &mut Camera, response: &egui::Response, scroll: f64) {
    let drag = response.drag_delta();
    if response.dragged_by(PointerButton::Primary) {
        camera.azimuth -= f64::from(drag.x) * TURN;
        camera.elevation =
            (camera.elevation + f64::from(drag.y) * TURN).clamp(-MAX_ELEVATION, MAX_ELEVATION);
    } else if response.dragged() {
        // What lies at the target's distance stays under the pointer.
        let metres = 2.0 * camera.distance * (0.5 * camera.fov_y).tan()
            / f64::from(response.rect.height().max(1.0));
        camera.pan(-f64::from(drag.x) * metres, f64::from(drag.y) * metres);
    }
    camera.distance *= (-scroll * ZOOM).exp();
}

/// Names or scale of the colours, in the lower left corner.
fn legend(ui: &egui::Ui, rect: Rect, playback: &Playback, settings: &Settings) {
    const LINE: f32 = 18.0;
    let painter = ui.painter_at(rect);
    let font = FontId::proportional(14.0);
    let ink = egui::Color32::from_rgb(52, 58, 66);
    let corner = rect.left_bottom() + vec2(14.0, -14.0);
    let text = |at, anchor, text: &str| painter.text(at, anchor, text, font.clone(), ink);
    let paint = &settings.paint;
    if paint.quantity == Quantity::Material {
        let names = material_legend(&playback.show.model);
        for (line, (name, [r, g, b])) in names.iter().rev().enumerate() {
            let base = corner - vec2(0.0, line as f32 * LINE);
            let swatch = Rect::from_min_size(base - vec2(0.0, 12.0), vec2(12.0, 12.0));
            painter.rect_filled(swatch, 2.0, egui::Color32::from_rgb(*r, *g, *b));
            text(base + vec2(18.0, 2.0), Align2::LEFT_BOTTOM, name);
        }
        return;
    }
    let bar = Rect::from_min_size(corner - vec2(0.0, 34.0), vec2(180.0, 12.0));
    let columns = bar.width() as usize;
    for k in 0..columns {
        let t = (k as f64 + 0.5) / columns as f64;
        let [r, g, b] = paint.scale_colour(paint.low + (paint.high - paint.low) * t);
        let column = Rect::from_min_size(bar.min + vec2(k as f32, 0.0), vec2(1.5, bar.height()));
        painter.rect_filled(column, 0.0, egui::Color32::from_rgb(r, g, b));
    }
    text(bar.left_top() - vec2(0.0, 4.0), Align2::LEFT_BOTTOM, paint.title());
    text(bar.left_bottom() + vec2(0.0, 4.0), Align2::LEFT_TOP, &plain(paint.low));
    text(bar.right_bottom() + vec2(0.0, 4.0), Align2::RIGHT_TOP, &plain(paint.high));
}

/// What stopped the simulation, across the top.
fn banner(ui: &egui::Ui, rect: Rect, failure: &str) {
    let painter = ui.painter_at(rect);
    let font = FontId::proportional(15.0);
    let width = rect.width() - 48.0;
    let text = format!("The simulation stopped: {failure}");
    let galley = painter.layout(text, font, egui::Color32::WHITE, width);
    let place = Rect::from_min_size(rect.min + vec2(12.0, 12.0), galley.size() + vec2(24.0, 16.0));
    painter.rect_filled(place, 6.0, egui::Color32::from_rgb(170, 40, 40));
    painter.galley(place.min + vec2(12.0, 8.0), galley, egui::Color32::WHITE);
}

//! The middle of the window: the scene, the camera that the mouse turns, and the effectors that it drags.

use super::Playback;
use super::drag::{Plane, Ray, pick};
use super::panels::Settings;
use super::pass::ScenePass;
use super::screen::Screen;
use crate::gpu::Gpu;
use crate::render::{
    Bounds, Camera, End, Frame, Line, MAX_ELEVATION, Mark, Quantity, THREE_QUARTER, level_legend,
    material_legend, plain,
};
use egui::{
    Align2, CursorIcon, FontId, Painter, PointerButton, Pos2, Rect, Sense, Vec2, pos2, vec2,
};

/// Turning by dragging [rad per point] and zooming by the wheel [powers of e per point].
const TURN: f64 = 0.008;
const ZOOM: f64 = 0.002;

/// The way from where an effector was gripped to where it is to go.
const DRAG: [u8; 4] = [0, 140, 255, 255];
const INK: egui::Color32 = egui::Color32::from_rgb(52, 58, 66);
/// Height of a line of a legend [points].
const LINE: f32 = 18.0;

/// Part of the resolution at which a device in software draws what moves; what rests is drawn in
/// full.
const SOFTWARE_SCALE: f32 = 0.5;

pub struct Stage {
    pass: ScenePass,
    camera: Option<Camera>,
    /// What was last prepared, with its bounds.
    frame: Option<(Frame, Bounds)>,
    /// Whether the state has changed since, or what is shown of it.
    stale: bool,
    /// The way of what is dragged, as it was last drawn.
    way: Option<Line>,
    texture: Option<egui::TextureId>,
    /// Where the picture is [points].
    rect: Rect,
    /// Whether the mouse is turning the camera or dragging an effector.
    dragged: bool,
    /// What the legend says of the lines.
    marks: Vec<Mark>,
    /// What the last drawing was of: a drawing of the same again is saved.
    drawn: Option<(Camera, [u32; 2], bool)>,
}

impl Stage {
    pub fn new(gpu: &Gpu) -> Self {
        Self {
            pass: ScenePass::new(gpu),
            camera: None,
            frame: None,
            stale: true,
            way: None,
            texture: None,
            rect: Rect::ZERO,
            dragged: false,
            marks: Vec::new(),
            drawn: None,
        }
    }

    /// The state or its colours have changed.
    pub fn changed(&mut self) {
        self.stale = true;
    }

    /// Lays the picture out, with the legend on it, and takes the mouse.
    pub fn show(&mut self, ui: &mut egui::Ui, playback: &mut Playback, settings: &mut Settings) {
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
            let gripped = self.grip(ui, &response, playback);
            if let Some(camera) = &mut self.camera {
                turn(camera, &response, scroll, gripped);
            }
            legend(ui, rect, playback, settings);
            marks(&ui.painter_at(rect), rect, &self.marks);
            if let Some(failure) = playback.failure() {
                banner(ui, rect, failure);
            }
        });
    }

    /// Drags an effector with the left button, and shows where one could be. Returns whether one is held.
    fn grip(&self, ui: &egui::Ui, response: &egui::Response, playback: &mut Playback) -> bool {
        let (Some(camera), Some((frame, _))) = (&self.camera, &self.frame) else { return false };
        let view = camera.view(f64::from(self.rect.width() / self.rect.height().max(1.0)));
        let ray = |at: Pos2| {
            let place = (at - self.rect.center()) / (self.rect.size() * 0.5).max(Vec2::splat(1.0));
            let place = [f64::from(place.x), -f64::from(place.y)];
            Ray::through(&view, &playback.show.model, place)
        };
        let (pressed, now, shift) = ui.input(|input| {
            let pointer = &input.pointer;
            (pointer.press_origin(), pointer.latest_pos(), input.modifiers.shift)
        });
        if playback.dragged().is_some() {
            if response.dragged_by(PointerButton::Primary) {
                let ray = now.map(ray);
                let plane = if shift { Plane::Upright(view.forward) } else { Plane::Level };
                ray.into_iter().for_each(|ray| playback.pull(&ray, plane));
                ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
                return true;
            }
            playback.release();
        } else if response.drag_started_by(PointerButton::Primary) {
            let ray = pressed.map(ray);
            return ray.is_some_and(|ray| playback.grab(&frame.solids, &ray));
        } else if let Some(ray) = response.hover_pos().filter(|_| !response.dragged()).map(ray) {
            let (grips, model) = (playback.grips(), &playback.show.model);
            if pick(grips, model, &frame.solids, &ray).is_some() {
                ui.ctx().set_cursor_icon(CursorIcon::Grab);
            }
        }
        false
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
        let way = drag_line(playback);
        if std::mem::take(&mut self.stale) {
            let (state, substep) = (playback.state(), playback.substep());
            let mut frame = playback.show.frame(state, substep, &settings.paint);
            frame.lines = settings.overlay.lines(&playback.show, state, substep);
            self.marks = settings.overlay.legend(&playback.show.model, state);
            let bounds = Bounds::of(&frame);
            self.pass.upload(screen.gpu(), &frame.balls);
            self.frame = Some((frame, bounds));
            redraw = true;
        }
        let Some((frame, bounds)) = &self.frame else { return };
        if redraw || self.way != way {
            self.way = way;
            let lines: Vec<Line> = frame.lines.iter().copied().chain(way).collect();
            self.pass.mark(screen.gpu(), &lines);
            redraw = true;
        }
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

/// The line from where an effector is held to where it is to go.
fn drag_line(playback: &Playback) -> Option<Line> {
    let model = &playback.show.model;
    let [from, to] = playback
        .dragged()?
        .map(|point| End::at(model.origin, (point / model.cell_width).to_array()));
    Some(Line { from, to, colour: DRAG })
}

/// Left drag turns, unless it holds an effector; right or middle drag shifts, the wheel zooms.
fn turn(camera: &mut Camera, response: &egui::Response, scroll: f64, gripped: bool) {
    let drag = response.drag_delta();
    if gripped {
        // The camera stays.
    } else if response.dragged_by(PointerButton::Primary) {
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
    let painter = ui.painter_at(rect);
    let font = FontId::proportional(14.0);
    let corner = rect.left_bottom() + vec2(14.0, -14.0);
    let text = |at, anchor, text: &str| painter.text(at, anchor, text, font.clone(), INK);
    let paint = &settings.paint;
    let model = &playback.show.model;
    let names = match paint.quantity {
        Quantity::Material => Some(material_legend(model)),
        Quantity::Level => Some(level_legend(model, paint)),
        Quantity::Speed | Quantity::J => None,
    };
    if let Some(names) = names {
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

/// What the lines are, in the upper left corner.
fn marks(painter: &Painter, rect: Rect, marks: &[Mark]) {
    let corner = rect.left_top() + vec2(14.0, 14.0);
    for (line, Mark { name, colour: [r, g, b] }) in marks.iter().enumerate() {
        let base = corner + vec2(0.0, line as f32 * LINE);
        let swatch = Rect::from_min_size(base + vec2(0.0, 5.0), vec2(18.0, 3.0));
        painter.rect_filled(swatch, 0.0, egui::Color32::from_rgb(*r, *g, *b));
        let font = FontId::proportional(14.0);
        painter.text(base + vec2(24.0, 7.0), Align2::LEFT_CENTER, name, font, INK);
    }
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

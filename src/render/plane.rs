//! Half-spaces: endless planes with a grid, which fade out around the scene.

use super::camera::{Bounds, View};
use super::frame::Solid;
use super::look::{FADE, MAJOR, MAJOR_LINE, MINOR_LINE};
use super::paint::round_up;
use glam::Vec3;

/// Grid lines across the diagonal of the scene, about.
const LINES_ACROSS: f64 = 12.0;
/// Opacity of a plane that is not the ground, so that a far wall does not hide the horizon.
const WALL_OPACITY: f32 = 0.3;
/// A plane steeper than this (cosine to the vertical) is a wall.
const GROUND_COSINE: f64 = 0.7;

/// A half-space seen from its free side.
pub struct Plane {
    pub normal: Vec3,
    /// Height of the eye above it [m].
    pub eye_height: f32,
    /// Grid axes, and the eye along them: distance from a major line [m].
    pub axes: [Vec3; 2],
    pub eye: [f32; 2],
    /// Distance between lines [m].
    pub spacing: f32,
    /// Centre of the scene, from the eye, and its diagonal [m].
    centre: Vec3,
    diagonal: f32,
    /// Before fading.
    pub opacity: f32,
}

impl Plane {
    /// `None` when the eye is inside the solid: a wall between the eye and the scene is left out.
    pub fn new(solid: &Solid, view: &View, bounds: &Bounds, cell_width: f64) -> Option<Self> {
        let normal = solid.rotation.z_axis;
        let from_point = view.eye - solid.from_anchor(view.anchor, cell_width);
        let eye_height = from_point.dot(normal);
        if eye_height <= 0.0 {
            return None;
        }
        let spacing = grid_spacing(bounds);
        let axes = [solid.rotation.x_axis, solid.rotation.y_axis];
        Some(Self {
            normal: normal.as_vec3(),
            eye_height: eye_height as f32,
            axes: axes.map(|a| a.as_vec3()),
            eye: axes.map(|a| from_point.dot(a).rem_euclid(spacing * MAJOR) as f32),
            spacing: spacing as f32,
            centre: ((bounds.low + bounds.high) * 0.5 - view.eye).as_vec3(),
            diagonal: bounds.diagonal() as f32,
            opacity: if normal.z > GROUND_COSINE { 1.0 } else { WALL_OPACITY },
        })
    }

    /// Depth at which a ray from the eye meets the plane.
    pub fn depth(&self, ray: Vec3) -> Option<f32> {
        let down = -ray.dot(self.normal);
        (down > 0.0).then(|| self.eye_height / down)
    }

    /// Opacity at a point [m from the eye].
    pub fn opacity(&self, p: Vec3) -> f32 {
        let distance = (p - self.centre).length() / self.diagonal;
        let t = ((distance - FADE.0) / (FADE.1 - FADE.0)).clamp(0.0, 1.0);
        self.opacity * (1.0 - t * t * (3.0 - 2.0 * t))
    }

    /// Part of the light that the grid lines leave, at a point [m from the eye], where a pixel is
    /// `pixel` wide at depth 1.
    pub fn grid(&self, p: Vec3, ray: Vec3, pixel: f32) -> f32 {
        let across = pixel * (p.length() / ray.length());
        // Slanted planes are compressed along the view: a line there covers fewer pixels.
        let slant = (-ray.dot(self.normal) / ray.length()).max(0.02);
        let line = |(width, strength): (f32, f32), spacing: f32| {
            let covered = (0..2)
                .map(|k| {
                    let x = p.dot(self.axes[k]) + self.eye[k];
                    let away = (x - (x / spacing).round() * spacing).abs();
                    let along = self.axes[k].dot(ray).abs() / ray.length();
                    let pixel = across * (1.0 - along + along / slant);
                    let half = 0.5 * width * across;
                    // Share of a pixel-wide box around the point that the line covers.
                    let inside = (away + 0.5 * pixel).min(half) - (away - 0.5 * pixel).max(-half);
                    (inside / pixel).clamp(0.0, 1.0)
                })
                .fold(0.0, f32::max);
            1.0 - strength * covered
        };
        line(MINOR_LINE, self.spacing) * line(MAJOR_LINE, self.spacing * MAJOR as f32)
    }
}

/// Distance between grid lines [m], a round number.
pub fn grid_spacing(bounds: &Bounds) -> f64 {
    round_up(bounds.diagonal() / LINES_ACROSS)
}

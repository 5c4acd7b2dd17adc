//! The uniform `Scene` of `shaders/view/scene.wgsl`.

use super::targets::SHADOW_SIZE;
use crate::render::{Bounds, NEAR, THROUGH, View, line_width, linear, look};
use bytemuck::{Pod, Zeroable};
use glam::{DVec3, Vec3};

/// One row of the uniform: a vector and the number that fills its fourth place.
type Row = [f32; 4];

/// Field for field the WGSL struct of the same layout; see there for meanings and units.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct SceneUniform {
    anchor: [i32; 3],
    cell_width: f32,
    eye: Row,
    right: Row,
    up: Row,
    forward: Row,
    sun: Row,
    sun_right: Row,
    sun_up: Row,
    centre: Row,
    sun_light: Row,
    sky_light: Row,
    bounce: Row,
    background_top: Row,
    background_bottom: Row,
    plane_albedo: Row,
    lines: Row,
    line: Row,
}

impl SceneUniform {
    /// `bounds` are relative to the view's anchor, `radius` is the largest ball's [m], `height` the
    /// picture's [pixels].
    pub fn new(view: &View, bounds: &Bounds, cell_width: f64, radius: f32, height: u32) -> Self {
        let row = |v: Vec3, w: f64| [v.x, v.y, v.z, w as f32];
        let axis = |v: DVec3, w: f64| row(v.as_vec3(), w);
        let sun = look::SUN.normalize();
        let sun_right = sun.any_orthonormal_vector();
        // The rim keeps the filter inside the map.
        let shadow_texel = bounds.diagonal() / f64::from(SHADOW_SIZE - 4);
        let shadow_width = shadow_texel * f64::from(SHADOW_SIZE);
        let centre = (bounds.low + bounds.high) * 0.5 - view.eye;
        let pixel = 2.0 * view.half_height / f64::from(height);
        Self {
            anchor: view.anchor,
            cell_width: cell_width as f32,
            eye: axis(view.eye, view.half_width),
            right: axis(view.right, view.half_height),
            up: axis(view.up, NEAR * cell_width),
            forward: axis(view.forward, pixel),
            sun: axis(sun, shadow_width),
            sun_right: axis(sun_right, shadow_texel),
            sun_up: axis(sun.cross(sun_right), look::SHADOW_LIFT * f64::from(radius)),
            centre: axis(centre, bounds.diagonal()),
            sun_light: row(look::SUN_LIGHT, f64::from(look::GLOSS.0)),
            sky_light: row(look::SKY_LIGHT, f64::from(look::GLOSS.1)),
            bounce: row(look::BOUNCE, f64::from(look::SHOULDER)),
            background_top: row(linear(look::BACKGROUND[0]), f64::from(look::FADE.0)),
            background_bottom: row(linear(look::BACKGROUND[1]), f64::from(look::FADE.1)),
            plane_albedo: row(look::PLANE_ALBEDO, look::MAJOR),
            lines: [look::MINOR_LINE.0, look::MINOR_LINE.1, look::MAJOR_LINE.0, look::MAJOR_LINE.1],
            line: [line_width(height), THROUGH, 0.0, 0.0],
        }
    }
}

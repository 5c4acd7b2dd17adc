//! Layer 5: pictures and movies without a window.
//!
//! A picture is computed on the CPU and needs no driver: the same pixels on every machine, with
//! soft shadows and ambient occlusion that an interactive pass could not afford. The window
//! (`viewer`) draws the same [`Frame`] through the same [`Camera`] with wgpu, in the same colours,
//! at interactive speed and with a plainer light. There is no third way.
//!
//! Data flow: [`Frame`] (what) and [`Camera`] (from where) -> `splat` (nearest ball or solid per
//! sample) and `light` (depth maps of sun and sky) -> `shade` (colours) -> `lines` (what [`Overlay`]
//! marks) -> [`Caption`] (legend) -> [`MovieWriter`] or a png.
//!
//! Positions reach this module as grid nodes and offsets and leave it as metres from the camera's
//! anchor node, so that a scene far from the world's origin looks exactly as it does there.

mod camera;
mod caption;
mod cast;
mod frame;
mod light;
mod lines;
pub mod look;
mod movie;
mod overlay;
mod paint;
mod plane;
mod shade;
mod show;
mod splat;

pub use camera::{Bounds, Camera, MAX_ELEVATION, THREE_QUARTER, View};
pub use caption::{Caption, level_legend, material_legend, plain};
pub use frame::{Ball, Frame, Solid};
pub use lines::{End, Line, THROUGH, line_width};
pub use movie::{MovieError, MovieWriter};
pub use overlay::{Mark, Overlay};
pub use paint::{Paint, Quantity};
pub use plane::Plane;
pub use shade::linear;
pub use show::Show;
pub use splat::{NEAR, Posed};

use image::RgbaImage;

/// Draws a frame into a picture of `[width, height]` pixels (at least one each).
pub fn picture(frame: &Frame, camera: &Camera, size: [u32; 2]) -> RgbaImage {
    let [width, height] = size.map(|n| n.max(1) as usize);
    let view = camera.view(width as f64 / height as f64);
    let scene = shade::Scene::new(frame, view, &Bounds::of(frame), width, height);
    let mut picture = scene.picture();
    lines::draw(&scene, &mut picture);
    picture
}

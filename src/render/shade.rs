//! From hits to colours: light, planes, background, and the way to sRGB.

use super::camera::{Bounds, View};
use super::frame::Frame;
use super::light::{Lights, SKY_COUNT, Visible};
use super::look::{BACKGROUND, BOUNCE, GLOSS, PLANE_ALBEDO, SHOULDER, SKY_LIGHT, SUN_LIGHT};
use super::plane::Plane;
use super::splat::{Hit, Hits, Posed, coordinate};
use glam::{DVec3, Vec3};
use image::RgbaImage;
use rayon::prelude::*;

/// Samples of a pixel along each axis.
pub const SAMPLES: usize = 2;
/// The lowest sky directions stand for more sky than the highest, but not for arbitrarily much.
const MIN_SKY_COSINE: f32 = 0.2;

/// Everything that a sample's colour depends on.
pub struct Scene<'a> {
    pub frame: &'a Frame,
    pub view: View,
    pub hits: Hits,
    pub solids: Vec<Posed>,
    pub planes: Vec<Plane>,
    pub lights: Lights,
    /// From the anchor of the light maps to the eye [m].
    eye_from_lights: Vec3,
}

/// Light at a place, kept for the other samples of a pixel.
struct Known {
    at: Vec3,
    reach: f32,
    visible: Visible,
}

impl<'a> Scene<'a> {
    pub fn new(frame: &'a Frame, view: View, bounds: &Bounds, width: usize, height: usize) -> Self {
        let h = frame.cell_width;
        let finite = frame.solids.iter().filter(|s| s.is_finite());
        let solids: Vec<Posed> = finite.map(|s| Posed::new(s, view.anchor, view.eye, h)).collect();
        let hits = Hits::new(frame, &view, &solids, width * SAMPLES, height * SAMPLES);
        // The bounds in the camera's frame of reference, for what is measured from the eye.
        let here = bounds.seen_from(view.anchor, h);
        let planes = frame
            .solids
            .iter()
            .filter(|s| !s.is_finite())
            .filter_map(|s| Plane::new(s, &view, &here, h))
            .collect();
        let lights = Lights::new(frame, bounds);
        let eye_from_lights = (view.eye - bounds.anchor_from(view.anchor, h)).as_vec3();
        Self { frame, view, hits, solids, planes, lights, eye_from_lights }
    }

    /// The finished picture.
    pub fn picture(&self) -> RgbaImage {
        let (width, height) = (self.hits.width / SAMPLES, self.hits.height / SAMPLES);
        let mut pixels = vec![0u8; width * height * 4];
        pixels.par_chunks_mut(width * 4).enumerate().for_each(|(row, pixels)| {
            for (column, pixel) in pixels.chunks_exact_mut(4).enumerate() {
                let mut sum = Vec3::ZERO;
                let mut known = None;
                for k in 0..SAMPLES * SAMPLES {
                    let (x, y) = (column * SAMPLES + k % SAMPLES, row * SAMPLES + k / SAMPLES);
                    sum += tone(self.sample(x, y, &mut known));
                }
                let colour = sum / (SAMPLES * SAMPLES) as f32;
                for (out, linear) in pixel.iter_mut().zip(colour.to_array()) {
                    *out = srgb_from_linear(linear);
                }
                pixel[3] = 255;
            }
        });
        RgbaImage::from_raw(width as u32, height as u32, pixels)
            .expect("the buffer has four bytes per pixel")
    }

    /// Linear colour of one sample.
    fn sample(&self, column: usize, row: usize, known: &mut Option<Known>) -> Vec3 {
        let (width, height) = (self.hits.width, self.hits.height);
        let (x, y) = (coordinate(column, width), -coordinate(row, height));
        let ray = self.view.ray(x, y);
        let pixel = (2.0 * self.view.half_height / (height / SAMPLES) as f64) as f32;
        let hit = self.hits.samples[row * width + column];

        let mut colour = if hit.depth.is_finite() {
            let (normal, albedo) = self.surface(hit, ray);
            self.lit(ray * hit.depth, ray, normal, albedo, pixel, known)
        } else {
            background(y as f32)
        };
        // Planes in front, the farthest first.
        let mut layers: Vec<(f32, &Plane)> = self
            .planes
            .iter()
            .filter_map(|plane| Some((plane.depth(ray)?, plane)))
            .filter(|(depth, _)| *depth < hit.depth)
            .collect();
        layers.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (depth, plane) in layers {
            let p = ray * depth;
            let opacity = plane.opacity(p);
            if opacity > 0.0 {
                let albedo = PLANE_ALBEDO * plane.grid(p, ray, pixel);
                let over = self.lit(p, ray, plane.normal, albedo, pixel, known);
                colour = colour.lerp(over, opacity);
            }
        }
        colour
    }

    /// Normal and linear reflectance of what was hit.
    fn surface(&self, hit: Hit, ray: Vec3) -> (Vec3, Vec3) {
        let index = hit.index as usize;
        if let Some(ball) = self.frame.balls.get(index) {
            let cells = DVec3::from_array(ball.cells_from(self.view.anchor));
            let centre = (cells * self.frame.cell_width - self.view.eye).as_vec3();
            let [r, g, b, _] = ball.colour;
            ((ray * hit.depth - centre) / ball.radius, linear([r, g, b]))
        } else {
            let solid = &self.solids[index - self.frame.balls.len()];
            let normal = solid.cast(ray).map_or(-ray, |(_, normal)| normal);
            (normal, linear(solid.solid.colour))
        }
    }

    /// Light that a surface at `p` [m from the eye] sends back along the ray.
    fn lit(
        &self,
        p: Vec3,
        ray: Vec3,
        normal: Vec3,
        albedo: Vec3,
        pixel: f32,
        known: &mut Option<Known>,
    ) -> Vec3 {
        let lights = &self.lights;
        // Shadows change little within a pixel; normals do, and are not kept.
        let visible = match known {
            Some(k) if k.at.distance_squared(p) < k.reach * k.reach => k.visible,
            _ => {
                let visible = lights.at(p + self.eye_from_lights, normal);
                *known = Some(Known { at: p, reach: 1.5 * pixel * p.length(), visible });
                visible
            }
        };
        let sky: f32 = (0..SKY_COUNT)
            .map(|k| {
                let direction = lights.sky_direction(k);
                visible.sky[k] * normal.dot(direction).max(0.0) / direction.z.max(MIN_SKY_COSINE)
            })
            .sum();
        let sun_direction = lights.sun_direction();
        let sun = visible.sun * normal.dot(sun_direction).max(0.0);
        let halfway = (sun_direction - ray.normalize()).normalize();
        let shine = visible.sun * GLOSS.0 * normal.dot(halfway).max(0.0).powf(GLOSS.1);
        let diffuse = SUN_LIGHT * sun
            + SKY_LIGHT * (sky / SKY_COUNT as f32)
            + BOUNCE * (0.5 - 0.5 * normal.z);
        albedo * diffuse + SUN_LIGHT * shine
    }
}

fn background(y: f32) -> Vec3 {
    linear(BACKGROUND[1]).lerp(linear(BACKGROUND[0]), 0.5 + 0.5 * y)
}

/// Brightness above the shoulder approaches 1 instead of being cut.
fn tone(colour: Vec3) -> Vec3 {
    let room = 1.0 - SHOULDER;
    let soft = |x: f32| {
        if x <= SHOULDER { x } else { SHOULDER + room * (1.0 - (-(x - SHOULDER) / room).exp()) }
    };
    Vec3::new(soft(colour.x), soft(colour.y), soft(colour.z))
}

/// Linear light of an sRGB colour (IEC 61966-2-1).
pub fn linear(colour: [u8; 3]) -> Vec3 {
    Vec3::from_array(colour.map(|c| {
        let c = f32::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    }))
}

/// The inverse, rounded to a byte.
pub fn srgb_from_linear(x: f32) -> u8 {
    let x = x.clamp(0.0, 1.0);
    let c = if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
    (c * 255.0 + 0.5) as u8
}

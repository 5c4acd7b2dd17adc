//! Light that reaches a point: a sun, and a sky of many directions, each with its depth map.
//!
//! The maps are orthographic height fields along a light's direction. One soft sun and two dozen
//! sky directions give shadows and ambient occlusion from one mechanism, without noise.

use super::camera::Bounds;
use super::cast::cast;
use super::frame::Frame;
use super::look::{SHADOW_LIFT, SUN};
use glam::{DVec3, Vec3};
use rayon::prelude::*;

/// Directions of the sky; the more, the softer.
pub const SKY_COUNT: usize = 24;
const SUN_SIZE: usize = 1024;
const SKY_SIZE: usize = 256;
/// Half width of the sun's soft edge, in texels of its map.
const SUN_SOFTNESS: i32 = 2;

/// How much of each light arrives at a point, 0 to 1.
#[derive(Clone, Copy)]
pub struct Visible {
    pub sun: f32,
    pub sky: [f32; SKY_COUNT],
}

/// All depth maps of a frame.
pub struct Lights {
    sun: DepthMap,
    sky: Vec<DepthMap>,
    /// Points are moved this far along their normal before they are looked up [m].
    lift: f32,
}

impl Lights {
    /// Maps over `bounds`; what lies outside casts no shadow.
    pub fn new(frame: &Frame, bounds: &Bounds) -> Self {
        let balls: Vec<(DVec3, f64)> = frame
            .balls
            .iter()
            .map(|b| {
                let cells = DVec3::from_array(b.cells_from(bounds.anchor));
                (cells * frame.cell_width, f64::from(b.radius))
            })
            .collect();
        let mut directions = sky_directions();
        directions.push(SUN.normalize());
        let mut maps: Vec<DepthMap> = directions
            .par_iter()
            .enumerate()
            .map(|(k, direction)| {
                let size = if k == SKY_COUNT { SUN_SIZE } else { SKY_SIZE };
                DepthMap::new(*direction, size, frame, &balls, bounds)
            })
            .collect();
        let sun = maps.pop().expect("the sun was pushed last");
        let radius = balls.iter().map(|b| b.1).fold(0.0, f64::max);
        Self { sun, sky: maps, lift: (SHADOW_LIFT * radius) as f32 }
    }

    /// Direction to the sun.
    pub fn sun_direction(&self) -> Vec3 {
        self.sun.direction
    }

    pub fn sky_direction(&self, k: usize) -> Vec3 {
        self.sky[k].direction
    }

    /// What arrives at a point [m from the bounds' anchor] of a surface with that normal.
    pub fn at(&self, p: Vec3, normal: Vec3) -> Visible {
        let sky = std::array::from_fn(|k| {
            let map = &self.sky[k];
            if normal.dot(map.direction) <= -0.3 {
                return 0.0;
            }
            map.smooth(p + normal * (self.lift + map.texel), map.texel)
        });
        let lifted = p + normal * (self.lift + self.sun.texel);
        Visible { sun: self.sun.soft(lifted, self.sun.texel), sky }
    }
}

/// Directions over the upper half sphere, denser towards the zenith (equal shares of the light
/// that a horizontal surface gets), on a golden spiral.
fn sky_directions() -> Vec<DVec3> {
    const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;
    (0..SKY_COUNT)
        .map(|k| {
            let u = (k as f64 + 0.5) / SKY_COUNT as f64;
            let (sin, cos) = (k as f64 * GOLDEN_ANGLE).sin_cos();
            let flat = u.sqrt() * 0.98;
            DVec3::new(flat * cos, flat * sin, (1.0 - flat * flat).sqrt())
        })
        .collect()
}

/// Height of the occluder nearest to the light, over a square grid across the light's direction.
struct DepthMap {
    direction: Vec3,
    right: Vec3,
    up: Vec3,
    centre: Vec3,
    size: usize,
    /// Width of a texel [m].
    texel: f32,
    height: Vec<f32>,
}

impl DepthMap {
    fn new(
        direction: DVec3,
        size: usize,
        frame: &Frame,
        balls: &[(DVec3, f64)],
        bounds: &Bounds,
    ) -> Self {
        let right = direction.any_orthonormal_vector();
        let up = direction.cross(right);
        let centre = (bounds.low + bounds.high) * 0.5;
        let texel = bounds.diagonal() / (size - 4) as f64;
        let mut map = Self {
            direction: direction.as_vec3(),
            right: right.as_vec3(),
            up: up.as_vec3(),
            centre: centre.as_vec3(),
            size,
            texel: texel as f32,
            height: vec![f32::NEG_INFINITY; size * size],
        };
        let place = |p: DVec3| {
            let p = p - centre;
            (p.dot(right) / texel + 0.5 * size as f64, p.dot(up) / texel + 0.5 * size as f64)
        };
        for (p, radius) in balls {
            let (x, y) = place(*p);
            let top = (*p - centre).dot(direction);
            // A ball smaller than a texel still shades the texel it lies in.
            let reach = (radius / texel).max(0.5);
            map.cover([x, y], reach, |dx, dy| {
                let chord = 1.0 - (dx * dx + dy * dy) / (reach * reach);
                (chord >= 0.0).then(|| (top + radius * chord.sqrt()) as f32)
            });
        }
        for solid in frame.solids.iter().filter(|s| s.is_finite()) {
            let origin = solid.from_anchor(bounds.anchor, frame.cell_width);
            let (p, half) = solid.box_from_anchor(bounds.anchor, frame.cell_width);
            let (x, y) = place(p);
            let radius = half.length();
            let to_body = solid.rotation.transpose();
            let top = (p - centre).dot(direction);
            map.cover([x, y], radius / texel, |dx, dy| {
                let start = p - origin + (right * dx + up * dy) * texel + direction * 2.0 * radius;
                let (start, down) = ((to_body * start).as_vec3(), (to_body * -direction).as_vec3());
                cast(&solid.shape, start, down).map(|(t, _)| (top + 2.0 * radius) as f32 - t)
            });
        }
        map
    }

    /// Raises the texels within `reach` of a place; `height_at` gets the texel's offset from it.
    fn cover(&mut self, [x, y]: [f64; 2], reach: f64, height_at: impl Fn(f64, f64) -> Option<f32>) {
        let range = |c: f64| {
            let low = (c - reach - 0.5).ceil().max(0.0) as usize;
            let high = ((c + reach - 0.5).floor() + 1.0).clamp(0.0, self.size as f64) as usize;
            low..high
        };
        for j in range(y) {
            for i in range(x) {
                if let Some(h) = height_at(i as f64 + 0.5 - x, j as f64 + 0.5 - y) {
                    let texel = &mut self.height[j * self.size + i];
                    *texel = texel.max(h);
                }
            }
        }
    }

    /// Texel coordinates and height of a point.
    fn locate(&self, p: Vec3) -> (f32, f32, f32) {
        let p = p - self.centre;
        let half = 0.5 * self.size as f32;
        (
            p.dot(self.right) / self.texel + half,
            p.dot(self.up) / self.texel + half,
            p.dot(self.direction),
        )
    }

    fn open(&self, i: i32, j: i32, height: f32) -> f32 {
        let size = self.size as i32;
        if i < 0 || j < 0 || i >= size || j >= size {
            return 1.0;
        }
        let occluder = self.height[j as usize * self.size + i as usize];
        if occluder > height { 0.0 } else { 1.0 }
    }

    /// Share of the four nearest texels that let the light through, weighted by nearness.
    fn smooth(&self, p: Vec3, bias: f32) -> f32 {
        let (x, y, height) = self.locate(p);
        let (x, y, height) = (x - 0.5, y - 0.5, height + bias);
        let (i, j) = (x.floor(), y.floor());
        let (a, b) = (x - i, y - j);
        let (i, j) = (i as i32, j as i32);
        let row = |j: i32| self.open(i, j, height) * (1.0 - a) + self.open(i + 1, j, height) * a;
        row(j) * (1.0 - b) + row(j + 1) * b
    }

    /// The same over a wider square, for a soft edge.
    fn soft(&self, p: Vec3, bias: f32) -> f32 {
        let (x, y, height) = self.locate(p);
        let (x, y, height) = (x - 0.5, y - 0.5, height + bias);
        let (i, j) = (x.floor(), y.floor());
        // A box of whole texels with a fractional one at either end.
        let weight = |k: i32, fraction: f32| match k {
            k if k == -SUN_SOFTNESS => 1.0 - fraction,
            k if k == SUN_SOFTNESS + 1 => fraction,
            _ => 1.0,
        };
        let taps = -SUN_SOFTNESS..=SUN_SOFTNESS + 1;
        let mut sum = 0.0;
        for b in taps.clone() {
            let row: f32 = taps
                .clone()
                .map(|a| self.open(i as i32 + a, j as i32 + b, height) * weight(a, x - i))
                .sum();
            sum += row * weight(b, y - j);
        }
        let side = (2 * SUN_SOFTNESS + 1) as f32;
        sum / (side * side)
    }
}

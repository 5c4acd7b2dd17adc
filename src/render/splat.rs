//! Which ball or solid is nearest along each ray of the picture.
//!
//! A ball is drawn as the exact sphere, by testing the rays of its bounding rectangle. Bands of
//! rows are independent tasks and each goes through the balls in order of their number, so that
//! the result does not depend on the number of threads.

use super::camera::View;
use super::cast::cast;
use super::frame::{Frame, Solid};
use glam::{DVec3, Mat3, Vec3};
use rayon::prelude::*;

/// Rows of one task: small enough to balance, large enough to pay for a pass over the balls.
const BAND: usize = 16;
/// Nothing nearer than this part of the cell width is drawn: the eye is inside of it.
pub const NEAR: f64 = 0.5;

/// What a ray meets first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Distance along the view direction [m]; infinite when nothing is hit.
    pub depth: f32,
    /// Index of a ball, or `ball_count + index` of a solid; meaningless when nothing is hit.
    pub index: u32,
}

/// One [`Hit`] per sample, rows from the top.
pub struct Hits {
    pub width: usize,
    pub height: usize,
    pub samples: Vec<Hit>,
}

/// A ball in camera axes, with the samples it can cover.
struct Disc {
    centre: Vec3,
    radius: f32,
    columns: [u32; 2],
    rows: [u32; 2],
}

/// A finite solid relative to the eye.
pub struct Posed {
    pub solid: Solid,
    /// The eye in the body frame [m].
    pub eye: Vec3,
    /// `body_from_world`.
    pub to_body: Mat3,
}

impl Posed {
    pub fn new(solid: &Solid, anchor: [i32; 3], eye: DVec3, cell_width: f64) -> Self {
        let to_body = solid.rotation.transpose();
        let eye = to_body * (eye - solid.from_anchor(anchor, cell_width));
        Self { solid: solid.clone(), eye: eye.as_vec3(), to_body: to_body.as_mat3() }
    }

    /// Ray parameter and outward normal (world axes) where a ray from the eye meets the solid.
    pub fn cast(&self, direction: Vec3) -> Option<(f32, Vec3)> {
        let (t, normal) = cast(&self.solid.shape, self.eye, self.to_body * direction)?;
        Some((t, self.to_body.transpose() * normal))
    }
}

impl Hits {
    pub fn new(frame: &Frame, view: &View, solids: &[Posed], width: usize, height: usize) -> Self {
        let discs: Vec<Disc> = frame
            .balls
            .par_iter()
            .map(|ball| {
                let cells = DVec3::from_array(ball.cells_from(view.anchor));
                let centre = view.camera_from_anchor(cells * frame.cell_width);
                Disc::new(
                    centre,
                    f64::from(ball.radius),
                    NEAR * frame.cell_width,
                    view,
                    width,
                    height,
                )
            })
            .collect();

        let mut samples = vec![Hit { depth: f32::INFINITY, index: 0 }; width * height];
        samples.par_chunks_mut(BAND * width).enumerate().for_each(|(band, samples)| {
            let first = band * BAND;
            for (index, disc) in discs.iter().enumerate() {
                disc.draw(index as u32, first, width, height, view, samples);
            }
            if !solids.is_empty() {
                for (k, hit) in samples.iter_mut().enumerate() {
                    let (column, row) = (k % width, first + k / width);
                    let ray = view.ray(coordinate(column, width), -coordinate(row, height));
                    for (s, solid) in solids.iter().enumerate() {
                        if let Some((depth, _)) = solid.cast(ray).filter(|(t, _)| *t < hit.depth) {
                            *hit = Hit { depth, index: (discs.len() + s) as u32 };
                        }
                    }
                }
            }
        });
        Self { width, height, samples }
    }
}

/// Centre of sample `k` of `count` in [-1, 1].
pub fn coordinate(k: usize, count: usize) -> f64 {
    (2 * k + 1) as f64 / count as f64 - 1.0
}

impl Disc {
    fn new(c: DVec3, radius: f64, near: f64, view: &View, width: usize, height: usize) -> Self {
        let nothing = [1, 0];
        let mut disc =
            Self { centre: c.as_vec3(), radius: radius as f32, columns: nothing, rows: nothing };
        if c.z - radius < near {
            return disc;
        }
        // Tangent lines from the eye, per axis: tan = (x z ± r sqrt(x² + z² - r²)) / (z² - r²).
        let extent = |x: f64, half: f64, count: usize| {
            let root = radius * (x * x + c.z * c.z - radius * radius).sqrt();
            let scale = 1.0 / ((c.z * c.z - radius * radius) * half);
            // Samples whose centre lies between the tangents; [1, 0] when there is none.
            let place = |t: f64| ((t + 1.0) * count as f64 - 1.0) * 0.5;
            let (low, high) = (place((x * c.z - root) * scale), place((x * c.z + root) * scale));
            let last = (count - 1) as f64;
            if high < 0.0 || low > last {
                return nothing;
            }
            [low.ceil().max(0.0) as u32, high.floor().min(last) as u32]
        };
        disc.columns = extent(c.x, view.half_width, width);
        disc.rows = extent(-c.y, view.half_height, height);
        disc
    }

    /// Draws the part that lies in the band that starts at row `first`.
    fn draw(
        &self,
        index: u32,
        first: usize,
        width: usize,
        height: usize,
        view: &View,
        samples: &mut [Hit],
    ) {
        let last = first + samples.len() / width - 1;
        let rows = (self.rows[0] as usize).max(first)..=(self.rows[1] as usize).min(last);
        for row in rows {
            let y = (-coordinate(row, height) * view.half_height) as f32;
            for column in self.columns[0] as usize..=self.columns[1] as usize {
                let x = (coordinate(column, width) * view.half_width) as f32;
                let hit = &mut samples[(row - first) * width + column];
                if let Some(depth) = self.depth(Vec3::new(x, y, 1.0)).filter(|d| *d < hit.depth) {
                    *hit = Hit { depth, index };
                }
            }
        }
    }

    /// Depth at which a ray from the eye meets the sphere. The half chord comes from the distance
    /// between ray and centre, which does not cancel for a small ball far away.
    fn depth(&self, ray: Vec3) -> Option<f32> {
        let a = ray.length_squared();
        let middle = ray.dot(self.centre) / a;
        let miss = self.centre - ray * middle;
        let half = (self.radius * self.radius - miss.length_squared()) / a;
        (half >= 0.0).then(|| middle - half.sqrt())
    }
}

//! Straight lines over a picture: of constant width on the screen, behind what is in front of them.

use super::camera::View;
use super::shade::{Scene, linear, srgb_from_linear};
use super::splat::{NEAR, coordinate};
use bytemuck::{Pod, Zeroable};
use glam::{DVec2, DVec3};
use image::RgbaImage;

/// Width of a line [pixels of a picture that is `HEIGHT` high], not less than a pixel.
const WIDTH: f32 = 2.0;
const HEIGHT: f32 = 720.0;
/// How much of a line is seen through what hides it.
pub const THROUGH: f32 = 0.12;

/// A line as it is drawn; also one instance of the window's vertex buffer (52 bytes).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct Line {
    pub from: End,
    pub to: End,
    /// sRGB red, green, blue, 255.
    pub colour: [u8; 4],
}

/// An end of a line: a grid node, absolute, and the offset from there [cell widths].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct End {
    pub cell: [i32; 3],
    pub offset: [f32; 3],
}

impl End {
    /// Of a place that is so many cells from a node.
    pub fn at(node: [i32; 3], cells: [f64; 3]) -> Self {
        let whole = cells.map(|c| (c + 0.5).floor());
        Self {
            cell: std::array::from_fn(|a| node[a].wrapping_add(whole[a] as i32)),
            offset: std::array::from_fn(|a| (cells[a] - whole[a]) as f32),
        }
    }

    /// Position from a node [m].
    fn position_from(&self, anchor: [i32; 3], cell_width: f64) -> DVec3 {
        DVec3::from_array(std::array::from_fn(|a| {
            let cells = i64::from(self.cell[a]) - i64::from(anchor[a]);
            (cells as f64 + f64::from(self.offset[a])) * cell_width
        }))
    }
}

/// Width of lines in a picture of a height [pixels].
pub fn line_width(height: u32) -> f32 {
    (WIDTH * height as f32 / HEIGHT).max(1.0)
}

/// A line on the screen: its ends [pixels], and the inverse of the depth there, which is linear along it.
struct Drawn {
    from: DVec2,
    to: DVec2,
    nearness: [f64; 2],
}

impl Drawn {
    /// The part in front of the eye, if there is one.
    fn new(line: &Line, view: &View, cell_width: f64, [width, height]: [f64; 2]) -> Option<Self> {
        let near = NEAR * cell_width;
        let place = |end: &End| view.camera_from_anchor(end.position_from(view.anchor, cell_width));
        let (mut a, mut b) = (place(&line.from), place(&line.to));
        if a.z < near && b.z < near {
            return None;
        }
        let cut = a.lerp(b, ((near - a.z) / (b.z - a.z)).clamp(0.0, 1.0));
        if a.z < near {
            a = cut;
        } else if b.z < near {
            b = cut;
        }
        let pixel = |p: DVec3| {
            let (x, y) = (p.x / (p.z * view.half_width), p.y / (p.z * view.half_height));
            DVec2::new((x + 1.0) * 0.5 * width, (1.0 - y) * 0.5 * height)
        };
        Some(Self { from: pixel(a), to: pixel(b), nearness: [1.0 / a.z, 1.0 / b.z] })
    }

    /// Distance of a pixel's middle to the line [pixels], and the depth there.
    fn nearest(&self, at: DVec2) -> (f64, f64) {
        let along = self.to - self.from;
        let t = ((at - self.from).dot(along) / along.length_squared().max(1e-12)).clamp(0.0, 1.0);
        let [a, b] = self.nearness;
        ((self.from + along * t).distance(at), 1.0 / (a + (b - a) * t))
    }
}

/// Draws the frame's lines over its picture.
pub fn draw(scene: &Scene, picture: &mut RgbaImage) {
    let size = [picture.width(), picture.height()];
    let half = 0.5 * f64::from(line_width(size[1]));
    for line in &scene.frame.lines {
        let [r, g, b, _] = line.colour;
        let colour = linear([r, g, b]);
        let h = scene.frame.cell_width;
        let Some(drawn) = Drawn::new(line, &scene.view, h, size.map(f64::from)) else { continue };
        // Row by row, the columns that it can touch.
        let rim = half + 1.0;
        let (low, high) = (drawn.from.min(drawn.to) - rim, drawn.from.max(drawn.to) + rim);
        let span = |low: f64, high: f64, count: u32| {
            low.clamp(0.0, f64::from(count)) as u32..high.clamp(0.0, f64::from(count)).ceil() as u32
        };
        for row in span(low.y, high.y, size[1]) {
            let columns = columns_of(&drawn, f64::from(row) + 0.5, rim);
            for column in span(columns[0].max(low.x), columns[1].min(high.x), size[0]) {
                let at = DVec2::new(f64::from(column) + 0.5, f64::from(row) + 0.5);
                let (distance, depth) = drawn.nearest(at);
                let cover = (half + 0.5 - distance).clamp(0.0, 1.0) as f32;
                if cover > 0.0 {
                    let seen = scene.seen([column, row], depth as f32 - 0.5 * h as f32);
                    let cover = cover * (THROUGH + (1.0 - THROUGH) * seen);
                    let pixel = picture.get_pixel_mut(column, row);
                    let under = linear([pixel[0], pixel[1], pixel[2]]);
                    let mixed = under.lerp(colour, cover).to_array().map(srgb_from_linear);
                    pixel.0[..3].copy_from_slice(&mixed);
                }
            }
        }
    }
}

/// The columns between which a line lies at a row, with a rim around it [pixels].
fn columns_of(drawn: &Drawn, row: f64, rim: f64) -> [f64; 2] {
    let along = drawn.to - drawn.from;
    if along.y.abs() < 1e-9 {
        return [f64::NEG_INFINITY, f64::INFINITY];
    }
    let at = |row: f64| {
        let t = ((row - drawn.from.y) / along.y).clamp(0.0, 1.0);
        drawn.from.x + along.x * t
    };
    let (a, b) = (at(row - rim), at(row + rim));
    [a.min(b) - rim, a.max(b) + rim]
}

impl Scene<'_> {
    /// Which part of a pixel shows what is at a depth [m].
    fn seen(&self, [column, row]: [u32; 2], depth: f32) -> f32 {
        use super::shade::SAMPLES;
        let (width, height) = (self.hits.width, self.hits.height);
        let mut seen = 0.0;
        for k in 0..SAMPLES * SAMPLES {
            let x = column as usize * SAMPLES + k % SAMPLES;
            let y = row as usize * SAMPLES + k / SAMPLES;
            if self.hits.samples[y * width + x].depth < depth {
                continue;
            }
            let ray = self.view.ray(coordinate(x, width), -coordinate(y, height));
            let planes = self.planes.iter().filter_map(|plane| Some((plane.depth(ray)?, plane)));
            let hidden = planes.filter(|(d, _)| *d < depth).map(|(d, p)| 1.0 - p.opacity(ray * d));
            seen += hidden.product::<f32>();
        }
        seen / (SAMPLES * SAMPLES) as f32
    }
}

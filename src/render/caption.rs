//! What is written on a picture: the colour legend, the time, the size of the grid.

use super::camera::Bounds;
use super::overlay::Mark;
use super::paint::{Paint, Quantity, material_colour};
use super::plane::grid_spacing;
use crate::model::Model;
use ab_glyph::{Font, FontRef, PxScale, ScaleFont};
use image::{Rgba, RgbaImage};

/// Lettering of a picture.
#[derive(Clone, Debug)]
pub struct Caption {
    legend: Legend,
    /// What the lines over the picture are.
    marks: Vec<Mark>,
    /// Lower right corner.
    note: String,
}

#[derive(Clone, Debug)]
enum Legend {
    /// Names of materials with their colours.
    Names(Vec<(String, [u8; 3])>),
    Scale(Paint),
}

const INK: [u8; 3] = [52, 58, 66];
/// Height of the letters and of a legend line, as parts of the picture's height.
const LETTER: f32 = 1.0 / 36.0;
const SMALLEST_LETTER: f32 = 11.0;

impl Caption {
    /// `bounds` are those of the picture, for the grid's size; time in seconds.
    pub fn new(model: &Model, paint: &Paint, bounds: &Bounds, time: f64) -> Self {
        let legend = match paint.quantity {
            Quantity::Material => Legend::Names(material_legend(model)),
            Quantity::Level => Legend::Names(level_legend(model, paint)),
            Quantity::Speed | Quantity::J => Legend::Scale(*paint),
        };
        let grid = plain(grid_spacing(bounds));
        Self { legend, marks: Vec::new(), note: format!("t = {time:.3} s   grid {grid} m") }
    }

    /// The same with a legend of what is drawn over the picture.
    pub fn with_marks(self, marks: Vec<Mark>) -> Self {
        Self { marks, ..self }
    }

    /// Writes on the picture, in its lower corners.
    pub fn draw(&self, picture: &mut RgbaImage) {
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let letter = (height * LETTER).max(SMALLEST_LETTER);
        let margin = letter;
        let mut pen = Pen::new(picture, letter);
        let x = width - margin - pen.width(&self.note);
        pen.write(&self.note, x, height - margin);
        for (line, Mark { name, colour }) in self.marks.iter().enumerate() {
            let base = margin + (1.0 + 1.5 * line as f32) * letter;
            pen.fill([margin, base - 0.45 * letter], [1.2 * letter, 0.2 * letter], |_| *colour);
            pen.write(name, margin + 1.7 * letter, base);
        }
        match &self.legend {
            Legend::Names(names) => {
                for (line, (name, colour)) in names.iter().rev().enumerate() {
                    let base = height - margin - line as f32 * 1.5 * letter;
                    let swatch = 0.8 * letter;
                    pen.fill([margin, base - swatch], [swatch, swatch], |_| *colour);
                    pen.write(name, margin + 1.3 * letter, base);
                }
            }
            Legend::Scale(paint) => {
                let length = 12.0 * letter;
                let top = height - margin - 2.2 * letter;
                pen.fill([margin, top], [length, 0.8 * letter], |t| {
                    paint.scale_colour(paint.low + (paint.high - paint.low) * f64::from(t))
                });
                pen.write(paint.title(), margin, top - 0.5 * letter);
                let middle = 0.5 * (paint.low + paint.high);
                for (value, t) in [(paint.low, 0.0), (middle, 0.5), (paint.high, 1.0)] {
                    let text = plain(value);
                    let x = margin + t * (length - pen.width(&text));
                    pen.write(&text, x, height - margin);
                }
            }
        }
    }
}

/// Names and sRGB colours of the materials that some particle has.
pub fn material_legend(model: &Model) -> Vec<(String, [u8; 3])> {
    (0..model.materials.len())
        .filter(|m| model.particles.material.contains(&(*m as u32)))
        .map(|m| (model.materials[m].name.clone(), material_colour(model, m)))
        .collect()
}

/// Names and sRGB colours of the levels of resolution, the finest first.
pub fn level_legend(model: &Model, paint: &Paint) -> Vec<(String, [u8; 3])> {
    (0..model.levels.count())
        .map(|level| {
            let width = plain(model.cell_width * 1e3 * f64::from(1u32 << level));
            (format!("level {level}: {width} mm"), paint.scale_colour(level as f64))
        })
        .collect()
}

/// A number without needless digits.
pub fn plain(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

struct Pen<'a> {
    picture: &'a mut RgbaImage,
    font: FontRef<'static>,
    scale: PxScale,
}

impl<'a> Pen<'a> {
    fn new(picture: &'a mut RgbaImage, letter: f32) -> Self {
        let font = FontRef::try_from_slice(epaint_default_fonts::HACK_REGULAR)
            .expect("the typeface is part of the program");
        Self { picture, font, scale: PxScale::from(letter * 1.15) }
    }

    fn width(&self, text: &str) -> f32 {
        let font = self.font.as_scaled(self.scale);
        text.chars().map(|c| font.h_advance(font.glyph_id(c))).sum()
    }

    /// Writes a line from `x` along the base line `y`.
    fn write(&mut self, text: &str, mut x: f32, y: f32) {
        for c in text.chars() {
            let id = self.font.glyph_id(c);
            let glyph = id.with_scale_and_position(self.scale, ab_glyph::point(x, y));
            if let Some(outline) = self.font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|i, j, cover| {
                    let place = [corner.x as i64 + i64::from(i), corner.y as i64 + i64::from(j)];
                    blend(self.picture, place, INK, cover);
                });
            }
            x += self.font.as_scaled(self.scale).h_advance(id);
        }
    }

    /// Fills a rectangle; `colour` gets the part of its length that lies to the left.
    fn fill(&mut self, corner: [f32; 2], size: [f32; 2], colour: impl Fn(f32) -> [u8; 3]) {
        let [width, height] = size.map(|s| s.round().max(1.0) as i64);
        for j in 0..height {
            for i in 0..width {
                let place = [corner[0].round() as i64 + i, corner[1].round() as i64 + j];
                blend(self.picture, place, colour((i as f32 + 0.5) / width as f32), 1.0);
            }
        }
    }
}

/// Lays a colour over a pixel; outside of the picture nothing happens.
fn blend(picture: &mut RgbaImage, [x, y]: [i64; 2], colour: [u8; 3], cover: f32) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
    if let Some(Rgba(pixel)) = picture.get_pixel_mut_checked(x, y) {
        for (under, over) in pixel.iter_mut().zip(colour) {
            let mixed = f32::from(*under) + (f32::from(over) - f32::from(*under)) * cover.min(1.0);
            *under = mixed.round() as u8;
        }
    }
}

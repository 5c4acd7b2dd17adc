//! Curves as pictures: PNG files, or SVG to put into a page.

use super::validate::check::{Curve, Plot};
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use plotters::style::register_font;
use std::path::Path;

/// Name under which the typeface is known to the drawing library.
const FONT: &str = "sans-serif";

/// Size of a picture [pixels].
const SIZE: (u32, u32) = (960, 600);

/// Draws a plot into a PNG file; the error is for people.
pub fn draw(plot: &Plot, path: &Path) -> Result<(), String> {
    draw_on(plot, BitMapBackend::new(path, SIZE))
}

/// A plot as an SVG element; the error is for people.
pub fn svg(plot: &Plot) -> Result<String, String> {
    let mut text = String::new();
    draw_on(plot, SVGBackend::with_string(&mut text, SIZE))?;
    Ok(text)
}

fn draw_on<B>(plot: &Plot, backend: B) -> Result<(), String>
where
    B: DrawingBackend,
    B::ErrorType: 'static,
{
    // Registering twice replaces the typeface by itself.
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| "the built-in typeface cannot be read".to_owned())?;
    let [x, y] = [0, 1].map(|axis| range(plot, axis));
    let area = backend.into_drawing_area();
    if plot.logarithmic {
        on_axes(plot, &area, (x[0]..x[1]).log_scale(), (y[0]..y[1]).log_scale())
    } else {
        on_axes(plot, &area, x[0]..x[1], y[0]..y[1])
    }
    .and_then(|()| area.present().map_err(Into::into))
    .map_err(|error| error.to_string())
}

fn on_axes<B, X, Y>(
    plot: &Plot,
    area: &DrawingArea<B, plotters::coord::Shift>,
    x: X,
    y: Y,
) -> Result<(), Box<dyn std::error::Error>>
where
    B: DrawingBackend,
    B::ErrorType: 'static,
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption(&plot.title, (FONT, 24))
        .margin(16)
        .x_label_area_size(48)
        .y_label_area_size(80)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .x_desc(&plot.x_label)
        .y_desc(&plot.y_label)
        .label_style((FONT, 16))
        .draw()?;
    for (index, Curve { name, points, dots }) in plot.curves.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        let points = points.iter().map(|&[x, y]| (x, y));
        let drawn = if *dots {
            chart.draw_series(points.map(|p| Circle::new(p, 4, color.filled())))?
        } else {
            chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?
        };
        drawn
            .label(name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 4), (x + 16, y + 4)], color.filled()));
    }
    chart
        .configure_series_labels()
        .label_font((FONT, 16))
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    Ok(())
}

/// Smallest and largest value on an axis, with a little room.
fn range(plot: &Plot, axis: usize) -> [f64; 2] {
    let values = plot.curves.iter().flat_map(|c| c.points.iter().map(|p| p[axis]));
    let usable = |v: &f64| v.is_finite() && (!plot.logarithmic || *v > 0.0);
    let (low, high) = values
        .filter(usable)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return [0.1, 1.0];
    }
    if plot.logarithmic {
        return [low / 1.5, high * 1.5];
    }
    let room = if high > low { 0.05 * (high - low) } else { 0.5 };
    [low - room, high + room]
}

//! Law 7: a block on an incline sticks where tan(theta) < mu and else slides with
//! g (sin - mu cos); a bed of sand flows if and only if the slope is steeper than its friction
//! angle.

use super::check::{Check, Plot, Report};
use super::lab::{Lab, fit_line};
use crate::bench::setup::{STICKY, Setup, channel_friction, rough};
use crate::model::{Contact, Law, Model};
use crate::mpm::simulator::SimulationError;
use std::sync::Arc;

const GRAVITY: f64 = 9.81;
const SLOPE_DEG: f64 = 20.0;
const TOLERANCE: f64 = 0.03;
/// A block that sticks creeps less than this share of g sin(theta).
const CREEP: f64 = 0.01;
const SECS: f64 = 0.6;
const LOOKS: usize = 60;
/// The first half of the looks is the landing.
const LANDED: usize = LOOKS / 2;

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let slope = SLOPE_DEG.to_radians();
    let sliding = |mu: f64| GRAVITY * (slope.sin() - mu * slope.cos());
    let slides = |a| Check::near("sliding acceleration [m/s²], mu 0.2", a, sliding(0.2), TOLERANCE);
    let sticks = |a| {
        let limit = CREEP * GRAVITY * slope.sin();
        Check::at_most("acceleration of a block that sticks [m/s²], mu 0.5", f64::abs(a), limit)
    };
    let width = if lab.quick { 0.025 } else { 0.02 };
    let low = block(lab, width, 0.2, width)?;
    let high = block(lab, width, 0.25, width)?;
    let held = block(lab, width, 0.5, width)?;
    let hard = block(lab, width, 0.5, 0.0)?;
    let mut checks = vec![
        slides(low.acceleration),
        sticks(held.acceleration),
        slides(high.acceleration).control("friction 0.25 instead of 0.2"),
        sticks(high.acceleration).control("friction 0.25, less than tan(theta)"),
    ];
    checks.extend(sand(lab)?);
    Ok(Report {
        checks,
        remarks: vec![format!(
            "contact softened over one cell; hard contact on nodes that are not aligned with the \
             slope chatters, and the block that should stick creeps at {:.3} m/s",
            mean_speed(&hard)
        )],
        plot: Some(
            Plot::new("Block on a slope of 20 degrees", "time [s]", "speed down the slope [m/s]")
                .line("friction 0.2", low.speeds)
                .line("friction 0.25", high.speeds)
                .line("friction 0.5", held.speeds)
                .line("friction 0.5, hard contact", hard.speeds),
        ),
    })
}

struct Slide {
    /// Down the slope [m/s²].
    acceleration: f64,
    speeds: Vec<[f64; 2]>,
}

/// After the landing [m/s].
fn mean_speed(slide: &Slide) -> f64 {
    let late = &slide.speeds[LANDED..];
    late.iter().map(|p| p[1]).sum::<f64>() / late.len() as f64
}

/// A flat elastic block on a plane that is itself inclined against the grid.
fn block(lab: &Lab, width: f64, friction: f64, softness: f64) -> Result<Slide, SimulationError> {
    let slope = SLOPE_DEG.to_radians();
    let (down, normal) = ([slope.cos(), 0.0, -slope.sin()], [slope.sin(), 0.0, slope.cos()]);
    let law = Law::Elastic { young_modulus: 1e5, poisson_ratio: 0.3 };
    let along = |x: [f64; 3], axis: [f64; 3]| (0..3).map(|a| x[a] * axis[a]).sum::<f64>();
    let (length, height) = (0.3, 0.12);
    let inside = |x: [f64; 3]| {
        (-0.5 * length..0.5 * length).contains(&along(x, down))
            && (0.0..height).contains(&along(x, normal))
    };
    let reach = length;
    let model = Setup::new("incline", width)
        .gravity([0.0, 0.0, -GRAVITY])
        .body(1000.0, law, [[-reach, -0.1, -reach], [reach, 0.1, reach]], inside)
        .plane(normal, [0.0; 3], Contact { softness, ..rough(friction) })
        .build(2.0);
    let mut experiment = lab.experiment(model, SECS)?;
    let seen = experiment.watch(SECS, LOOKS, |e| {
        let v = e.state()?.v;
        Ok(v.iter().map(|v| along(v.0, down)).sum::<f64>() / v.len() as f64)
    })?;
    let speeds: Vec<[f64; 2]> = seen.into_iter().map(|(t, v)| [t, v]).collect();
    Ok(Slide { acceleration: fit_line(&speeds[LANDED..])[0], speeds })
}

/// Beds of sand on rough ground, on both sides of their angle; gravity is inclined, so that the
/// ground is aligned with the grid.
fn sand(lab: &Lab) -> Result<[Check; 3], SimulationError> {
    let flows = |v| Check::at_least("speed of sand of 30 degrees on a steeper slope [m/s]", v, 0.1);
    let stands = |v| Check::at_most("speed of sand of 30 degrees on a slope of 26 [m/s]", v, 0.02);
    let steep = bed(lab, channel_friction(30.0), 36.0)?;
    let flat = bed(lab, channel_friction(30.0), 26.0)?;
    let strong = bed(lab, 60f64.to_radians(), 40.0)?;
    Ok([flows(steep), stands(flat), flows(strong).control("60 degrees, on a slope of 40")])
}

/// Mean speed down the slope in the middle of a long bed, 0.4 s after it was laid.
fn bed(lab: &Lab, friction_angle: f64, slope_deg: f64) -> Result<f64, SimulationError> {
    let width = if lab.quick { 0.02 } else { 0.015 };
    let slope = slope_deg.to_radians();
    let law = Law::Sand { young_modulus: 1e6, poisson_ratio: 0.3, friction_angle, cohesion: 0.0 };
    let (length, depth, thick) = (80.0 * width, 6.0 * width, 2.0 * width);
    let model: Arc<Model> = Setup::new("sand slope", width)
        .gravity([GRAVITY * slope.sin(), 0.0, -GRAVITY * slope.cos()])
        .body(1600.0, law, [[0.0; 3], [length, thick, depth]], |_| true)
        .plane([0.0, 0.0, 1.0], [0.0; 3], STICKY)
        .plane([0.0, 1.0, 0.0], [0.0; 3], rough(0.0))
        .plane([0.0, -1.0, 0.0], [0.0, thick, 0.0], rough(0.0))
        .build(3.0);
    let start: Vec<f64> = (0..model.initial.particle_count())
        .map(|p| model.initial.world_position(p, model.cell_width, model.origin)[0])
        .collect();
    let mut experiment = lab.experiment(model, 0.4)?;
    experiment.run_until(0.4)?;
    let v = experiment.state()?.v;
    // Away from both ends of the bed.
    let middle = (1.0 / 3.0 * length)..(2.0 / 3.0 * length);
    let speeds: Vec<f64> =
        (0..v.len()).filter(|&p| middle.contains(&start[p])).map(|p| v[p][0]).collect();
    Ok(speeds.iter().sum::<f64>() / speeds.len() as f64)
}

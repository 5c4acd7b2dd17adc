//! Law 16: material and a free rigid body together keep their momentum when one hits the other; a
//! body floats where it displaces its own weight.

use super::check::{Check, Plot, Report};
use super::lab::{Experiment, Lab};
use crate::bench::setup::{SLIP, Setup, rough};
use crate::math::Vec3;
use crate::model::{Collider, Contact, Law, Model, Pose, RigidBody, Shape};
use crate::mpm::diagnostics::totals;
use crate::mpm::simulator::SimulationError;
use std::collections::BTreeMap;
use std::sync::Arc;

const DENSITY: f64 = 1000.0;
/// Relative to the body's momentum: sums of some hundred f32 nodes in each of some hundred substeps.
const MOMENTUM_TOLERANCE: f64 = 1e-4;
const SPEED: f64 = 1.0;
const RADIUS: f64 = 0.1;
const FALL_SECS: f64 = 0.25;

/// A ball that flies at a block of material, without gravity.
fn impact(cell_width: f64, law: Law) -> Arc<Model> {
    let contact = Contact { softness: cell_width, ..rough(0.3) };
    let shape = Shape::Sphere { radius: RADIUS };
    let mass = 2.0 * DENSITY * shape.volume();
    let ball = RigidBody::uniform("ball", shape, mass, contact);
    let half = 0.15;
    Setup::new("impact", cell_width)
        .body(DENSITY, law, [[-half, -half, -0.2], [half, half, 0.0]], |_| true)
        .rigid_body(ball, [0.02, -0.01, 1.1 * RADIUS], [0.2 * SPEED, 0.0, -SPEED])
        .build(2.0 * SPEED)
}

/// How far the momentum of ball and block strays, over the ball's at the start; and the share of
/// its own that the ball has given away.
fn fly(lab: &Lab, model: Arc<Model>, driven: bool) -> Result<[f64; 2], SimulationError> {
    let start = totals(&model, &model.initial);
    let ball = model.initial.rigid[0];
    let run = match driven {
        false => Arc::clone(&model),
        // The same ball as a collider that nothing slows down.
        true => {
            let body = &model.rigid_bodies[0];
            let mut other = Model::clone(&model);
            other.colliders.push(Collider {
                name: body.name.clone(),
                shape: body.shape.clone(),
                contact: body.contact,
                pose: Pose::at(Vec3(ball.world_position(model.cell_width, model.origin))),
                velocity: ball.velocity,
                angular_velocity: ball.angular_velocity,
            });
            other.rigid_bodies.clear();
            other.initial.rigid.clear();
            Arc::new(other)
        }
    };
    let mut experiment = lab.experiment(run, FALL_SECS)?;
    let scale = model.rigid_bodies[0].mass * ball.velocity.norm_squared().sqrt();
    let seen = experiment.watch(FALL_SECS, 10, |e| {
        let mut state = e.state()?;
        if driven {
            state.rigid = vec![ball];
        }
        let end = totals(&model, &state);
        let drift = (0..3).map(|a| (end.momentum[a] - start.momentum[a]).powi(2)).sum::<f64>();
        let given = (state.rigid[0].velocity - ball.velocity).norm_squared().sqrt();
        Ok([drift.sqrt() / scale, given / ball.velocity.norm_squared().sqrt()])
    })?;
    let worst = |k: usize| seen.iter().map(|(_, v)| v[k]).fold(0.0, f64::max);
    Ok([worst(0), worst(1)])
}

const GRAVITY: f64 = 9.81;
/// Depth of the tank [m], and half its width.
const DEPTH: f64 = 0.24;
const HALF_TANK: f64 = 0.24;
/// Half edges of the floating box [m].
const HALF: [f64; 3] = [0.12, 0.12, 0.08];
/// The kernels blur the surfaces of box and water by some tenths of a cell.
const DRAUGHT_TOLERANCE: f64 = 0.05;
const SETTLE_SECS: f64 = 1.2;
/// A period of the box's heaving.
const MEAN_SECS: f64 = 0.6;

/// A box in a tank that it shares with water, a little too deep.
fn floating(cell_width: f64, density: f64) -> Arc<Model> {
    let shape = Shape::Box { half_extents: Vec3(HALF) };
    let contact = Contact { softness: cell_width, ..rough(0.0) };
    let mass = density * shape.volume();
    let body = RigidBody::uniform("box", shape, mass, contact);
    let height = DEPTH - 1.1 * draught_of(density) + HALF[2];
    let law = Law::Liquid { bulk_modulus: 50.0 * DENSITY * GRAVITY * DEPTH, tension: false };
    let low = [-HALF_TANK, -HALF_TANK, -1.5 * cell_width];
    let outside = |x: [f64; 3]| {
        x[0].abs() > HALF[0] || x[1].abs() > HALF[1] || (x[2] - height).abs() > HALF[2]
    };
    Setup::new("floating box", cell_width)
        .gravity([0.0, 0.0, -GRAVITY])
        .body(DENSITY, law, [low, [HALF_TANK, HALF_TANK, DEPTH]], outside)
        .plane([0.0, 0.0, 1.0], [0.0; 3], SLIP)
        .plane([1.0, 0.0, 0.0], [-HALF_TANK, 0.0, 0.0], SLIP)
        .plane([-1.0, 0.0, 0.0], [HALF_TANK, 0.0, 0.0], SLIP)
        .plane([0.0, 1.0, 0.0], [0.0, -HALF_TANK, 0.0], SLIP)
        .plane([0.0, -1.0, 0.0], [0.0, HALF_TANK, 0.0], SLIP)
        .rigid_body(body, [0.0, 0.0, height], [0.0; 3])
        .build(1.0)
}

/// Where a box of this density displaces its weight [m].
fn draught_of(density: f64) -> f64 {
    2.0 * HALF[2] * density / DENSITY
}

struct Floating {
    /// Draught [m] over time [s].
    curve: Vec<[f64; 2]>,
    /// Its mean when the water has come to rest.
    draught: f64,
}

fn float(lab: &Lab, model: Arc<Model>) -> Result<Floating, SimulationError> {
    let mut experiment = lab.experiment(Arc::clone(&model), SETTLE_SECS)?;
    let seen = experiment.watch(SETTLE_SECS, 64, draught)?;
    let curve: Vec<[f64; 2]> = seen.into_iter().map(|(t, d)| [t, d]).collect();
    let late = curve.iter().filter(|p| p[0] > SETTLE_SECS - MEAN_SECS).map(|p| p[1]);
    let draught = late.clone().sum::<f64>() / late.count() as f64;
    Ok(Floating { curve, draught })
}

/// Depth of the underside below the water's level, which is that away from the box [m].
fn draught(experiment: &mut Experiment) -> Result<f64, SimulationError> {
    let state = experiment.state()?;
    let model = &experiment.model;
    let (h, origin) = (model.cell_width, model.origin);
    let mut tops: BTreeMap<[i64; 2], f64> = BTreeMap::new();
    for p in 0..state.particle_count() {
        let x = state.world_position(p, h, origin);
        let beside = x[0].abs().max(x[1].abs());
        // The columns at the box and at the wall carry a meniscus of the kernels.
        if beside > HALF[0] + 2.0 * h && beside < HALF_TANK - h {
            let column = [0, 1].map(|a| (x[a] / h).floor() as i64);
            let top = tops.entry(column).or_insert(f64::NEG_INFINITY);
            *top = top.max(x[2]);
        }
    }
    let level = tops.values().sum::<f64>() / tops.len() as f64 + 0.25 * h;
    let centre = state.rigid[0].world_position(h, origin)[2];
    Ok(level - (centre - HALF[2]))
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let cell_width = if lab.quick { 0.025 } else { 0.02 };
    let liquid = Law::Liquid { bulk_modulus: 1e5, tension: false };
    let sand =
        Law::Sand { young_modulus: 2e5, poisson_ratio: 0.3, friction_angle: 0.6, cohesion: 0.0 };
    let mut report = Report::default();
    for (name, law) in [("liquid", liquid), ("sand", sand)] {
        let [drift, given] = fly(lab, impact(cell_width, law), false)?;
        let what = format!("drift of momentum, ball into {name}, relative");
        let check = |drift| Check::at_most(&what, drift, MOMENTUM_TOLERANCE);
        report.checks.push(check(drift));
        let what = format!("momentum given to {name}, relative");
        report.checks.push(Check::at_least(&what, given, 0.1));
        let [drift, _] = fly(lab, impact(cell_width, law), true)?;
        report.checks.push(check(drift).control("a ball that nothing slows down"));
    }
    let cell_width = 0.02;
    let light = 0.5 * DENSITY;
    let expected = draught_of(light);
    let right = float(lab, floating(cell_width, light))?;
    let heavy = float(lab, floating(cell_width, 1.15 * light))?;
    let check = |d: f64| Check::near("draught [m]", d, expected, DRAUGHT_TOLERANCE);
    report.checks.push(check(right.draught));
    report.checks.push(check(heavy.draught).control("a box 15 % too heavy"));
    report.plot = Some(
        Plot::new("A floating box", "time [s]", "draught [m]")
            .line("measured", right.curve)
            .line("its weight", vec![[0.0, expected], [SETTLE_SECS, expected]]),
    );
    Ok(report)
}

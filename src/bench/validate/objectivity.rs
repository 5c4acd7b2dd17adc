//! Law 2: physics does not know which way the axes point. The stress of a turned body is the
//! turned stress; a scene turned by 90 degrees gives the same result to round-off, and one turned
//! by 37 degrees gives it to second order in the cell width.

use super::check::{Check, Plot, Report};
use super::lab::Lab;
use crate::bench::setup::Setup;
use crate::math::{Mat3, Vec3};
use crate::model::{Law, Model};
use crate::mpm::simulator::SimulationError;
use crate::mpm::twin::material::{Local, stress};
use glam::{DMat3, DQuat, DVec3};
use std::sync::Arc;

/// Round-off of f64, relative to the largest stress.
const STRESS_TOLERANCE: f64 = 1e-12;
/// Round-off of f32 over the substeps of a run, relative to how far the body moved and stretched.
const QUARTER_TURN_TOLERANCE: f64 = 1e-4;
/// The difference over (h/R)², R the radius, at every cell width. The particles' own scatter is a
/// part of it that does not fall as cleanly as h², so the bound is asked, not the slope.
const OBLIQUE_TOLERANCE: f64 = 0.02;
const RADIUS: f64 = 0.12;

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let mut checks = stress_checks();
    checks.extend(quarter_turn(lab)?);
    let (order_checks, plot) = oblique_turn(lab)?;
    checks.extend(order_checks);
    Ok(Report { checks, remarks: Vec::new(), plot: Some(plot) })
}

/// stress(Q F) = Q stress(F) Qᵀ for every law.
fn stress_checks() -> Vec<Check> {
    let laws = [
        ("elastic", Law::Elastic { young_modulus: 1e5, poisson_ratio: 0.3 }),
        ("liquid", Law::Liquid { bulk_modulus: 1e5, tension: false }),
        (
            "sand",
            Law::Sand {
                young_modulus: 1e5,
                poisson_ratio: 0.3,
                friction_angle: 0.5,
                cohesion: 0.0,
            },
        ),
    ];
    let f = Mat3([[0.9, 0.2, -0.1], [0.05, 0.8, 0.15], [0.1, -0.2, 1.05]]);
    let q = matrix(DMat3::from_axis_angle(DVec3::new(1.0, 2.0, -0.5).normalize(), 0.83));
    let defect = |law: &Law, turned: Mat3<f64>| {
        let (kind, constants) = (law.kind(), law.constants());
        let expected = q * stress(kind, &constants, &Local::of_f(f)) * q.transpose();
        let difference = stress(kind, &constants, &Local::of_f(turned)) - expected;
        (difference.double_dot(difference) / expected.double_dot(expected)).sqrt()
    };
    let check = |name: &str, value| {
        Check::at_most(
            &format!("stress of a turned body, {name}, relative"),
            value,
            STRESS_TOLERANCE,
        )
    };
    let mut checks: Vec<Check> =
        laws.iter().map(|(name, law)| check(name, defect(law, q * f))).collect();
    let (name, law) = &laws[0];
    checks.push(check(name, defect(law, f)).control("the body not turned"));
    checks
}

/// A soft ball thrown in gravity, turning and stretching, its world turned about z.
///
/// The ball thins out towards its surface, in mass and volume alike: a sharp outline would be a
/// staircase of particles, which is not the same in every direction.
fn thrown(cell_width: f64, turn: f64, gravity_turn: f64) -> Arc<Model> {
    let depth = |x: [f64; 3]| 1.0 - x.iter().map(|x| x * x).sum::<f64>() / (RADIUS * RADIUS);
    let law = Law::Elastic { young_modulus: 2e4, poisson_ratio: 0.3 };
    let about = |angle: f64| matrix(DMat3::from_quat(DQuat::from_rotation_z(angle)));
    let q = about(turn);
    let gradient = Mat3([[2.0, -3.0, 0.5], [1.0, -1.5, 0.0], [0.0, 0.8, 1.0]]);
    let turned = q * gradient * q.transpose();
    let velocity = q * Vec3([0.6, 0.1, 0.3]);
    let gravity = about(gravity_turn) * Vec3([1.0, 0.5, -2.0]);
    let full = Setup::new("thrown ball", cell_width)
        .gravity(gravity.0)
        .body(1000.0, law, [[-RADIUS; 3], [RADIUS; 3]], |x| depth(x) > 0.0)
        .moving(|x| (velocity + turned * Vec3(x)).0, |_| turned.0)
        .build(1.5);
    let mut model = Model::clone(&full);
    for p in 0..model.particles.mass.len() {
        let x = full.initial.world_position(p, cell_width, full.origin);
        model.particles.mass[p] *= depth(x).powi(2);
        model.particles.volume[p] *= depth(x).powi(2);
    }
    Arc::new(model)
}

/// Where the ball is and how it is stretched, turned back: its centre [m] and second moments [m²].
fn shape(
    lab: &Lab,
    model: Arc<Model>,
    turn: f64,
) -> Result<(Vec3<f64>, Mat3<f64>), SimulationError> {
    const SECS: f64 = 0.1;
    let mut experiment = lab.experiment(Arc::clone(&model), SECS)?;
    experiment.run_until(SECS)?;
    let x: Vec<Vec3<f64>> = experiment.positions()?.into_iter().map(Vec3).collect();
    let mass = &model.particles.mass;
    let total: f64 = mass.iter().sum();
    let weighted = || x.iter().zip(mass).map(|(&x, &m)| (x, m / total));
    let center = weighted().fold(Vec3::zero(), |sum, (x, share)| sum + x * share);
    let moments = weighted()
        .map(|(x, share)| (x - center, share))
        .fold(Mat3::zero(), |sum, (d, share)| sum + d.outer(d) * share);
    let back = matrix(DMat3::from_rotation_z(-turn));
    Ok((back * center, back * moments * back.transpose()))
}

/// Relative difference of two shapes.
fn difference(a: &(Vec3<f64>, Mat3<f64>), b: &(Vec3<f64>, Mat3<f64>)) -> f64 {
    let (center, moments) = (a.0 - b.0, a.1 - b.1);
    let of_center = (center.norm_squared() / b.0.norm_squared()).sqrt();
    let of_moments = (moments.double_dot(moments) / b.1.double_dot(b.1)).sqrt();
    of_center.max(of_moments)
}

fn quarter_turn(lab: &Lab) -> Result<[Check; 2], SimulationError> {
    let quarter = std::f64::consts::FRAC_PI_2;
    let width = 0.024;
    let plain = shape(lab, thrown(width, 0.0, 0.0), 0.0)?;
    let turned = shape(lab, thrown(width, quarter, quarter), quarter)?;
    let wrong = shape(lab, thrown(width, quarter, 0.0), quarter)?;
    let check = |other| {
        let defect = difference(other, &plain);
        Check::at_most("scene turned by 90 degrees, relative", defect, QUARTER_TURN_TOLERANCE)
    };
    Ok([check(&turned), check(&wrong).control("gravity not turned with it")])
}

fn oblique_turn(lab: &Lab) -> Result<([Check; 2], Plot), SimulationError> {
    let turn = 37f64.to_radians();
    let widths: &[f64] = if lab.quick { &[0.04, 0.02] } else { &[0.04, 0.02, 0.01] };
    let mut right = Vec::new();
    let mut wrong = Vec::new();
    for &width in widths {
        let plain = shape(lab, thrown(width, 0.0, 0.0), 0.0)?;
        let turned = shape(lab, thrown(width, turn, turn), turn)?;
        let mixed = shape(lab, thrown(width, turn, turn * 0.98), turn)?;
        right.push([width, difference(&turned, &plain)]);
        wrong.push([width, difference(&mixed, &plain)]);
    }
    let check = |curve: &[[f64; 2]]| {
        let scaled = curve.iter().map(|[h, difference]| difference / (h / RADIUS).powi(2));
        let worst = scaled.fold(0.0, f64::max);
        let what = "scene turned by 37 degrees, difference over (h/R)², worst width";
        Check::at_most(what, worst, OBLIQUE_TOLERANCE)
    };
    let checks = [check(&right), check(&wrong).control("gravity turned by 36.3 degrees")];
    let bound = widths.iter().map(|h| [*h, OBLIQUE_TOLERANCE * (h / RADIUS).powi(2)]).collect();
    let plot = Plot::new("Turned by 37 degrees", "cell width [m]", "relative difference")
        .logarithmic()
        .line("all turned", right)
        .line("gravity turned by 36.3", wrong)
        .line("accepted", bound);
    Ok((checks, plot))
}

fn matrix(m: DMat3) -> Mat3<f64> {
    Mat3::from_columns([m.x_axis, m.y_axis, m.z_axis].map(|c| Vec3(c.to_array())))
}

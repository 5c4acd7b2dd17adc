//! Law 2: physics does not know which way the axes point. The stress of a turned body is the
//! turned stress; a scene turned by 90 degrees gives the same result to round-off, and one turned
//! by 37 degrees gives it to second order in the cell width.

use super::check::{Check, Plot, Report};
use super::lab::Lab;
use crate::bench::setup::Setup;
use crate::math::{Mat3, Vec3};
use crate::model::{Law, LawKind, Model};
use crate::mpm::simulator::SimulationError;
use crate::mpm::twin::material::{Local, return_map, stress};
use glam::{DMat3, DQuat, DVec3};
use std::sync::Arc;

/// Round-off of f64, relative to the largest stress.
const STRESS_TOLERANCE: f64 = 1e-12;
/// Round-off of f32 over the substeps of a run, relative to how far the body moved and stretched.
const QUARTER_TURN_TOLERANCE: f64 = 1e-4;
/// The difference over (h/R)², R the radius, at every cell width. A bound that falls as h² is asked, not
/// a fitted slope of two: on its two ways the ball lies differently against the grid at the end, and the
/// difference swings with that about its own decay. More particles do not change it (with 27 and 64 per
/// cell it is the same to a few percent), nor does another rim make it clean: with volumes that fall
/// as the square of the masses it is 11, 6.4, 3.3, 4.8, 2.3 and .65 e-4 at 6, 4, 3, 2, 1.5 and 1 cm, a
/// slope of 1.6 over all; with the rim below it is smaller throughout, 1.8, 3.0, 1.6, 1.2, 1.1 and
/// .9 e-4: the acceleration of its thin edge has no bound, which is where the rest comes from.
const OBLIQUE_TOLERANCE: f64 = 0.02;
const RADIUS: f64 = 0.12;
const SOFT: Law = Law::Elastic { young_modulus: 2e4, poisson_ratio: 0.3 };

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let mut checks = stress_checks();
    checks.extend(quarter_turn(lab)?);
    let (order_checks, plot) = oblique_turn(lab)?;
    checks.extend(order_checks);
    Ok(Report { checks, remarks: Vec::new(), plot: Some(plot) })
}

/// What a law makes of a trial state turned by q (of a body that moves, C and history included): the
/// stress after the return map.
fn stress_after_return(law: &Law, q: Mat3<f64>) -> Mat3<f64> {
    let f = Mat3([[0.9, 0.2, -0.1], [0.05, 0.8, 0.15], [0.1, -0.2, 1.05]]);
    let c = Mat3([[3.0, -8.0, 1.0], [2.0, -5.0, 4.0], [0.5, 6.0, 1.0]]);
    let (kind, constants) = (law.kind(), law.constants());
    let (f, history) = return_map(kind, &constants, q * f, 0.01);
    stress(kind, &constants, &Local { f, c: q * c * q.transpose(), history })
}

/// stress(Q F) = Q stress(F) Qᵀ for every law.
fn stress_checks() -> Vec<Check> {
    let q = matrix(DMat3::from_axis_angle(DVec3::new(1.0, 2.0, -0.5).normalize(), 0.83));
    let defect = |law: &Law, turn: Mat3<f64>| {
        let expected = q * stress_after_return(law, Mat3::identity()) * q.transpose();
        let difference = stress_after_return(law, turn) - expected;
        (difference.double_dot(difference) / expected.double_dot(expected)).sqrt()
    };
    let check = |law: &Law, value| {
        let what = format!("stress of a turned body, {}, relative", law.kind().name());
        Check::at_most(&what, value, STRESS_TOLERANCE)
    };
    let laws = || LawKind::ALL.iter().map(|kind| Law::typical(*kind));
    let mut checks: Vec<Check> = laws().map(|law| check(&law, defect(&law, q))).collect();
    // The stress of a liquid at rest does not turn; of all others the same check has to reject this.
    let seen = laws().filter(|law| law.kind() != LawKind::Liquid);
    let not_turned = Mat3::identity();
    checks.extend(seen.map(|law| check(&law, defect(&law, not_turned)).control("not turned")));
    checks
}

/// A ball thrown in gravity, turning and stretching, its world turned about z.
///
/// The ball thins out towards its surface, in mass and volume alike: a sharp outline would be a
/// staircase of particles, which is not the same in every direction.
fn thrown(law: Law, cell_width: f64, turn: f64, gravity_turn: f64) -> Arc<Model> {
    let depth = |x: [f64; 3]| 1.0 - x.iter().map(|x| x * x).sum::<f64>() / (RADIUS * RADIUS);
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

/// Every law.
fn quarter_turn(lab: &Lab) -> Result<Vec<Check>, SimulationError> {
    let quarter = std::f64::consts::FRAC_PI_2;
    let width = 0.024;
    let mut checks = Vec::new();
    for &kind in LawKind::ALL {
        let law = Law::typical(kind);
        let plain = shape(lab, thrown(law, width, 0.0, 0.0), 0.0)?;
        let turned = shape(lab, thrown(law, width, quarter, quarter), quarter)?;
        let wrong = shape(lab, thrown(law, width, quarter, 0.0), quarter)?;
        let check = |other| {
            let what = format!("scene turned by 90 degrees, {}, relative", kind.name());
            Check::at_most(&what, difference(other, &plain), QUARTER_TURN_TOLERANCE)
        };
        checks.push(check(&turned));
        checks.push(check(&wrong).control("gravity not turned with it"));
    }
    Ok(checks)
}

fn oblique_turn(lab: &Lab) -> Result<([Check; 2], Plot), SimulationError> {
    let turn = 37f64.to_radians();
    let widths: &[f64] = if lab.quick { &[0.04, 0.02] } else { &[0.04, 0.02, 0.01] };
    let mut right = Vec::new();
    let mut wrong = Vec::new();
    for &width in widths {
        let plain = shape(lab, thrown(SOFT, width, 0.0, 0.0), 0.0)?;
        let turned = shape(lab, thrown(SOFT, width, turn, turn), turn)?;
        let mixed = shape(lab, thrown(SOFT, width, turn, turn * 0.98), turn)?;
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

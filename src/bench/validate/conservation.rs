//! Law 1: two elastic balls fly, collide off centre and part. Mass is exact; momentum and angular
//! momentum stay; the energy never rises above what it was.

use super::check::{Check, Plot, Report};
use super::lab::Lab;
use crate::bench::setup::Setup;
use crate::model::{Law, Model};
use crate::mpm::diagnostics::{Totals, totals};
use crate::mpm::simulator::SimulationError;
use std::sync::Arc;

const SPEED: f64 = 1.0;
const RADIUS: f64 = 0.1;
const SECS: f64 = 0.5;

/// Relative to the sum of the sizes of all particles' momenta: round-off of f32 sums.
const MOMENTUM_TOLERANCE: f64 = 1e-5;
const ANGULAR_TOLERANCE: f64 = 1e-4;
/// Share of the initial energy: round-off, and the half substep by which velocities and
/// deformations are apart.
const ENERGY_TOLERANCE: f64 = 1e-4;

/// Two balls on crossing courses; the second is lighter, so that the total momentum is not zero.
fn balls(cell_width: f64, gravity: [f64; 3]) -> Arc<Model> {
    let law = Law::Elastic { young_modulus: 1e5, poisson_ratio: 0.3 };
    let ball = |setup: Setup, center: [f64; 3], density: f64, velocity: [f64; 3]| {
        let bounds = [center.map(|c| c - RADIUS), center.map(|c| c + RADIUS)];
        let inside = |x: [f64; 3]| {
            (0..3).map(|a| (x[a] - center[a]).powi(2)).sum::<f64>() <= RADIUS * RADIUS
        };
        setup.body(density, law, bounds, inside).moving(|_| velocity, |_| [[0.0; 3]; 3])
    };
    let setup = Setup::new("two balls", cell_width).gravity(gravity);
    let setup = ball(setup, [-0.2, 0.03, 0.0], 1000.0, [SPEED, 0.0, 0.0]);
    ball(setup, [0.2, -0.03, 0.02], 500.0, [-SPEED, 0.0, 0.2]).build(3.0 * SPEED)
}

struct Drift {
    mass: f64,
    momentum: f64,
    angular_momentum: f64,
    energy_excess: f64,
    energy_loss: f64,
    energy: Vec<[f64; 2]>,
}

fn fly(lab: &Lab, model: Arc<Model>) -> Result<Drift, SimulationError> {
    let mut experiment = lab.experiment(Arc::clone(&model), SECS)?;
    let start = totals(&model, &experiment.state()?);
    let seen = experiment.watch(SECS, 50, |e| Ok(totals(&model, &e.state()?)))?;

    let linear_scale: f64 = scale(&model, |p| model.initial.v[p].norm_squared().sqrt());
    let lever = |p: usize| {
        let x = model.initial.world_position(p, model.cell_width, model.origin);
        x.iter().map(|x| x * x).sum::<f64>().sqrt()
    };
    let angular_scale = scale(&model, |p| lever(p) * model.initial.v[p].norm_squared().sqrt());
    let worst = |f: &dyn Fn(&Totals) -> f64| seen.iter().map(|(_, t)| f(t)).fold(0.0, f64::max);
    let end = seen.last().map_or(start, |(_, totals)| *totals);
    Ok(Drift {
        mass: worst(&|t| (t.mass - start.mass).abs()),
        momentum: worst(&|t| distance(t.momentum, start.momentum)) / linear_scale,
        angular_momentum: worst(&|t| distance(t.angular_momentum, start.angular_momentum))
            / angular_scale,
        energy_excess: worst(&|t| t.energy() / start.energy() - 1.0),
        energy_loss: 1.0 - end.energy() / start.energy(),
        energy: seen.iter().map(|(t, totals)| [*t, totals.energy()]).collect(),
    })
}

/// Sum over the particles of mass times something.
fn scale(model: &Model, of: impl Fn(usize) -> f64) -> f64 {
    model.particles.mass.iter().enumerate().map(|(p, mass)| mass * of(p)).sum()
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

fn checks(drift: &Drift) -> [Check; 4] {
    [
        Check::at_most("drift of mass [kg]", drift.mass, 0.0),
        Check::at_most("drift of momentum, relative", drift.momentum, MOMENTUM_TOLERANCE),
        Check::at_most(
            "drift of angular momentum, relative",
            drift.angular_momentum,
            ANGULAR_TOLERANCE,
        ),
        Check::at_most("rise of energy, relative", drift.energy_excess, ENERGY_TOLERANCE),
    ]
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let cell_width = if lab.quick { 0.025 } else { 0.02 };
    let free = fly(lab, balls(cell_width, [0.0; 3]))?;
    // A force that acts on the balls and on nothing else, 1e-3 g.
    let pulled = fly(lab, balls(cell_width, [0.0, 0.0, -0.01]))?;
    let [_, momentum, angular, _] = checks(&pulled);

    let mut checks = checks(&free).to_vec();
    checks.push(momentum.control("a force of 1e-3 g"));
    checks.push(angular.control("a force of 1e-3 g"));
    checks.push(heated(lab, cell_width)?);
    Ok(Report {
        checks,
        remarks: vec![format!(
            "the collision turns {:.1} % of the energy into heat of the grid",
            100.0 * free.energy_loss
        )],
        plot: Some(
            Plot::new("Two colliding balls", "time [s]", "energy [J]").line("total", free.energy),
        ),
    })
}

/// The energy check must reject balls that gain energy: here their stress is taken as if the
/// material were compressed at the start, without that energy being counted.
fn heated(lab: &Lab, cell_width: f64) -> Result<Check, SimulationError> {
    let honest = balls(cell_width, [0.0; 3]);
    let mut squeezed = Model::clone(&honest);
    for f in &mut squeezed.initial.f {
        *f = *f * 0.98;
    }
    let mut experiment = lab.experiment(Arc::new(squeezed), SECS)?;
    let start = totals(&honest, &honest.initial).energy();
    let seen = experiment.watch(SECS, 50, |e| Ok(totals(&honest, &e.state()?).energy()))?;
    let excess = seen.iter().map(|(_, energy)| energy / start - 1.0).fold(0.0, f64::max);
    let check = Check::at_most("rise of energy, relative", excess, ENERGY_TOLERANCE);
    Ok(check.control("stored energy that was not counted"))
}

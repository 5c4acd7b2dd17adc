//! How well a task was done: a number in [0, 1] from the first and the last state.

use super::{Resolve, Subject};
use crate::model::Model;
use crate::mpm::simulator::Observation;
use crate::scene::{self, KeyPath, SceneError};
use std::ops::Range;

/// What is scored; 0 is doing nothing, 1 is solved.
#[derive(Clone, Debug, PartialEq)]
pub enum Score {
    /// `1 - d/d0`, d the distance of the centre of mass from the goal [m], d0 that at the start.
    DistanceToGoal { of: Subject, goal: [f64; 3] },
    /// `s/reference`, s the displacement of the centre of mass along a unit direction [m].
    Displacement { of: Subject, direction: [f64; 3], reference: f64 },
}

pub(super) fn compile(resolve: &Resolve, score: &scene::Score) -> Result<Score, SceneError> {
    let at = KeyPath::root("task").key("score");
    let compiled = match score {
        scene::Score::DistanceToGoal { body, goal } => Score::DistanceToGoal {
            of: resolve.started(&at, body)?,
            goal: resolve.point(&at, "goal", *goal)?,
        },
        scene::Score::Displacement { body, direction, reference } => {
            if !(*reference > 0.0 && reference.is_finite()) {
                let message = format!("`reference` is {reference}; it must be finite and > 0 [m]");
                return Err(resolve.scene.error(&at.key("reference"), message));
            }
            Score::Displacement {
                of: resolve.started(&at, body)?,
                direction: resolve.direction(&at, "direction", *direction)?,
                reference: *reference,
            }
        }
    };
    if let Score::DistanceToGoal { of, goal } = &compiled
        && distance(start_centre(resolve.model, of), *goal) == 0.0
    {
        let message = "the body starts at the goal: nothing is left to score";
        return Err(resolve.scene.error(&at.key("goal"), message));
    }
    Ok(compiled)
}

impl Score {
    /// In [0, 1].
    pub fn value(&self, model: &Model, last: &Observation) -> f64 {
        self.raw(model, last).clamp(0.0, 1.0)
    }

    /// Before it is clamped: negative if the body went the wrong way, above 1 if it did more than
    /// was asked.
    pub fn raw(&self, model: &Model, last: &Observation) -> f64 {
        match self {
            Score::DistanceToGoal { of, goal } => {
                let (start, end) = (start_centre(model, of), end_centre(model, of, last));
                1.0 - distance(end, *goal) / distance(start, *goal)
            }
            Score::Displacement { of, direction, reference } => {
                let (start, end) = (start_centre(model, of), end_centre(model, of, last));
                (0..3).map(|a| (end[a] - start[a]) * direction[a]).sum::<f64>() / reference
            }
        }
    }
}

/// Where the scene puts the centre of mass [m].
pub(super) fn start_centre(model: &Model, of: &Subject) -> [f64; 3] {
    let (start, h, origin) = (&model.initial, model.cell_width, model.origin);
    match of {
        Subject::Particles(particles) => {
            let mass = |p| if start.is_present(p) { model.particles.mass[p] } else { 0.0 };
            centre(particles, mass, |p| start.world_position(p, h, origin))
        }
        Subject::RigidBody(body) => start.rigid[*body].world_position(h, origin),
    }
}

fn end_centre(model: &Model, of: &Subject, last: &Observation) -> [f64; 3] {
    match of {
        Subject::Particles(particles) => {
            let now = &last.particles(model).mass;
            let mass = |p| if last.is_present(p) { now[p] } else { 0.0 };
            centre(&last.range_now(model, particles), mass, |p| last.x[p])
        }
        Subject::RigidBody(body) => {
            last.rigid[*body].world_position(model.cell_width, model.origin)
        }
    }
}

/// Zero if all of it is gone.
fn centre(
    particles: &Range<usize>,
    mass: impl Fn(usize) -> f64,
    position: impl Fn(usize) -> [f64; 3],
) -> [f64; 3] {
    let (mut sum, mut total) = ([0.0; 3], 0.0);
    for p in particles.clone() {
        let (m, x) = (mass(p), position(p));
        total += m;
        for a in 0..3 {
            sum[a] += m * x[a];
        }
    }
    if total == 0.0 { sum } else { sum.map(|s| s / total) }
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

//! `softscape gradient --check K`: the derivative along random directions against differences.
//!
//! Differences are taken of the f64 twin, whatever device computed the gradient: those of an f32
//! run drown in its round-off. Each direction is tried with steps of 1e-3 to 1e-6 of its scale
//! (half the range of an action; a tenth of a cell, 1 m/s; the value of a material parameter), and
//! the step counts at which the difference agrees best with that of the next smaller one. The
//! choice does not look at the gradient.

use super::Outcome;
use super::error::CliError;
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Progress;
use crate::math::Vec3;
use crate::model::Model;
use crate::mpm::state::{RigidCotangent, State, split_position};
use crate::mpm::twin::{Precision, simulator};
use crate::rollout::{
    Controls, Derivative, RigidDerivative, Rollout, RolloutError, Settings, evaluate,
};
use crate::task::Task;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::sync::Arc;

const STEPS: [f64; 4] = [1e-3, 1e-4, 1e-5, 1e-6];

/// Where the gradient was taken.
#[derive(Clone, Copy)]
pub struct Point<'a> {
    pub model: &'a Arc<Model>,
    pub task: &'a Task,
    pub controls: &'a Controls,
}

/// A direction in one kind of input.
enum Direction {
    Controls(Vec<f64>),
    /// Positions [m] and velocities [m/s]; and motions of the rigid bodies.
    Initial(Vec<[[f64; 3]; 2]>, Vec<RigidCotangent<f64>>),
    Materials(Vec<Vec<f64>>),
}

/// Prints a record for each of `count` directions in each kind of input.
pub fn check(
    point: Point,
    derivative: &Derivative,
    count: usize,
    seed: u64,
    interrupt: &Interrupt,
    output: Output,
) -> miette::Result<Outcome> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let kinds: [(&str, fn(&Point, &mut ChaCha8Rng) -> Direction); 3] = [
        ("controls", along_controls),
        ("initial state", along_initial),
        ("materials", along_materials),
    ];
    let bar = Progress::new("check", (count * kinds.len() * STEPS.len()) as u64);
    let mut done = 0;
    for (kind, draw) in kinds {
        for index in 0..count {
            let direction = draw(&point, &mut random);
            let mut differences = [0.0; STEPS.len()];
            for (difference, step) in differences.iter_mut().zip(STEPS) {
                match central_difference(&point, &direction, step, interrupt) {
                    Ok(value) => *difference = value,
                    Err(RolloutError::Cancelled) => return Ok(Outcome::Interrupted),
                    Err(error) => return Err(CliError::from(error).into()),
                }
                done += 1;
                bar.reach(done);
            }
            let best = most_settled(&differences);
            let exact = direction.dot(derivative);
            let difference = differences[best];
            output.record(&json!({
                "check": kind,
                "direction": index,
                "by_gradient": exact,
                "by_differences": difference,
                "step": STEPS[best],
                "relative_error": (exact - difference).abs() / difference.abs().max(f64::MIN_POSITIVE),
            }));
        }
    }
    Ok(Outcome::Done)
}

/// The later of the two neighbours that differ least.
fn most_settled(differences: &[f64]) -> usize {
    let gap = |i: &usize| (differences[*i] - differences[i - 1]).abs();
    (1..differences.len()).min_by(|a, b| gap(a).total_cmp(&gap(b))).unwrap_or(0)
}

fn central_difference(
    point: &Point,
    direction: &Direction,
    step: f64,
    interrupt: &Interrupt,
) -> Result<f64, RolloutError> {
    let value = |step: f64| -> Result<f64, RolloutError> {
        let (model, initial, controls) = direction.moved(point, step);
        let mut twin = simulator(&model, Precision::F64)?;
        let mut settings = Settings { cancel: Some(interrupt.flag()), ..Settings::default() };
        let objective = &point.task.objective;
        let rollout = Rollout { model: &model, initial: &initial, controls: &controls, objective };
        Ok(evaluate(twin.as_mut(), rollout, &mut settings)?.value)
    };
    Ok((value(step)? - value(-step)?) / (2.0 * step))
}

fn along_controls(point: &Point, random: &mut ChaCha8Rng) -> Direction {
    let actions = &point.model.actions;
    let scale = |i: usize| {
        let channel = &actions[i % actions.len()];
        0.5 * (channel.upper - channel.lower)
    };
    let count = point.controls.values().len();
    Direction::Controls((0..count).map(|i| scale(i) * random.random_range(-1.0..1.0)).collect())
}

fn along_initial(point: &Point, random: &mut ChaCha8Rng) -> Direction {
    let mut vector = |scale: f64| std::array::from_fn(|_| scale * random.random_range(-1.0..1.0));
    let width = 0.1 * point.model.cell_width;
    let count = point.model.initial.particle_count();
    let particles = (0..count).map(|_| [vector(width), vector(1.0)]).collect();
    let bodies = (0..point.model.rigid_bodies.len()).map(|_| RigidCotangent {
        position: Vec3(vector(width)),
        rotation: Vec3(vector(1.0)),
        velocity: Vec3(vector(1.0)),
        angular_velocity: Vec3(vector(1.0)),
    });
    Direction::Initial(particles, bodies.collect())
}

fn along_materials(point: &Point, random: &mut ChaCha8Rng) -> Direction {
    let mut scaled = |value: f64| value * random.random_range(-1.0..1.0);
    let materials = point.model.materials.iter();
    Direction::Materials(
        materials.map(|m| m.law.parameters().iter().map(|p| scaled(p.value)).collect()).collect(),
    )
}

impl Direction {
    fn dot(&self, derivative: &Derivative) -> f64 {
        let dot = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        match self {
            Direction::Controls(d) => d.iter().zip(&derivative.controls).map(|(d, g)| d * g).sum(),
            Direction::Initial(list, bodies) => {
                let bars = derivative.initial_x.iter().zip(&derivative.initial_v);
                let particles = list.iter().zip(bars);
                let body = |(by, bar): (&RigidCotangent<f64>, &RigidDerivative)| {
                    by.position.dot(bar.motion.position)
                        + by.rotation.dot(bar.motion.rotation)
                        + by.velocity.dot(bar.motion.velocity)
                        + by.angular_velocity.dot(bar.motion.angular_velocity)
                };
                particles.map(|([x, v], (gx, gv))| dot(x, gx) + dot(v, gv)).sum::<f64>()
                    + bodies.iter().zip(&derivative.rigid).map(body).sum::<f64>()
            }
            Direction::Materials(list) => {
                let bars = derivative.materials.iter().flatten();
                list.iter().flatten().zip(bars).map(|(d, bar)| d * bar.value).sum()
            }
        }
    }

    /// The inputs `step` along this direction.
    fn moved(&self, point: &Point, step: f64) -> (Arc<Model>, State<f64>, Controls) {
        let mut model = Arc::clone(point.model);
        let (mut initial, mut controls) = (model.initial.clone(), point.controls.clone());
        match self {
            Direction::Controls(d) => {
                // Bounds are the optimiser's: a difference may look past them.
                let mut free = Model::clone(&model);
                for channel in &mut free.actions {
                    (channel.lower, channel.upper) = (f64::NEG_INFINITY, f64::INFINITY);
                }
                model = Arc::new(free);
                controls.values_mut().iter_mut().zip(d).for_each(|(value, d)| *value += step * d);
            }
            Direction::Initial(list, bodies) => {
                for (motion, by) in initial.rigid.iter_mut().zip(bodies) {
                    *motion = motion.moved(&by.scaled(step), model.cell_width);
                }
                for (p, [x, v]) in list.iter().enumerate() {
                    for a in 0..3 {
                        let cells = initial.offset[p][a] + step * x[a] / model.cell_width;
                        let (carry, offset) = split_position(cells);
                        initial.cell[p][a] += carry;
                        initial.offset[p][a] = offset;
                        initial.v[p][a] += step * v[a];
                    }
                }
            }
            Direction::Materials(list) => {
                let mut other = Model::clone(&model);
                for (material, by) in other.materials.iter_mut().zip(list) {
                    for (parameter, by) in material.law.parameters().iter().zip(by) {
                        let value = parameter.value + step * by;
                        if let Some(law) = material.law.with_parameter(parameter.name, value) {
                            material.law = law;
                        }
                    }
                }
                model = Arc::new(other);
            }
        }
        (model, initial, controls)
    }
}

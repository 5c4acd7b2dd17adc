//! `softscape gradient --check K`: the derivative along random directions against differences.
//!
//! Differences are taken of the f64 twin, whatever device computed the gradient: those of an f32
//! run drown in its round-off. Each direction is tried with steps of 1e-3 to 1e-8 of its scale
//! (half the range of an action; a tenth of a cell, 1 m/s; the value of a material parameter), and
//! the largest counts whose difference agrees, within round-off, with those of smaller ones. The choice
//! does not look at the gradient.
//!
//! A start at rest often sits on a kink: where nothing moves, every node beside a collider neither
//! approaches nor leaves it, and contact begins with a step to one side. No derivative exists there;
//! the gradient is that of the branches that the run took. Where left and right derivative differ along
//! any direction in a kind of input, its records say so, and the kind is checked again beside that
//! point, where nothing is exactly at rest. (Along a single direction several kinks can make left and
//! right the same, and both different from the branch.)

use super::Outcome;
use super::error::CliError;
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Progress;
use crate::math::{Differences, Vec3};
use crate::model::Model;
use crate::mpm::state::{RigidCotangent, State, split_position};
use crate::mpm::twin::{Precision, simulator};
use crate::rollout::{Controls, Derivative, Rollout, RolloutError, Settings, evaluate};
use crate::task::Task;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::sync::Arc;

const STEPS: [f64; 6] = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8];

/// How far beside a point with kinks the check is made again, in the scales of the directions: small
/// against what a task does, far from what differences step over.
const BESIDE: f64 = 0.02;

/// Where the gradient was taken.
#[derive(Clone)]
pub struct Point<'a> {
    pub model: &'a Arc<Model>,
    pub task: &'a Task,
    pub initial: State<f64>,
    pub controls: Controls,
}

/// A kind of input; its directions are flat lists of numbers.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Controls,
    /// Position [m] and velocity [m/s] by particle; then position, rotation, velocity and angular
    /// velocity by rigid body.
    Initial,
    /// Parameters by material.
    Materials,
}

/// The derivative at a point, on the device under test.
pub type Differentiate<'a> = &'a mut dyn FnMut(&Point) -> Result<Derivative, RolloutError>;

/// Prints a record for each of `count` directions in each kind of input; where kinks were met, again
/// beside them.
pub fn check(
    point: &Point,
    derivative: &Derivative,
    differentiate: Differentiate,
    (count, seed): (usize, u64),
    interrupt: &Interrupt,
    output: Output,
) -> miette::Result<Outcome> {
    let mut run = || -> Result<(), RolloutError> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let check = Check { interrupt, output, count };
        let is_driven = |collider: usize| {
            point.model.actions.iter().any(|action| action.target.drives(collider))
        };
        if point.model.levels.count() > 1
            && !point.model.levels.moves_in_gradients()
            && point.model.levels.agents.iter().any(|agent| is_driven(agent.collider))
        {
            output.note(
                "the levels follow what is driven, and the derivative by the controls leaves that out, as it does \
                 by default: `through_agents = true` in `[levels]` counts it",
            );
        }
        let at_kinks = check.compare("given", point, derivative, &Kind::ALL, &mut random)?;
        if at_kinks.is_empty() {
            return Ok(());
        }
        output.note(
            "no derivative exists along some directions: left and right ones differ (contact or \
             yield about to begin); checked again a little beside the given point",
        );
        let beside = point.beside(&mut random);
        let derivative = differentiate(&beside)?;
        check.compare("beside", &beside, &derivative, &at_kinks, &mut random)?;
        Ok(())
    };
    match run() {
        Ok(()) => Ok(Outcome::Done),
        Err(RolloutError::Cancelled) => Ok(Outcome::Interrupted),
        Err(error) => Err(CliError::from(error).into()),
    }
}

/// How to check.
struct Check<'a> {
    interrupt: &'a Interrupt,
    output: Output,
    /// Directions of each kind.
    count: usize,
}

impl Check<'_> {
    /// Compares at a point, and gives the kinds of input in which kinks were met.
    fn compare(
        &self,
        name: &str,
        point: &Point,
        derivative: &Derivative,
        kinds: &[Kind],
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<Kind>, RolloutError> {
        let values = self.count * kinds.len() * (2 * STEPS.len() + 1);
        let bar = Progress::new("check", values as u64);
        let mut done = 0;
        let mut at_kinks = Vec::new();
        for &kind in kinds {
            let mut found = Vec::with_capacity(self.count);
            for _ in 0..self.count {
                let direction = kind.direction(point, derivative, random);
                let differences = Differences::of(&STEPS, |step| {
                    done += 1;
                    bar.reach(done);
                    let by: Vec<f64> = direction.iter().map(|d| step * d).collect();
                    self.objective(point, kind.moved(point, &by))
                })?;
                found.push((dot(&direction, &kind.gradient(derivative)), differences));
            }
            let kink = found.iter().any(|(_, differences)| differences.kink);
            if kink {
                at_kinks.push(kind);
            }
            for (index, (exact, found)) in found.into_iter().enumerate() {
                let found = Differences { kink, ..found };
                self.output.record(&json!({
                    "check": kind.name(),
                    "point": name,
                    "direction": index,
                    "by_gradient": exact,
                    "by_differences": found.central,
                    "from_left": found.left,
                    "from_right": found.right,
                    "step": found.step,
                    "uncertainty": found.uncertainty / found.central.abs().max(f64::MIN_POSITIVE),
                    "kink": kink,
                    "relative_error": found.relative_error(exact),
                }));
            }
        }
        Ok(at_kinks)
    }

    fn objective(
        &self,
        point: &Point,
        (model, initial, controls): (Arc<Model>, State<f64>, Controls),
    ) -> Result<f64, RolloutError> {
        let mut twin = simulator(&model, Precision::F64)?;
        let mut settings = Settings { cancel: Some(self.interrupt.flag()), ..Settings::default() };
        let objective = &point.task.objective;
        let rollout = Rollout { model: &model, initial: &initial, controls: &controls, objective };
        Ok(evaluate(twin.as_mut(), rollout, &mut settings)?.value)
    }
}

impl Point<'_> {
    /// What is run there.
    pub fn rollout(&self) -> Rollout<'_> {
        Rollout {
            model: self.model,
            initial: &self.initial,
            controls: &self.controls,
            objective: &self.task.objective,
        }
    }

    /// A point nearby at which nothing is exactly at rest.
    fn beside(&self, random: &mut ChaCha8Rng) -> Self {
        let mut by = |kind: Kind| -> Vec<f64> {
            kind.scales(self).iter().map(|s| BESIDE * s * random.random_range(-1.0..1.0)).collect()
        };
        let (_, _, mut controls) = Kind::Controls.moved(self, &by(Kind::Controls));
        // Where bounds hold a value, the other side is as near.
        let channels = &self.model.actions;
        for (i, (moved, given)) in
            controls.values_mut().iter_mut().zip(self.controls.values()).enumerate()
        {
            let channel = &channels[i % channels.len()];
            if !(channel.lower..=channel.upper).contains(moved) {
                *moved = 2.0 * given - *moved;
            }
        }
        let (_, initial, _) = Kind::Initial.moved(self, &by(Kind::Initial));
        Self { initial, controls, ..*self }
    }
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Controls, Kind::Initial, Kind::Materials];

    fn name(self) -> &'static str {
        match self {
            Kind::Controls => "controls",
            Kind::Initial => "initial state",
            Kind::Materials => "materials",
        }
    }

    /// A change of each input that is about equally large.
    fn scales(self, point: &Point) -> Vec<f64> {
        let model = point.model;
        match self {
            Kind::Controls => {
                let half = model.actions.iter().map(|c| 0.5 * (c.upper - c.lower));
                half.cycle().take(point.controls.values().len()).collect()
            }
            Kind::Initial => {
                let width = 0.1 * model.cell_width;
                let particles = [[width; 3], [1.0; 3]].repeat(point.initial.particle_count());
                let bodies = [[width; 3], [1.0; 3], [1.0; 3], [1.0; 3]];
                let bodies = bodies.repeat(model.rigid_bodies.len());
                particles.into_iter().chain(bodies).flatten().collect()
            }
            Kind::Materials => {
                let parameters = model.materials.iter().flat_map(|m| m.law.parameters());
                parameters.map(|p| p.value).collect()
            }
        }
    }

    /// The part of a derivative that is by this kind.
    fn gradient(self, derivative: &Derivative) -> Vec<f64> {
        match self {
            Kind::Controls => derivative.controls.clone(),
            Kind::Initial => {
                let particles = derivative.initial_x.iter().zip(&derivative.initial_v);
                let bodies = derivative.rigid.iter().flat_map(|bar| {
                    let RigidCotangent { position, rotation, velocity, angular_velocity } =
                        bar.motion;
                    [position.0, rotation.0, velocity.0, angular_velocity.0]
                });
                particles.flat_map(|(x, v)| [*x, *v]).chain(bodies).flatten().collect()
            }
            Kind::Materials => derivative.materials.iter().flatten().map(|bar| bar.value).collect(),
        }
    }

    /// A random direction, turned towards the gradient, so that the derivative along it is no small
    /// difference of large numbers.
    fn direction(
        self,
        point: &Point,
        derivative: &Derivative,
        random: &mut ChaCha8Rng,
    ) -> Vec<f64> {
        let scales = self.scales(point);
        let mut direction: Vec<f64> =
            scales.iter().map(|_| random.random_range(-1.0..1.0)).collect();
        let gradient: Vec<f64> =
            self.gradient(derivative).iter().zip(&scales).map(|(g, s)| g * s).collect();
        let norm = |v: &[f64]| dot(v, v).sqrt();
        if norm(&gradient) > 0.0 {
            // To the side on which the random part lies: of a single number the two would cancel.
            let towards = norm(&direction) / norm(&gradient);
            let towards = towards.copysign(dot(&direction, &gradient));
            direction.iter_mut().zip(&gradient).for_each(|(d, g)| *d += towards * g);
        }
        direction.iter().zip(&scales).map(|(d, s)| d * s).collect()
    }

    /// The inputs, moved by so much.
    fn moved(self, point: &Point, by: &[f64]) -> (Arc<Model>, State<f64>, Controls) {
        let mut model = Arc::clone(point.model);
        let (mut initial, mut controls) = (point.initial.clone(), point.controls.clone());
        match self {
            Kind::Controls => {
                // Bounds are the optimiser's: a difference may look past them.
                let mut free = Model::clone(&model);
                for channel in &mut free.actions {
                    (channel.lower, channel.upper) = (f64::NEG_INFINITY, f64::INFINITY);
                }
                model = Arc::new(free);
                controls.values_mut().iter_mut().zip(by).for_each(|(value, by)| *value += by);
            }
            Kind::Initial => {
                let vector = |at: usize| Vec3(std::array::from_fn(|a| by[3 * at + a]));
                let count = initial.particle_count();
                for p in 0..count {
                    for a in 0..3 {
                        let moved = vector(2 * p)[a] / model.cell_width;
                        let (carry, offset) = split_position(initial.offset[p][a] + moved);
                        initial.cell[p][a] += carry;
                        initial.offset[p][a] = offset;
                    }
                    initial.v[p] += vector(2 * p + 1);
                }
                for (b, motion) in initial.rigid.iter_mut().enumerate() {
                    let first = 2 * count + 4 * b;
                    let change = RigidCotangent {
                        position: vector(first),
                        rotation: vector(first + 1),
                        velocity: vector(first + 2),
                        angular_velocity: vector(first + 3),
                    };
                    *motion = motion.moved(&change, model.cell_width);
                }
            }
            Kind::Materials => {
                let mut other = Model::clone(&model);
                let mut by = by.iter();
                for material in &mut other.materials {
                    for (parameter, by) in material.law.parameters().iter().zip(&mut by) {
                        let value = parameter.value + by;
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

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

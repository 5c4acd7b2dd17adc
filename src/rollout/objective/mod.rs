//! What a rollout is asked for: a weighted sum of terms, minimised, each with its adjoint.
//!
//! A term looks either at positions and velocities of some particles or of a rigid body, at the end
//! or after every control step, or at the controls themselves. State terms are additive over time, so that a
//! reverse pass needs one observation at a time.

mod centre;
mod controls;
mod density;
mod sensors;
mod targets;

pub use controls::ControlMeasure;
pub use density::DensityTarget;

use super::Controls;
use super::sensor::{Moment, MomentBar, Sensor};
use crate::agents::PoseCotangent;
use crate::model::Model;
use crate::mpm::simulator::{Observation, ObservationCotangent, RigidGradient};
use crate::mpm::state::RigidCotangent;
use std::borrow::Cow;
use std::ops::Range;
use thiserror::Error;

/// A weighted sum of terms, minimised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objective {
    pub terms: Vec<Term>,
}

/// `weight * measure`.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub name: String,
    /// In the inverse of the measure's unit, so that terms can be added.
    pub weight: f64,
    pub kind: TermKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TermKind {
    /// A measure of some particles.
    State { measure: Measure, particles: Range<usize>, when: When },
    /// Mean squared difference of what a sensor gives from a target, in the square of its unit.
    Sensor { sensor: Sensor, target: Vec<f64>, when: When },
    /// A measure of a free rigid body: its centre of mass in place of particles.
    Rigid { measure: Measure, body: usize, when: When },
    /// A measure of the controls.
    Controls(ControlMeasure),
}

/// When a state term acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After the last control step.
    End,
    /// The mean over the ends of all control steps.
    Along,
}

/// A differentiable number from the positions and velocities of some particles.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// Squared distance [m²] of the centre of mass from a point [m], along the chosen axes.
    CentreToPoint { point: [f64; 3], axes: [bool; 3] },
    /// Minus the velocity of the centre of mass along a direction [m/s]: smaller is faster.
    CentreVelocity { direction: [f64; 3] },
    /// Minus the way [m] of the centre of mass along a direction from a point [m].
    CentreDisplacement { from: [f64; 3], direction: [f64; 3] },
    /// Mean squared distance [m²] of the particles from their own targets [m], by mass.
    ParticlesToTargets { targets: Vec<[f64; 3]> },
    /// Squared difference of the masses on a grid from a target's, relative to the target's [-].
    Density(DensityTarget),
}

/// Why an objective does not fit a model.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("objective term `{term}`: {problem}")]
pub struct ObjectiveError {
    pub term: String,
    pub problem: String,
}

/// What a state term looks at.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Particles(&'a Range<usize>),
    RigidBody(usize),
}

/// Some particles at one moment; slices of equal length. Those that are not there have no mass.
#[derive(Clone, Copy)]
struct Group<'a> {
    /// [kg]
    mass: &'a [f64],
    /// [m]
    x: &'a [[f64; 3]],
    /// [m/s]
    v: &'a [[f64; 3]],
}

/// Cotangents of a [`Group`], added to.
struct GroupBar<'a> {
    x: &'a mut [[f64; 3]],
    v: &'a mut [[f64; 3]],
}

impl Measure {
    fn value(&self, group: Group) -> f64 {
        match self {
            Measure::CentreToPoint { point, axes } => centre::distance(group, point, axes),
            Measure::CentreVelocity { direction } => centre::velocity(group, direction),
            Measure::CentreDisplacement { from, direction } => {
                centre::displacement(group, from, direction)
            }
            Measure::ParticlesToTargets { targets } => targets::distance(group, targets),
            Measure::Density(target) => target.mismatch(group),
        }
    }

    fn adj(&self, group: Group, value_bar: f64, bar: &mut GroupBar) {
        match self {
            Measure::CentreToPoint { point, axes } => {
                centre::distance_adj(group, point, axes, value_bar, bar)
            }
            Measure::CentreVelocity { direction } => {
                centre::velocity_adj(group, direction, value_bar, bar)
            }
            Measure::CentreDisplacement { direction, .. } => {
                centre::displacement_adj(group, direction, value_bar, bar)
            }
            Measure::ParticlesToTargets { targets } => {
                targets::distance_adj(group, targets, value_bar, bar)
            }
            Measure::Density(target) => target.mismatch_adj(group, value_bar, bar),
        }
    }

    fn check(&self, particle_count: usize) -> Result<(), String> {
        let finite = |v: &[f64; 3], what: &str| match v.iter().find(|c| !c.is_finite()) {
            Some(c) => Err(format!("{what} has the component {c}; it must be finite")),
            None => Ok(()),
        };
        let unit = |direction: &[f64; 3]| {
            finite(direction, "the direction")?;
            let length = direction.iter().map(|c| c * c).sum::<f64>().sqrt();
            if (length - 1.0).abs() > 1e-6 {
                return Err(format!("the direction has length {length}; it must be 1"));
            }
            Ok(())
        };
        match self {
            Measure::CentreToPoint { point, axes } => {
                if !axes.contains(&true) {
                    return Err("no axis is chosen".into());
                }
                finite(point, "the point")
            }
            Measure::CentreVelocity { direction } => unit(direction),
            Measure::CentreDisplacement { from, direction } => {
                finite(from, "the point")?;
                unit(direction)
            }
            Measure::ParticlesToTargets { targets } => {
                if targets.len() != particle_count {
                    return Err(format!(
                        "{} targets for {particle_count} particles; one for each is needed",
                        targets.len()
                    ));
                }
                targets.iter().enumerate().try_for_each(|(i, t)| finite(t, &format!("target {i}")))
            }
            Measure::Density(target) => target.check(),
        }
    }
}

/// Derivatives by what a moment knows beside the observation; added to.
pub(super) struct Beside<'a> {
    pub poses: &'a mut [PoseCotangent],
    pub rigid_before: &'a mut [RigidCotangent<f64>],
    pub rigid_masses: &'a mut [RigidGradient],
}

impl Objective {
    /// That every term fits the model.
    pub fn check(&self, model: &Model) -> Result<(), ObjectiveError> {
        for term in &self.terms {
            let failed = |problem| Err(ObjectiveError { term: term.name.clone(), problem });
            if !term.weight.is_finite() {
                return failed(format!("the weight is {}; it must be finite", term.weight));
            }
            let checked = match &term.kind {
                TermKind::State { measure, particles, .. } => {
                    let count = model.particles.mass.len();
                    if particles.is_empty() || particles.end > count {
                        return failed(format!(
                            "particles {} .. {} are none or not among the {count} of the model",
                            particles.start, particles.end
                        ));
                    }
                    if model.levels.changes()
                        && matches!(measure, Measure::ParticlesToTargets { .. })
                    {
                        return failed(
                            "particles that levels split and merge have no targets of their own;                              take a density or a centre of mass"
                                .into(),
                        );
                    }
                    measure.check(particles.len())
                }
                TermKind::Sensor { sensor, target, .. } => sensors::check(sensor, target, model),
                TermKind::Rigid { measure, body, .. } => {
                    let count = model.rigid_bodies.len();
                    if *body >= count {
                        return failed(format!(
                            "rigid body {body} is not among the {count} of the model"
                        ));
                    }
                    measure.check(1)
                }
                TermKind::Controls(measure) => measure.check(model.actions.len()),
            };
            if let Err(problem) = checked {
                return failed(problem);
            }
        }
        Ok(())
    }

    /// Whether the state is looked at at every control step.
    pub fn acts_along(&self) -> bool {
        // A wrench on a body, even the last one, is the change over a control step.
        if self.needs_rigid_before() {
            return true;
        }
        self.terms.iter().any(|term| match &term.kind {
            TermKind::State { when, .. } | TermKind::Rigid { when, .. } => *when == When::Along,
            TermKind::Sensor { sensor, when, .. } => {
                *when == When::Along && !sensor.needs_wrenches()
            }
            TermKind::Controls(_) => false,
        })
    }

    /// The terms of positions and velocities at one moment, weights included, as if the horizon ended
    /// there; what sensors give is not among them.
    pub fn state_value(&self, model: &Model, observation: &Observation) -> f64 {
        let term_value = |term: &Term| match term.looks() {
            Some((measure, subject, _)) => {
                term.weight * Sight::of(model, observation, subject).value(measure)
            }
            None => 0.0,
        };
        self.terms.iter().map(term_value).sum()
    }

    /// Adds to `values[term]` what an observation after `done` of `control_steps` control steps
    /// contributes, weights included.
    pub(super) fn add_state_values(
        &self,
        moment: Moment,
        done: usize,
        control_steps: usize,
        values: &mut [f64],
    ) {
        let Moment { model, observation, .. } = moment;
        for (term, value) in self.terms.iter().zip(values) {
            if let Some((measure, subject, when)) = term.looks()
                && let Some(share) = when.share(done, control_steps)
            {
                let sight = Sight::of(model, observation, subject);
                *value += term.weight * share * sight.value(measure);
            }
            if let TermKind::Sensor { sensor, target, when } = &term.kind
                && let Some(share) = when.share(done, control_steps)
                && !sensor.needs_wrenches()
            {
                *value += term.weight * share * sensors::misfit(sensor, target, moment);
            }
        }
    }

    /// Derivative of the objective by that observation; adds those by all else.
    pub(super) fn state_adj(
        &self,
        moment: Moment,
        done: usize,
        control_steps: usize,
        beside: Beside,
    ) -> ObservationCotangent {
        let Moment { model, observation, .. } = moment;
        let count = observation.x.len();
        let mut bar = ObservationCotangent {
            x: vec![[0.0; 3]; count],
            v: vec![[0.0; 3]; count],
            rigid: vec![RigidCotangent::zero(); observation.rigid.len()],
        };
        for term in &self.terms {
            if let Some((measure, subject, when)) = term.looks()
                && let Some(share) = when.share(done, control_steps)
            {
                let sight = Sight::of(model, observation, subject);
                sight.adj(measure, term.weight * share, subject, &mut bar);
            }
            if let TermKind::Sensor { sensor, target, when } = &term.kind
                && let Some(share) = when.share(done, control_steps)
                && !sensor.needs_wrenches()
            {
                let mut bar = MomentBar {
                    observation: &mut bar,
                    poses: beside.poses,
                    wrenches: &mut [],
                    rigid_before: beside.rigid_before,
                    rigid_masses: beside.rigid_masses,
                };
                sensors::misfit_adj(sensor, target, moment, term.weight * share, &mut bar);
            }
        }
        bar
    }

    /// Adds to `values[term]` what the controls contribute.
    pub(super) fn add_control_values(&self, controls: &Controls, values: &mut [f64]) {
        for (term, value) in self.terms.iter().zip(values) {
            if let TermKind::Controls(measure) = &term.kind {
                *value += term.weight * measure.value(controls);
            }
        }
    }

    /// Adds the control terms' derivative to `bar`, shaped like the controls' values.
    pub(super) fn add_controls_adj(&self, controls: &Controls, bar: &mut [f64]) {
        for term in &self.terms {
            if let TermKind::Controls(measure) = &term.kind {
                measure.adj(controls, term.weight, bar);
            }
        }
    }
}

impl When {
    /// Share of an observation in the measure.
    fn share(self, done: usize, control_steps: usize) -> Option<f64> {
        match self {
            When::End => (done == control_steps).then_some(1.0),
            When::Along => Some(1.0 / control_steps as f64),
        }
    }
}

impl Term {
    /// The measure, what it looks at and when, of a term that looks at the state.
    fn looks(&self) -> Option<(&Measure, Subject<'_>, When)> {
        match &self.kind {
            TermKind::State { measure, particles, when } => {
                Some((measure, Subject::Particles(particles), *when))
            }
            TermKind::Rigid { measure, body, when } => {
                Some((measure, Subject::RigidBody(*body), *when))
            }
            TermKind::Sensor { .. } | TermKind::Controls(_) => None,
        }
    }
}

/// A subject as a measure sees it; a rigid body as one particle at its centre of mass.
enum Sight<'a> {
    Particles { mass: Cow<'a, [f64]>, x: &'a [[f64; 3]], v: &'a [[f64; 3]], now: Range<usize> },
    RigidBody { mass: f64, x: [f64; 3], v: [f64; 3] },
}

impl<'a> Sight<'a> {
    fn of(model: &'a Model, observation: &'a Observation, subject: Subject<'_>) -> Self {
        match subject {
            Subject::Particles(particles) => {
                let now = observation.range_now(model, particles);
                Sight::Particles {
                    mass: observation.weights(&observation.particles(model).mass, now.clone()),
                    x: &observation.x[now.clone()],
                    v: &observation.v[now.clone()],
                    now,
                }
            }
            Subject::RigidBody(body) => {
                let motion = &observation.rigid[body];
                Sight::RigidBody {
                    mass: model.rigid_bodies[body].mass,
                    x: motion.world_position(model.cell_width, model.origin),
                    v: motion.velocity.0,
                }
            }
        }
    }

    fn group(&self) -> Group<'_> {
        match self {
            Sight::Particles { mass, x, v, .. } => Group { mass, x, v },
            Sight::RigidBody { mass, x, v } => {
                use std::slice::from_ref;
                Group { mass: from_ref(mass), x: from_ref(x), v: from_ref(v) }
            }
        }
    }

    fn value(&self, measure: &Measure) -> f64 {
        measure.value(self.group())
    }

    fn adj(
        &self,
        measure: &Measure,
        value_bar: f64,
        subject: Subject<'_>,
        bar: &mut ObservationCotangent,
    ) {
        match (subject, self) {
            (Subject::RigidBody(body), _) => {
                let rigid = &mut bar.rigid[body];
                let (x, v) = (&mut rigid.position.0, &mut rigid.velocity.0);
                let (x, v) = (std::slice::from_mut(x), std::slice::from_mut(v));
                measure.adj(self.group(), value_bar, &mut GroupBar { x, v });
            }
            (_, Sight::Particles { now, .. }) => {
                let (x, v) = (&mut bar.x[now.clone()], &mut bar.v[now.clone()]);
                measure.adj(self.group(), value_bar, &mut GroupBar { x, v });
            }
            (Subject::Particles(_), Sight::RigidBody { .. }) => {
                unreachable!("a sight is of its subject")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(index: usize) -> f64 {
        ((index as f64 + 1.0) * 78.233).sin()
    }

    fn measures(count: usize) -> Vec<Measure> {
        let targets: Vec<_> =
            (0..count).map(|p| std::array::from_fn(|a| 0.5 * noise(100 + 3 * p + a))).collect();
        let density = DensityTarget::from_points(
            [-1.2, -1.1, -1.3],
            0.31,
            [9, 8, 9],
            &targets,
            &vec![0.7; count],
        );
        vec![
            Measure::CentreToPoint { point: [0.3, -2.0, 1.0], axes: [true, false, true] },
            Measure::CentreVelocity { direction: [0.6, 0.0, 0.8] },
            Measure::CentreDisplacement { from: [0.2, 0.1, -0.4], direction: [0.0, -0.8, 0.6] },
            Measure::ParticlesToTargets { targets },
            Measure::Density(density),
        ]
    }

    #[test]
    fn the_adjoint_of_every_measure_agrees_with_central_differences() {
        const STEP: f64 = 1e-5;
        // The density kernel has a jump in its second derivative, which a step may straddle.
        const TOLERANCE: f64 = 1e-8;
        let count = 12;
        let mass: Vec<_> = (0..count).map(|p| 1.0 + 0.5 * noise(p)).collect();
        let vector = |seed: usize| -> Vec<[f64; 3]> {
            (0..count).map(|p| std::array::from_fn(|a| noise(seed + 3 * p + a))).collect()
        };
        let (x, v) = (vector(20), vector(60));
        for measure in measures(count) {
            measure.check(count).unwrap();
            let (mut x_bar, mut v_bar) = (vec![[0.0; 3]; count], vec![[0.0; 3]; count]);
            let group = Group { mass: &mass, x: &x, v: &v };
            measure.adj(group, 1.7, &mut GroupBar { x: &mut x_bar, v: &mut v_bar });
            let value = |x: &[[f64; 3]], v: &[[f64; 3]]| measure.value(Group { mass: &mass, x, v });
            let scale = x_bar.iter().chain(&v_bar).flatten().fold(0.0f64, |m, b| m.max(b.abs()));
            assert!(scale > 0.0);
            for p in 0..count {
                for a in 0..3 {
                    let moved = |by: f64, velocity: bool| {
                        let (mut x, mut v) = (x.clone(), v.clone());
                        let moved = if velocity { &mut v } else { &mut x };
                        moved[p][a] += by;
                        value(&x, &v)
                    };
                    for (velocity, bar) in [(false, x_bar[p][a]), (true, v_bar[p][a])] {
                        let difference =
                            1.7 * (moved(STEP, velocity) - moved(-STEP, velocity)) / (2.0 * STEP);
                        assert!(
                            (difference - bar).abs() < TOLERANCE * scale.max(1.0),
                            "{measure:?}, particle {p}, axis {a}: {bar} against {difference}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_mean_along_the_horizon_of_a_constant_is_that_constant() {
        let steps = 7;
        let total: f64 = (1..=steps).filter_map(|done| When::Along.share(done, steps)).sum();
        assert!((total - 1.0).abs() < 1e-15);
        let ends: Vec<_> =
            (1..=steps).filter(|&done| When::End.share(done, steps).is_some()).collect();
        assert_eq!(ends, [steps]);
    }

    #[test]
    fn a_direction_that_is_no_unit_vector_and_too_few_targets_are_refused() {
        let slow = Measure::CentreVelocity { direction: [2.0, 0.0, 0.0] };
        assert!(slow.check(3).unwrap_err().contains("length 2"));
        let targets = Measure::ParticlesToTargets { targets: vec![[0.0; 3]; 2] };
        assert!(targets.check(3).unwrap_err().contains("2 targets for 3 particles"));
    }
}

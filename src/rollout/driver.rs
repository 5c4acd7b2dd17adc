//! Runs a rollout forward, and back.

use super::objective::{Beside, Objective, ObjectiveError};
use super::schedule::{Budget, Move, Schedule, ScheduleError};
use super::sensor::Moment;
use super::{Controls, ControlsError};
use crate::agents::{self, Drive, PoseCotangent};
use crate::model::{Model, ParameterValue};
use crate::mpm::simulator::{
    Gradient, Observation, RigidGradient, SimulationError, Simulator, Wrench,
};
use crate::mpm::state::{RigidCotangent, RigidMotion, State};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use thiserror::Error;

/// What a reverse pass may hold by default: with the grid, the cotangents and the model this keeps
/// 2000 substeps of 100 000 particles below 1.2 GB.
pub const DEFAULT_MEMORY_BYTES: u64 = 1_050_000_000;
/// Observations noted before the host waits for them, so that a device is not stopped at each.
pub(super) const OBSERVATIONS_IN_FLIGHT: usize = 8;
/// Bytes of one particle's observed position and velocity.
const OBSERVED_BYTES: u64 = std::mem::size_of::<[f64; 6]>() as u64;

/// What is run.
#[derive(Clone, Copy)]
pub struct Rollout<'a> {
    pub model: &'a Model,
    /// The state at the start, usually [`Model::initial`].
    pub initial: &'a State<f64>,
    pub controls: &'a Controls,
    pub objective: &'a Objective,
}

/// How it is run.
pub struct Settings<'a> {
    /// For stored and recorded states and observations of a reverse pass [bytes].
    pub memory_bytes: u64,
    /// Compare a checksum of every replayed state with the forward run's. Waits for the device at
    /// every segment.
    pub check_replay: bool,
    /// Stops the rollout at the next control step or segment when it becomes true.
    pub cancel: Option<&'a AtomicBool>,
    pub progress: Option<&'a mut dyn FnMut(Progress)>,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            memory_bytes: DEFAULT_MEMORY_BYTES,
            check_replay: cfg!(debug_assertions),
            cancel: None,
            progress: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Forward,
    Reverse,
}

/// How far a rollout has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub phase: Phase,
    pub substeps_done: usize,
    pub substeps: usize,
}

/// One term's part in the objective, its weight included.
#[derive(Clone, Debug, PartialEq)]
pub struct TermValue {
    pub name: String,
    pub value: f64,
}

/// What a rollout came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The objective.
    pub value: f64,
    pub terms: Vec<TermValue>,
    /// Positions and velocities at the end.
    pub last: Observation,
    /// Wall time of the first sweep [s].
    pub forward_secs: f64,
}

/// Derivative of the objective.
#[derive(Clone, Debug)]
pub struct Derivative {
    /// By the controls, `[control_step * action_count + action]`.
    pub controls: Vec<f64>,
    /// By the initial positions [1/m], id order.
    pub initial_x: Vec<[f64; 3]>,
    /// By the initial velocities [s/m], id order.
    pub initial_v: Vec<[f64; 3]>,
    /// By the parameters of each material, in the order of [`Model::materials`].
    pub materials: Vec<Vec<ParameterValue>>,
    /// By each free rigid body.
    pub rigid: Vec<RigidDerivative>,
    /// Wall time of replay and reverse together [s].
    pub backward_secs: f64,
    /// Peak of stored and recorded states and observations [bytes].
    pub checkpoint_bytes: u64,
    /// Substeps run again in the reverse pass without being recorded.
    pub replayed_substeps: usize,
}

/// Derivative of the objective by one free rigid body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RigidDerivative {
    /// By its initial pose and twist.
    pub motion: RigidCotangent<f64>,
    /// By its mass and inertia.
    pub mass: RigidGradient,
}

/// Why a rollout did not come to its end.
#[derive(Debug, Error)]
pub enum RolloutError {
    #[error(transparent)]
    Controls(#[from] ControlsError),
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    #[error("the replay differs from the forward run at substep {substep}")]
    Replay { substep: usize },
    #[error("the {what} became {value}")]
    NotFinite { what: String, value: f64 },
    #[error("the horizon is 0 control steps; at least one is needed")]
    Empty,
    #[error("cancelled")]
    Cancelled,
}

/// Runs a rollout forward and gives its objective.
pub fn evaluate(
    simulator: &mut dyn Simulator,
    rollout: Rollout,
    settings: &mut Settings,
) -> Result<Outcome, RolloutError> {
    let start = Instant::now();
    let mut run = Run::new(simulator, rollout, settings)?;
    run.simulator.reserve(0, 0)?;
    run.begin()?;
    run.advance(0..run.substeps)?;
    run.finish_forward(start)
}

/// Runs a rollout forward and back, within the byte budget of the settings.
pub fn differentiate(
    simulator: &mut dyn Simulator,
    rollout: Rollout,
    settings: &mut Settings,
) -> Result<(Outcome, Derivative), RolloutError> {
    let start = Instant::now();
    let mut run = Run::new(simulator, rollout, settings)?;
    let along = rollout.objective.acts_along();
    let schedule = Schedule::new(
        run.substeps,
        &Budget {
            bytes: run.settings.memory_bytes,
            state_bytes: run.simulator.state_bytes(),
            record_bytes: run.simulator.record_bytes(),
            change_bytes: run.simulator.change_bytes(),
            control_interval: rollout.model.substeps_per_control,
            observation_bytes: rollout.initial.particle_count() as u64 * OBSERVED_BYTES,
            observation_interval: along.then_some(rollout.model.substeps_per_control),
            observations_kept: if along { OBSERVATIONS_IN_FLIGHT } else { 1 },
        },
    )?;
    run.simulator.reserve(schedule.slots, schedule.segment)?;
    run.stop_at_segments(&schedule);
    run.begin()?;

    let mut forward = None;
    for step in &schedule.moves {
        match step {
            Move::Save { slot } => run.simulator.save(*slot)?,
            Move::Restore { slot } => run.simulator.restore(*slot)?,
            Move::Advance { substeps } => run.advance(substeps.clone())?,
            Move::Walk { substeps } => {
                let noted = run.record(substeps.clone())?;
                if forward.is_none() {
                    run.hold(&noted)?;
                    forward = Some((run.finish_forward(start)?, Instant::now()));
                    run.simulator.begin_reverse()?;
                    run.seed_wrenches()?;
                }
                run.walk_back(substeps.clone(), &noted)?;
            }
        }
    }
    let (outcome, reverse_start) = forward.expect("a schedule ends with a walk");
    let gradient = run.simulator.gradient()?;
    let derivative = run.derivative(&gradient, &schedule, reverse_start)?;
    Ok((outcome, derivative))
}

/// A rollout under way.
struct Run<'r, 's> {
    simulator: &'r mut dyn Simulator,
    rollout: Rollout<'r>,
    settings: &'r mut Settings<'s>,
    drive: Drive,
    substeps: usize,
    /// Substeps after which the host has something to do: the ends of control steps, and of
    /// segments if replays are checked.
    stops: BTreeSet<usize>,
    /// Substeps of the first sweep done so far.
    reached: usize,
    /// Substep of each observation of the first sweep that was noted and not yet read.
    in_flight: Vec<usize>,
    /// Observations that were read for their value and are needed again for their derivative, by
    /// substep: those of the segment that ends the first sweep.
    held: BTreeMap<usize, Observation>,
    values: Vec<f64>,
    /// Of every control step, if the objective needs them.
    wrenches: Vec<Wrench>,
    /// Derivative of the objective's own terms by collider poses, as in the drive.
    poses_bar: Vec<PoseCotangent>,
    last: Observation,
    /// The rigid bodies after each control step so far, the start first, if a term looks at how they
    /// changed; the derivative by those before the control step that was walked back last, and by
    /// the mass properties.
    rigid_path: Vec<Vec<RigidMotion<f64>>>,
    rigid_before_bar: Vec<RigidCotangent<f64>>,
    masses_bar: Vec<RigidGradient>,
    /// Checksums of the first sweep by substep, if replays are checked.
    fingerprints: BTreeMap<usize, u64>,
}

impl<'r, 's> Run<'r, 's> {
    fn new(
        simulator: &'r mut dyn Simulator,
        rollout: Rollout<'r>,
        settings: &'r mut Settings<'s>,
    ) -> Result<Self, RolloutError> {
        let Rollout { model, controls, objective, .. } = rollout;
        controls.check(&model.actions, None)?;
        if controls.control_steps() == 0 {
            return Err(RolloutError::Empty);
        }
        objective.check(model)?;
        let drive = agents::drive(model, controls.values(), controls.control_steps());
        let substeps = drive.substeps();
        let poses_bar = vec![PoseCotangent::ZERO; drive.poses.len()];
        Ok(Self {
            simulator,
            rollout,
            settings,
            drive,
            substeps,
            stops: (0..=controls.control_steps()).map(|s| s * model.substeps_per_control).collect(),
            reached: 0,
            in_flight: Vec::new(),
            held: BTreeMap::new(),
            values: vec![0.0; objective.terms.len()],
            wrenches: Vec::new(),
            poses_bar,
            last: Observation::default(),
            rigid_path: vec![rollout.initial.rigid.clone()],
            rigid_before_bar: Vec::new(),
            masses_bar: vec![RigidGradient::ZERO; model.rigid_bodies.len()],
            fingerprints: BTreeMap::new(),
        })
    }

    fn begin(&mut self) -> Result<(), RolloutError> {
        self.simulator.sense_wrenches(self.rollout.objective.needs_wrenches())?;
        self.simulator.drive(&self.drive)?;
        self.simulator.load(self.rollout.initial)?;
        Ok(())
    }

    /// Lets a replay be compared with the first sweep at the end of every segment.
    fn stop_at_segments(&mut self, schedule: &Schedule) {
        if self.settings.check_replay {
            self.stops.extend(schedule.moves.iter().filter_map(|m| match m {
                Move::Walk { substeps } => Some(substeps.end),
                _ => None,
            }));
        }
    }

    /// The stretches of a range between stops.
    fn stretches(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut stretches = Vec::new();
        let mut start = range.start;
        for &stop in self.stops.range(range.start + 1..range.end) {
            stretches.push(start..stop);
            start = stop;
        }
        stretches.push(start..range.end);
        stretches
    }

    /// Runs forward, noting what the objective looks at if this is the first visit.
    fn advance(&mut self, range: Range<usize>) -> Result<(), RolloutError> {
        for stretch in self.stretches(range) {
            self.stop_if_cancelled()?;
            self.simulator.forward(stretch.clone())?;
            self.compare_replay(stretch.end)?;
            if self.first_visit(&stretch) && self.observed(stretch.end) {
                if self.in_flight.len() == OBSERVATIONS_IN_FLIGHT {
                    self.read_in_flight()?;
                }
                self.simulator.observe(self.in_flight.len())?;
                self.in_flight.push(stretch.end);
            }
        }
        Ok(())
    }

    /// Runs forward keeping every state; returns the substeps at which observation 0, 1, .. of
    /// this stretch were noted.
    fn record(&mut self, range: Range<usize>) -> Result<Vec<usize>, RolloutError> {
        // The indices start again: what the sweep has noted so far must be read first.
        self.read_in_flight()?;
        let mut noted = Vec::new();
        for stretch in self.stretches(range) {
            self.stop_if_cancelled()?;
            self.simulator.forward_recorded(stretch.clone())?;
            self.compare_replay(stretch.end)?;
            self.first_visit(&stretch);
            if self.observed(stretch.end) {
                self.simulator.observe(noted.len())?;
                noted.push(stretch.end);
            }
        }
        Ok(noted)
    }

    /// Walks a recorded range back, seeding the objective's derivative where it was observed.
    fn walk_back(&mut self, range: Range<usize>, noted: &[usize]) -> Result<(), RolloutError> {
        for stretch in self.stretches(range).into_iter().rev() {
            self.stop_if_cancelled()?;
            if let Ok(index) = noted.binary_search(&stretch.end) {
                let observation = match self.held.remove(&stretch.end) {
                    Some(held) => held,
                    None => self.simulator.observation(index)?,
                };
                let Rollout { model, objective, controls, .. } = self.rollout;
                let done = stretch.end / model.substeps_per_control;
                let steps = controls.control_steps();
                let started = self.rigid_before(done).to_vec();
                let seen = Moment {
                    model,
                    observation: &observation,
                    poses: self.drive.poses_at(stretch.end - 1),
                    wrenches: &[],
                    rigid_before: &started,
                };
                let row = (stretch.end - 1) * self.drive.collider_count;
                let bodies = model.rigid_bodies.len();
                let mut before = vec![RigidCotangent::zero(); bodies];
                let beside = Beside {
                    poses: &mut self.poses_bar[row..row + self.drive.collider_count],
                    rigid_before: &mut before,
                    rigid_masses: &mut self.masses_bar,
                };
                let mut seed = objective.state_adj(seen, done, steps, beside);
                let later = std::mem::replace(&mut self.rigid_before_bar, before);
                seed.rigid.iter_mut().zip(later).for_each(|(sum, bar)| *sum += bar);
                self.simulator.seed(&seed)?;
            }
            self.simulator.reverse(stretch.clone())?;
            self.report(Phase::Reverse, self.substeps - stretch.start);
        }
        Ok(())
    }

    /// The rigid bodies at the start of the control step that ends as the `done`th.
    fn rigid_before(&self, done: usize) -> &[RigidMotion<f64>] {
        match self.rollout.objective.needs_rigid_before() {
            true => &self.rigid_path[done - 1],
            false => &[],
        }
    }

    /// Whether this stretch carries the first sweep on; counts it.
    fn first_visit(&mut self, stretch: &Range<usize>) -> bool {
        let first = stretch.start == self.reached && stretch.end > self.reached;
        if first {
            self.reached = stretch.end;
            self.report(Phase::Forward, self.reached);
        }
        first
    }

    /// Whether the objective looks at the state after so many substeps.
    fn observed(&self, substep: usize) -> bool {
        let Rollout { model, objective, .. } = self.rollout;
        substep == self.substeps
            || (objective.acts_along() && substep.is_multiple_of(model.substeps_per_control))
    }

    /// Adds what the noted observations contribute to the objective.
    fn read_in_flight(&mut self) -> Result<(), RolloutError> {
        for (index, substep) in std::mem::take(&mut self.in_flight).into_iter().enumerate() {
            let observation = self.simulator.observation(index)?;
            self.add_values(&observation, substep);
            self.last = observation;
        }
        Ok(())
    }

    /// Reads what the segment at the end of the first sweep has noted.
    fn hold(&mut self, noted: &[usize]) -> Result<(), RolloutError> {
        for (index, &substep) in noted.iter().enumerate() {
            let observation = self.simulator.observation(index)?;
            self.add_values(&observation, substep);
            if substep == self.substeps {
                self.last = observation.clone();
            }
            self.held.insert(substep, observation);
        }
        Ok(())
    }

    fn add_values(&mut self, observation: &Observation, substep: usize) {
        let Rollout { model, objective, controls, .. } = self.rollout;
        let done = substep / model.substeps_per_control;
        let steps = controls.control_steps();
        let poses = self.drive.poses_at(substep - 1);
        let mut values = std::mem::take(&mut self.values);
        let rigid_before = self.rigid_before(done);
        let seen = Moment { model, observation, poses, wrenches: &[], rigid_before };
        objective.add_state_values(seen, done, steps, &mut values);
        self.values = values;
        if objective.needs_rigid_before() {
            self.rigid_path.push(observation.rigid.clone());
        }
    }

    /// Gives the reverse pass that has begun the derivative by the wrenches.
    fn seed_wrenches(&mut self) -> Result<(), RolloutError> {
        let Rollout { objective, controls, .. } = self.rollout;
        if objective.needs_wrenches() {
            let bars = objective.wrench_adj(&self.wrenches, controls.control_steps());
            self.simulator.seed_wrenches(&bars)?;
        }
        Ok(())
    }

    fn finish_forward(&mut self, start: Instant) -> Result<Outcome, RolloutError> {
        self.read_in_flight()?;
        let Rollout { objective, controls, .. } = self.rollout;
        objective.add_control_values(controls, &mut self.values);
        if objective.needs_wrenches() {
            self.wrenches = self.simulator.wrenches()?;
            let steps = controls.control_steps();
            objective.add_wrench_values(&self.wrenches, steps, &mut self.values);
        }
        for (term, &value) in objective.terms.iter().zip(&self.values) {
            if !value.is_finite() {
                let what = format!("objective term `{}`", term.name);
                return Err(RolloutError::NotFinite { what, value });
            }
        }
        let terms = objective.terms.iter().zip(&self.values);
        Ok(Outcome {
            value: self.values.iter().sum(),
            terms: terms.map(|(t, &value)| TermValue { name: t.name.clone(), value }).collect(),
            last: std::mem::take(&mut self.last),
            forward_secs: start.elapsed().as_secs_f64(),
        })
    }

    /// From derivatives by poses, activations and constants to those by what a user states.
    fn derivative(
        &self,
        gradient: &Gradient,
        schedule: &Schedule,
        reverse_start: Instant,
    ) -> Result<Derivative, RolloutError> {
        let Rollout { model, objective, controls, .. } = self.rollout;
        let mut drive_bar = gradient.drive.clone();
        drive_bar.poses.iter_mut().zip(&self.poses_bar).for_each(|(sum, bar)| *sum += *bar);
        let mut controls_bar = agents::drive_adj(model, &self.drive, &drive_bar);
        objective.add_controls_adj(controls, &mut controls_bar);
        let materials: Vec<_> = model
            .materials
            .iter()
            .zip(&gradient.constants)
            .map(|(material, constants)| material.law.parameters_adj(*constants))
            .collect();
        // The first control step began with the initial motions.
        let mut rigid: Vec<RigidDerivative> = gradient
            .initial
            .rigid
            .iter()
            .zip(&gradient.rigid)
            .map(|(&motion, &mass)| RigidDerivative { motion, mass })
            .collect();
        for (sum, bar) in rigid.iter_mut().zip(&self.rigid_before_bar) {
            sum.motion += *bar;
        }
        for (sum, bar) in rigid.iter_mut().zip(&self.masses_bar) {
            sum.mass += *bar;
        }
        let derivative = Derivative {
            controls: controls_bar,
            initial_x: gradient.initial.x.iter().map(|x| x.0).collect(),
            initial_v: gradient.initial.v.iter().map(|v| v.0).collect(),
            materials,
            rigid,
            backward_secs: reverse_start.elapsed().as_secs_f64(),
            checkpoint_bytes: schedule.bytes,
            replayed_substeps: schedule.replayed_substeps(),
        };
        derivative.check(model)?;
        Ok(derivative)
    }

    fn compare_replay(&mut self, substep: usize) -> Result<(), RolloutError> {
        if !self.settings.check_replay {
            return Ok(());
        }
        let fingerprint = self.simulator.fingerprint()?;
        if *self.fingerprints.entry(substep).or_insert(fingerprint) != fingerprint {
            return Err(RolloutError::Replay { substep });
        }
        Ok(())
    }

    fn stop_if_cancelled(&self) -> Result<(), RolloutError> {
        match self.settings.cancel {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(RolloutError::Cancelled),
            _ => Ok(()),
        }
    }

    fn report(&mut self, phase: Phase, substeps_done: usize) {
        if let Some(progress) = self.settings.progress.as_mut() {
            progress(Progress { phase, substeps_done, substeps: self.substeps });
        }
    }
}

impl Derivative {
    /// That every number is finite; names the first that is not.
    fn check(&self, model: &Model) -> Result<(), RolloutError> {
        let vectors = |what: &'static str, list: &[[f64; 3]]| {
            let bad = list.iter().enumerate().find(|(_, v)| v.iter().any(|c| !c.is_finite()));
            bad.map(|(p, v)| {
                let value = v.iter().copied().find(|c| !c.is_finite()).unwrap_or(f64::NAN);
                (format!("derivative by the initial {what} of particle {p}"), value)
            })
        };
        let width = model.actions.len();
        let controls =
            self.controls.iter().enumerate().find(|(_, g)| !g.is_finite()).map(|(i, &value)| {
                (format!("derivative by controls[{}, {}]", i / width, i % width), value)
            });
        let materials = self.materials.iter().zip(&model.materials).find_map(|(bars, material)| {
            let bar = bars.iter().find(|bar| !bar.value.is_finite())?;
            Some((format!("derivative by {} of `{}`", bar.name, material.name), bar.value))
        });
        let rigid = self.rigid.iter().zip(&model.rigid_bodies).find_map(|(bar, body)| {
            let RigidCotangent { position, rotation, velocity, angular_velocity } = bar.motion;
            let vectors = [position, rotation, velocity, angular_velocity];
            let numbers = vectors.iter().flat_map(|v| v.0).chain([bar.mass.mass]);
            let value = numbers.into_iter().find(|number| !number.is_finite())?;
            Some((format!("derivative by the rigid body `{}`", body.name), value))
        });
        match controls
            .or(materials)
            .or(rigid)
            .or_else(|| vectors("position", &self.initial_x))
            .or_else(|| vectors("velocity", &self.initial_v))
        {
            Some((what, value)) => Err(RolloutError::NotFinite { what, value }),
            None => Ok(()),
        }
    }
}

//! A show that runs: the simulator behind the window, played, stepped and reset.
//!
//! It does what a script does (load, drive, forward, read) and nothing else: what one sees is what
//! `softscape run` computes. While an effector is dragged, its actions are made as the run goes on,
//! one control step at a time; when it is let go, the show's own actions go on from there.

use super::drag::{Drag, Grip, Plane, Ray, grips, pick};
use crate::mpm::simulator::{Observation, SimulationError, Simulator};
use crate::mpm::state::State;
use crate::render::{Show, Solid};
use crate::rollout::Objective;
use glam::DVec3;
use std::time::{Duration, Instant};

/// How long the simulation may keep the window from answering, about.
const PATIENCE: Duration = Duration::from_millis(40);
/// Share of a new measurement in the smoothed speed.
const NEWEST: f64 = 0.2;

/// A running show.
pub struct Playback {
    pub show: Show,
    /// Runs while true and nothing failed.
    pub playing: bool,
    /// Begins again at the end.
    pub looping: bool,
    /// Simulated seconds per second, at most.
    pub speed: f64,
    simulator: Box<dyn Simulator>,
    objective: Option<Objective>,
    state: State<f64>,
    substep: usize,
    /// Simulated time that is due [s].
    due: f64,
    /// Substeps per second of computing, smoothed; 0 before the first.
    rate: f64,
    failure: Option<String>,
    /// Objective as if the horizon ended there, over time [s].
    objective_curve: Vec<[f64; 2]>,
    grips: Vec<Grip>,
    drag: Option<Drag>,
    /// Whether it played before something was dragged.
    played: bool,
    /// The show as it was before anything was dragged, if something was.
    recorded: Option<Show>,
}

impl Playback {
    /// Takes a simulator of the show's model to the start. What is dragged is never faster than
    /// `fastest` [m/s].
    ///
    /// # Errors
    /// If the simulator cannot load the initial state.
    pub fn new(
        show: Show,
        simulator: Box<dyn Simulator>,
        objective: Option<Objective>,
        fastest: f64,
    ) -> Result<Self, SimulationError> {
        let state = show.model.initial.clone();
        let grips = grips(&show.model, fastest);
        let mut playback = Self {
            show,
            playing: false,
            looping: false,
            speed: 1.0,
            simulator,
            objective,
            state,
            substep: 0,
            due: 0.0,
            rate: 0.0,
            failure: None,
            objective_curve: Vec::new(),
            grips,
            drag: None,
            played: false,
            recorded: None,
        };
        playback.simulator.drive(&playback.show.drive)?;
        playback.load_start()?;
        Ok(playback)
    }

    pub fn state(&self) -> &State<f64> {
        &self.state
    }
    /// Substeps done.
    pub fn substep(&self) -> usize {
        self.substep
    }
    /// Simulated time [s].
    pub fn time(&self) -> f64 {
        self.show.time_at(self.substep)
    }
    pub fn at_end(&self) -> bool {
        self.substep >= self.show.substeps
    }
    /// Substeps per second of computing; 0 before the first.
    pub fn rate(&self) -> f64 {
        self.rate
    }
    /// Why it stopped, until the next reset.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
    /// Objective over time [s], as if the horizon ended there; empty without a task.
    pub fn objective_curve(&self) -> &[[f64; 2]] {
        &self.objective_curve
    }
    /// The simulator's device, precision, threads.
    pub fn device(&self) -> String {
        self.simulator.describe()
    }
    /// Memory that the simulator holds [bytes].
    pub fn bytes(&self) -> u64 {
        self.simulator.peak_bytes()
    }

    /// Lets `wall` of real time pass. Returns whether anything moved.
    pub fn pass(&mut self, wall: Duration) -> bool {
        if !self.playing {
            return false;
        }
        if self.at_end() && self.drag.is_none() {
            if self.looping {
                self.reset();
                self.playing = true;
                return true;
            }
            self.playing = false;
            return false;
        }
        // What could not be computed in time is not owed: a slow simulation plays slowly.
        let longest = PATIENCE.max(wall).as_secs_f64();
        self.due = (self.due + wall.as_secs_f64() * self.speed).min(longest * self.speed);
        let due = (self.due / self.show.model.substep_secs) as usize;
        // Where a picture takes long, so may what it shows.
        let patience = PATIENCE.max(wall / 2).as_secs_f64();
        let affordable = ((self.rate * patience) as usize).max(1);
        let count = due.min(affordable);
        if count == 0 {
            return false;
        }
        self.due -= count as f64 * self.show.model.substep_secs;
        self.run(count)
    }

    /// Runs some substeps at once, not beyond the end. Returns whether anything moved.
    pub fn step(&mut self, substeps: usize) -> bool {
        self.playing = false;
        self.run(substeps)
    }

    /// Back to the start, and to what the show does by itself.
    pub fn reset(&mut self) {
        self.failure = None;
        self.playing = false;
        self.due = 0.0;
        self.drag = None;
        let mut back = Ok(());
        if let Some(recorded) = self.recorded.take() {
            self.show = recorded;
            back = self.simulator.drive(&self.show.drive);
        }
        if let Err(error) = back.and_then(|()| self.load_start()) {
            self.failure = Some(error.to_string());
        }
    }

    /// What can be dragged.
    pub fn grips(&self) -> &[Grip] {
        &self.grips
    }

    /// Takes hold of the effector that a ray meets among the solids of the present frame, and plays.
    /// Returns whether there is one.
    pub fn grab(&mut self, solids: &[Solid], ray: &Ray) -> bool {
        let Some((grip, point)) = pick(&self.grips, &self.show.model, solids, ray) else {
            return false;
        };
        let Some(position) = self.grips[grip].position(&self.show, self.substep) else {
            return false;
        };
        self.drag = Some(Drag::new(grip, position, point));
        self.played = self.playing;
        self.playing = self.failure.is_none();
        true
    }

    /// Moves the goal of what is dragged to a ray, in a plane.
    pub fn pull(&mut self, ray: &Ray, plane: Plane) {
        if let Some(drag) = &mut self.drag {
            drag.follow(ray, plane);
        }
    }

    /// Lets go; it plays on if it did before.
    pub fn release(&mut self) {
        if self.drag.take().is_some() {
            self.playing &= self.played;
        }
    }

    /// The point by which something is dragged, and where it is to go [m from the origin node].
    pub fn dragged(&self) -> Option<[DVec3; 2]> {
        let drag = self.drag.as_ref()?;
        let position = self.grips[drag.grip].position(&self.show, self.substep)?;
        Some([drag.point(position), drag.goal])
    }

    /// At the start of a control step, writes into its action what is dragged does in it.
    fn steer(&mut self) -> Result<(), SimulationError> {
        let Some(drag) = &self.drag else { return Ok(()) };
        let Show { model, .. } = &self.show;
        let (per_control, channels) = (model.substeps_per_control, model.actions.len());
        let step = self.substep / per_control;
        let control_secs = model.substep_secs * per_control as f64;
        let recorded = self.recorded.get_or_insert_with(|| self.show.clone());
        let mut action = vec![0.0; channels];
        // What else acts goes on as it would; beyond the end, it rests.
        if let Some(row) = recorded.actions().chunks(channels).nth(step) {
            action.copy_from_slice(row);
        }
        if step >= self.show.drive.control_steps {
            self.show.act(step, &action);
        }
        let grip = &self.grips[drag.grip];
        if let Some(position) = grip.position(&self.show, self.substep) {
            let velocity = drag.velocity(grip, position, control_secs);
            grip.command(&self.show.model, velocity, &mut action);
            self.show.act(step, &action);
        }
        self.simulator.drive(&self.show.drive)
    }

    fn load_start(&mut self) -> Result<(), SimulationError> {
        self.simulator.load(&self.show.model.initial)?;
        self.state = self.show.model.initial.clone();
        self.substep = 0;
        self.objective_curve.clear();
        self.note_objective();
        Ok(())
    }

    fn run(&mut self, substeps: usize) -> bool {
        let over = self.at_end() && self.drag.is_none();
        if self.failure.is_some() || over || substeps == 0 {
            return false;
        }
        let started = Instant::now();
        let before = self.substep;
        let moved = self.advance(before + substeps).and_then(|()| self.simulator.read());
        let count = self.substep - before;
        match moved {
            Ok(state) => {
                self.state = state;
                let rate = count as f64 / started.elapsed().as_secs_f64().max(1e-9);
                let newest = if self.rate > 0.0 { NEWEST } else { 1.0 };
                self.rate += (rate - self.rate) * newest;
                self.note_objective();
                true
            }
            Err(error) => {
                self.failure = Some(error.to_string());
                self.playing = false;
                self.drag = None;
                false
            }
        }
    }

    /// Runs up to a substep, or to the end of the show; what is dragged is steered before every control
    /// step, and has no end.
    fn advance(&mut self, to: usize) -> Result<(), SimulationError> {
        let per_control = self.show.model.substeps_per_control;
        while self.substep < to {
            let next = match self.drag {
                Some(_) => {
                    if self.substep.is_multiple_of(per_control) {
                        self.steer()?;
                    }
                    let next = to.min((self.substep / per_control + 1) * per_control);
                    self.recorded.get_or_insert_with(|| self.show.clone());
                    self.show.substeps = self.show.substeps.max(next);
                    next
                }
                None if self.at_end() => break,
                None => to.min(self.show.substeps),
            };
            self.simulator.forward(self.substep..next)?;
            self.substep = next;
        }
        Ok(())
    }

    fn note_objective(&mut self) {
        let Some(objective) = &self.objective else { return };
        let model = &self.show.model;
        let observation = Observation {
            x: (0..self.state.particle_count())
                .map(|p| self.state.world_position(p, model.cell_width, model.origin))
                .collect(),
            v: self.state.v.iter().map(|v| v.0).collect(),
            rigid: self.state.rigid.clone(),
            particles: self.state.particles.clone(),
            absent: self.state.absent(),
        };
        let value = objective.state_value(model, &observation);
        self.objective_curve.push([self.show.time_at(self.substep), value]);
    }
}

//! A show that runs: the simulator behind the window, played, stepped and reset.
//!
//! It does what a script does (load, drive, forward, read) and nothing else: what one sees is what
//! `softscape run` computes.

use crate::mpm::simulator::{Observation, SimulationError, Simulator};
use crate::mpm::state::State;
use crate::render::Show;
use crate::rollout::Objective;
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
}

impl Playback {
    /// Takes a simulator of the show's model to the start.
    ///
    /// # Errors
    /// If the simulator cannot load the initial state.
    pub fn new(
        show: Show,
        simulator: Box<dyn Simulator>,
        objective: Option<Objective>,
    ) -> Result<Self, SimulationError> {
        let state = show.model.initial.clone();
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
        if self.at_end() {
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
        let affordable = ((self.rate * PATIENCE.as_secs_f64()) as usize).max(1);
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

    /// Back to the start.
    pub fn reset(&mut self) {
        self.failure = None;
        self.playing = false;
        self.due = 0.0;
        if let Err(error) = self.load_start() {
            self.failure = Some(error.to_string());
        }
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
        let end = (self.substep + substeps).min(self.show.substeps);
        if self.failure.is_some() || end == self.substep {
            return false;
        }
        let started = Instant::now();
        let range = self.substep..end;
        let count = range.len();
        match self.simulator.forward(range).and_then(|()| self.simulator.read()) {
            Ok(state) => {
                self.state = state;
                self.substep = end;
                let rate = count as f64 / started.elapsed().as_secs_f64().max(1e-9);
                let newest = if self.rate > 0.0 { NEWEST } else { 1.0 };
                self.rate += (rate - self.rate) * newest;
                self.note_objective();
                true
            }
            Err(error) => {
                self.failure = Some(error.to_string());
                self.playing = false;
                false
            }
        }
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

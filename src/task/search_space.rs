//! What an optimiser chooses of a task's controls: all of them, one cycle that repeats, or the
//! actions of some control steps.

use super::Task;
use crate::model::{ActionChannel, Model};
use crate::optim::Bounds;
use crate::rollout::{Controls, ControlsError};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// The numbers that an optimiser chooses, `[control_step * action_count + action]` of the control
/// steps that are free, and the controls that they stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchSpace {
    /// Of the whole horizon; they hold wherever nothing is chosen.
    base: Controls,
    /// Control steps after which the controls repeat.
    cycle: Option<usize>,
    /// Control steps that are free; with a cycle, of the first one.
    free: Range<usize>,
    /// Control steps of a rollout.
    horizon: usize,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl SearchSpace {
    /// All that there is to choose in a task, around controls of its whole horizon.
    ///
    /// # Errors
    /// The controls are not of the task's shape, outside the bounds, or do not repeat as the task's
    /// have to.
    pub fn new(task: &Task, model: &Model, base: &Controls) -> Result<Self, ControlsError> {
        base.check(&model.actions, Some(task.horizon))?;
        if let Some(cycle) = task.cycle {
            base.check_cycle(cycle, &model.actions)?;
        }
        let bounds = |bound: fn(&ActionChannel) -> f64| model.actions.iter().map(bound).collect();
        Ok(Self {
            base: base.clone(),
            cycle: task.cycle,
            free: 0..task.cycle.unwrap_or(task.horizon),
            horizon: task.horizon,
            lower: bounds(|a| a.lower),
            upper: bounds(|a| a.upper),
        })
    }

    /// The same with a rollout that ends after some control steps, and with the first ones held.
    /// Of controls that repeat, all of a cycle stays free.
    pub fn within(mut self, free: Range<usize>) -> Self {
        let end = free.end.clamp(1, self.horizon);
        match self.cycle {
            Some(_) => {}
            None => self.free = free.start.min(end - 1)..end,
        }
        self.horizon = end;
        self
    }

    /// Control steps of a rollout.
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// Where a search begins.
    pub fn start(&self) -> Vec<f64> {
        self.base.values()[self.chosen()].to_vec()
    }

    /// Its controls, each number that is chosen moved by up to `spread` of half its range, within its
    /// bounds; by a seed.
    pub fn scattered(&self, spread: f64, seed: u64) -> Controls {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut x = self.start();
        for (index, value) in x.iter_mut().enumerate() {
            let channel = index % self.lower.len();
            let (lower, upper) = (self.lower[channel], self.upper[channel]);
            let way = spread * 0.5 * (upper - lower) * random.random_range(-1.0..=1.0);
            *value = (*value + way).clamp(lower, upper);
        }
        self.controls(&x)
    }

    /// Bounds of what is chosen.
    pub fn bounds(&self) -> Bounds {
        let repeat = |bounds: &[f64]| self.free.clone().flat_map(|_| bounds.to_vec()).collect();
        Bounds::new(repeat(&self.lower), repeat(&self.upper))
            .expect("a compiled model's action bounds are not empty")
    }

    /// Controls of the whole horizon.
    ///
    /// # Panics
    /// If `x` is not as long as [`Self::start`].
    pub fn controls(&self, x: &[f64]) -> Controls {
        let mut controls = self.base.clone();
        let chosen = self.chosen();
        controls.values_mut()[chosen].copy_from_slice(x);
        match self.cycle {
            Some(cycle) => controls.repeated(cycle),
            None => controls,
        }
    }

    /// Controls of a rollout, which may be shorter.
    pub fn rollout_controls(&self, x: &[f64]) -> Controls {
        self.controls(x).first(self.horizon)
    }

    /// From the derivative by the controls of a rollout to that by what is chosen: a sum over the
    /// repeats.
    pub fn controls_adj(&self, controls_bar: &[f64]) -> Vec<f64> {
        let (width, chosen) = (self.base.action_count(), self.chosen());
        match self.cycle {
            None => controls_bar[chosen].to_vec(),
            Some(cycle) => {
                let mut bar = vec![0.0; chosen.len()];
                for (index, value) in controls_bar.iter().enumerate() {
                    bar[index % (cycle * width)] += value;
                }
                bar
            }
        }
    }

    fn chosen(&self) -> Range<usize> {
        let width = self.base.action_count();
        self.free.start * width..self.free.end * width
    }
}

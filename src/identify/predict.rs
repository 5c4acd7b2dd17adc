//! What a model with given parameters would be seen to do.

use super::{IdentifyError, Parameter, Seen, parameter};
use crate::model::{Model, stability};
use crate::mpm::simulator::{SimulationError, Simulator};
use crate::rollout::{Controls, RolloutError, Watch, watch};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Makes a simulator for a model.
pub type MakeSimulator<'a> = &'a dyn Fn(&Arc<Model>) -> Result<Box<dyn Simulator>, SimulationError>;

/// The scene of the observed motion, and what it runs on.
#[derive(Clone, Copy)]
pub struct Laboratory<'a> {
    /// The model of the scene; its parameters are replaced.
    pub model: &'a Model,
    /// At least as long as what is observed.
    pub controls: &'a Controls,
    pub make: MakeSimulator<'a>,
    /// Whether the scene fixes the substep. Otherwise it follows the stiffness, as it does when a
    /// scene is compiled.
    pub substep_fixed: bool,
    /// `world.max_speed` of the scene [m/s].
    pub max_speed: Option<f64>,
    pub cancel: Option<&'a AtomicBool>,
}

impl Laboratory<'_> {
    /// The model with other values; `None` if its substep would not be stable.
    pub(super) fn model_with(&self, parameters: &[Parameter], values: &[f64]) -> Option<Model> {
        let mut model = parameter::with_values(self.model, parameters, values);
        let stable_secs = stability(&model, self.max_speed).stable_secs;
        if self.substep_fixed {
            return (model.substep_secs <= stable_secs).then_some(model);
        }
        let control_secs = model.substep_secs * model.substeps_per_control as f64;
        let count = (control_secs / stable_secs).ceil().max(1.0);
        model.substeps_per_control = count as usize;
        model.substep_secs = control_secs / count;
        Some(model)
    }
}

/// What is seen after each of `steps`, `[look][value]`; `None` if the simulation diverges.
///
/// # Errors
/// The device fails, or the run was cancelled.
pub fn predict(
    laboratory: &Laboratory,
    model: Model,
    seen: &Seen,
    steps: &[usize],
) -> Result<Option<Vec<Vec<f64>>>, IdentifyError> {
    let model = Arc::new(model);
    let mut simulator = (laboratory.make)(&model).map_err(RolloutError::from)?;
    let mut looks = Vec::with_capacity(steps.len());
    let run = Watch {
        model: &model,
        initial: &model.initial,
        controls: laboratory.controls,
        steps,
        cancel: laboratory.cancel,
    };
    let watched = watch(simulator.as_mut(), run, &mut |_, observation| {
        looks.push(seen.values(&observation));
    });
    match watched {
        Ok(()) => Ok(Some(looks)),
        Err(RolloutError::Simulation(error)) if error.diverged_at().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

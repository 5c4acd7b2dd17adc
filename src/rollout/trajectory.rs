//! A rollout as what is seen of it: positions and velocities at the ends of chosen control steps.

use super::driver::OBSERVATIONS_IN_FLIGHT;
use super::{Controls, RolloutError};
use crate::agents;
use crate::model::Model;
use crate::mpm::simulator::{Observation, Simulator};
use crate::mpm::state::State;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is watched.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    pub model: &'a Model,
    pub initial: &'a State<f64>,
    pub controls: &'a Controls,
    /// Control steps after which it is looked at, ascending; 0 is the start. The run ends at the
    /// last one.
    pub steps: &'a [usize],
    /// Stops the run at the next control step when it becomes true.
    pub cancel: Option<&'a AtomicBool>,
}

/// Runs forward and shows each observation with its index in `steps`. Waits for the device only
/// every few observations.
///
/// # Errors
/// The controls do not fit the model or end before the last step, the simulation fails, or the run
/// was cancelled.
pub fn watch(
    simulator: &mut dyn Simulator,
    run: Watch,
    see: &mut dyn FnMut(usize, Observation),
) -> Result<(), RolloutError> {
    let Watch { model, initial, controls, steps, cancel } = run;
    controls.check(&model.actions, None)?;
    if steps.last().is_some_and(|&last| last > controls.control_steps()) {
        return Err(RolloutError::Empty);
    }
    let drive = agents::drive(model, controls.values(), controls.control_steps());
    simulator.reserve(0, 0)?;
    simulator.drive(&drive)?;
    simulator.load(initial)?;
    let mut read = 0;
    let mut done = 0;
    for (index, &step) in steps.iter().enumerate() {
        while done < step {
            if cancel.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
                return Err(RolloutError::Cancelled);
            }
            let substeps = model.substeps_per_control;
            simulator.forward(done * substeps..(done + 1) * substeps)?;
            done += 1;
        }
        simulator.observe(index - read)?;
        if index + 1 - read == OBSERVATIONS_IN_FLIGHT || index + 1 == steps.len() {
            for noted in read..=index {
                see(noted, simulator.observation(noted - read)?);
            }
            read = index + 1;
        }
    }
    Ok(())
}

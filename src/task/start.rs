//! Controls that an optimiser starts from.

use super::Resolve;
use crate::rollout::Controls;
use crate::scene::{self, KeyPath, SceneError};
use std::f64::consts::TAU;

/// How close a cycle has to come to a whole number of control steps, in control steps.
const WHOLE_TOLERANCE: f64 = 1e-6;

/// Control steps of a cycle, if the controls repeat.
pub(super) fn cycle(resolve: &Resolve, task: &scene::Task) -> Result<Option<usize>, SceneError> {
    let Some(secs) = task.cycle_secs else {
        return Ok(None);
    };
    let control_secs = control_secs(resolve);
    let steps = secs / control_secs;
    let whole = (steps - steps.round()).abs() <= WHOLE_TOLERANCE;
    if whole && steps.round() >= 1.0 && steps.round() <= task.horizon as f64 {
        return Ok(Some(steps.round() as usize));
    }
    let message = format!(
        "`cycle_secs` is {secs}; a whole number of control steps of {control_secs} s is allowed, 1 to \
         {} of them",
        task.horizon
    );
    Err(resolve.scene.error(&KeyPath::root("task").key("cycle_secs"), message))
}

fn control_secs(resolve: &Resolve) -> f64 {
    resolve.model.substep_secs * resolve.model.substeps_per_control as f64
}

/// Rest (the nearest allowed value to zero), with what `[[task.start]]` says for its channels; of controls that
/// repeat, the first cycle.
pub(super) fn compile(
    resolve: &Resolve,
    task: &scene::Task,
    cycle: Option<usize>,
) -> Result<Controls, SceneError> {
    let channels = &resolve.model.actions;
    let names: Vec<&str> = channels.iter().map(|c| c.name.as_str()).collect();
    let control_secs = control_secs(resolve);
    let mut controls = Controls::zeros(task.horizon, channels.len());
    for (index, start) in task.start.iter().enumerate() {
        let at = KeyPath::root("task").key("start").index(index);
        let channel =
            resolve.index(&at.key("channel"), "action channel", &start.channel, &names)?;
        let mean = resolve.finite(&at, "mean", start.mean)?;
        let amplitude = resolve.finite(&at, "amplitude", start.amplitude)?;
        let phase = resolve.finite(&at, "phase_deg", start.phase_deg)?.to_radians();
        if !(start.period_secs > 0.0 && start.period_secs.is_finite()) {
            let message =
                format!("`period_secs` is {}; it must be finite and > 0", start.period_secs);
            return Err(resolve.scene.error(&at.key("period_secs"), message));
        }
        for step in 0..task.horizon {
            let secs = (step as f64 + 0.5) * control_secs;
            let wave = (TAU * secs / start.period_secs + phase).sin();
            controls.values_mut()[step * channels.len() + channel] = mean + amplitude * wave;
        }
    }
    for (index, value) in controls.values_mut().iter_mut().enumerate() {
        let channel = &channels[index % channels.len()];
        *value = value.clamp(channel.lower, channel.upper);
    }
    Ok(match cycle {
        Some(cycle) => controls.repeated(cycle),
        None => controls,
    })
}

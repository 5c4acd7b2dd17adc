//! Controls that an optimiser starts from.

use super::Resolve;
use crate::rollout::Controls;
use crate::scene::{self, KeyPath, SceneError};
use std::f64::consts::TAU;

/// Rest (the nearest allowed value to zero), with what `[[task.start]]` says for its channels.
pub(super) fn compile(resolve: &Resolve, task: &scene::Task) -> Result<Controls, SceneError> {
    let channels = &resolve.model.actions;
    let names: Vec<&str> = channels.iter().map(|c| c.name.as_str()).collect();
    let control_secs = resolve.model.substep_secs * resolve.model.substeps_per_control as f64;
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
    Ok(controls)
}

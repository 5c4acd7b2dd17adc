//! A motion that the fit has not seen, predicted.

use super::predict::{Laboratory, predict};
use super::{IdentifyError, Parameter, Seen};

/// How well a held-out motion is predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldOut {
    /// Root mean square distance [m] of all particles at all control steps from where they truly go.
    pub rms: f64,
    /// Root mean square way [m] that they truly go from their start.
    pub travelled: f64,
}

/// Compares the motion with the laboratory's own parameters, the truth, with that with `values`,
/// over the control steps of its controls.
///
/// # Errors
/// Either motion cannot be simulated, or the run was cancelled.
pub fn hold_out(
    laboratory: &Laboratory,
    parameters: &[Parameter],
    values: &[f64],
) -> Result<HeldOut, IdentifyError> {
    let steps: Vec<usize> = (0..=laboratory.controls.control_steps()).collect();
    let seen = Seen::all(laboratory.model);
    let truth: Vec<f64> = parameters.iter().map(|p| p.value(laboratory.model)).collect();
    let motion = |values: &[f64]| -> Result<Vec<Vec<f64>>, IdentifyError> {
        let cannot = || IdentifyError::Guess { cause: "the held-out motion diverges".into() };
        let model = laboratory.model_with(parameters, values).ok_or_else(cannot)?;
        predict(laboratory, model, &seen, &steps)?.ok_or_else(cannot)
    };
    let (truth, predicted) = (motion(&truth)?, motion(values)?);
    let distance = |pairs: &mut dyn Iterator<Item = (&Vec<f64>, &Vec<f64>)>| -> f64 {
        let (mut sum, mut count) = (0.0, 0usize);
        for (a, b) in pairs {
            sum += a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            count += a.len() / 3;
        }
        (sum / count.max(1) as f64).sqrt()
    };
    Ok(HeldOut {
        rms: distance(&mut truth.iter().zip(&predicted)),
        travelled: distance(&mut truth.iter().map(|look| (look, &truth[0]))),
    })
}

//! Time and memory of a whole rollout and its gradient, checkpoints and replay included.

use super::throughput::{Case, MakeSimulator, cube, on_threads};
use super::usage::{forget_peak, peak_resident_bytes};
use crate::rollout::{
    Controls, Measure, Objective, Progress, Rollout, RolloutError, Settings, Term, TermKind, When,
    differentiate,
};
use serde::Serialize;

/// What a rollout and its gradient took.
#[derive(Clone, Debug, Serialize)]
pub struct Horizon {
    #[serde(flatten)]
    pub case: Case,
    pub particles: usize,
    pub substeps: usize,
    /// Wall time of the forward sweep [s].
    pub forward_secs: f64,
    /// Wall time of replay and reverse together [s].
    pub backward_secs: f64,
    /// `backward_secs` over `forward_secs`.
    pub backward_ratio: f64,
    /// Substeps run again without being recorded.
    pub replayed_substeps: usize,
    /// Peak of stored and recorded states and observations [bytes].
    pub checkpoint_bytes: u64,
    /// Largest resident memory of the process [bytes].
    pub peak_resident_bytes: Option<u64>,
}

/// Runs about `substeps` of a case forward and back within the default memory: a whole number of
/// control steps, the objective being the height of the cube at the end.
pub fn measure_horizon(
    case: &Case,
    make: MakeSimulator,
    substeps: usize,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Horizon, RolloutError> {
    on_threads(case, || rollout(case, make, substeps, progress))?
}

fn rollout(
    case: &Case,
    make: MakeSimulator,
    substeps: usize,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Horizon, RolloutError> {
    forget_peak();
    let model = cube(&case.material, case.size);
    let particles = model.particles.mass.len();
    let control_steps = substeps.div_ceil(model.substeps_per_control);
    let controls = Controls::zeros(control_steps, 0);
    let height = Measure::CentreToPoint { point: [0.0; 3], axes: [false, false, true] };
    let kind = TermKind::State { measure: height, particles: 0..particles, when: When::End };
    let objective = Objective { terms: vec![Term { name: "height".into(), weight: 1.0, kind }] };
    let mut simulator = make(&model)?;
    let (outcome, derivative) = differentiate(
        simulator.as_mut(),
        Rollout {
            model: &model,
            initial: &model.initial,
            controls: &controls,
            objective: &objective,
        },
        &mut Settings { progress: Some(progress), ..Settings::default() },
    )?;
    Ok(Horizon {
        case: case.clone(),
        particles,
        substeps: control_steps * model.substeps_per_control,
        forward_secs: outcome.forward_secs,
        backward_secs: derivative.backward_secs,
        backward_ratio: derivative.backward_secs / outcome.forward_secs,
        replayed_substeps: derivative.replayed_substeps,
        checkpoint_bytes: derivative.checkpoint_bytes,
        peak_resident_bytes: peak_resident_bytes(),
    })
}

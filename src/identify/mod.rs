//! Layer 5: material parameters from one observed motion: particles, some of them, or a height map.
//!
//! A handful of parameters and thousands of residuals: the Jacobian of the residuals by forward
//! differences costs one rollout for each parameter, less than a reverse pass, and gives what a
//! gradient alone does not: a Gauss-Newton step, and the information `JᵀJ` that says what the
//! observation can tell. So the search is Levenberg-Marquardt on logarithms of the parameters, over a
//! part of the motion that grows as the fit gets better (`fit`).

mod fit;
mod held_out;
mod information;
mod observed;
mod parameter;
mod predict;

pub use fit::{Fitted, Progress, Search, identify};
pub use held_out::{HeldOut, hold_out};
pub use information::{Direction, Information};
pub use observed::{Observed, ObservedError, Seen};
pub use parameter::{Parameter, ParameterError};
pub use predict::{Laboratory, MakeSimulator, predict};

use crate::model::Model;
use crate::rollout::RolloutError;
use thiserror::Error;

/// Why parameters could not be found.
#[derive(Debug, Error)]
pub enum IdentifyError {
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error(transparent)]
    Observed(#[from] ObservedError),
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    #[error(
        "what was observed does not depend on `{parameter}`: at the guess {value}, another value \
         moves nothing that was observed by more than {least:e} m"
    )]
    NoEffect { parameter: String, value: f64, least: f64 },
    #[error("the guess cannot be simulated: {cause}")]
    Guess { cause: String },
    #[error(
        "body `{body}` starts at rest under its own weight: its first stress would be that of the \
         guess; identification needs bodies that start without stress"
    )]
    AtRest { body: String },
    #[error(
        "identification needs particles that stay: the scene has an emitter or a sink, `{name}`"
    )]
    Exchange { name: String },
}

/// That all particles are there throughout, and none starts with a stress that depends on the
/// parameters.
fn check_unstressed(model: &Model) -> Result<(), IdentifyError> {
    let emitters = model.emitters.iter().map(|emitter| &emitter.name);
    if let Some(name) = emitters.chain(model.sinks.iter().map(|sink| &sink.name)).next() {
        return Err(IdentifyError::Exchange { name: name.clone() });
    }
    let identity = crate::math::Mat3::<f64>::identity();
    let stressed = model.bodies.iter().find(|body| {
        model.initial.f[body.particles.clone()].iter().any(|f| {
            let strain = *f - identity;
            strain.double_dot(strain) > 0.0
        })
    });
    match stressed {
        None => Ok(()),
        Some(body) => Err(IdentifyError::AtRest { body: body.name.clone() }),
    }
}

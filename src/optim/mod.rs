//! Layer 4: optimisers over plain slices. Sees no simulator, only f and its gradient.
//!
//! An [`Optimizer`] asks for points and is told their values: Adam asks for one point with its
//! gradient, CMA-ES for a population without. For few
//! coordinates and many residuals there is [`least_squares`]. [`search`] is the loop around it: limits, the best
//! point, a flag that stops it, and a state from which a later process goes on bit for bit.

mod adam;
mod bounds;
mod cma_es;
mod least_squares;
mod rate;
mod search;

pub use adam::{Adam, AdamOptions, Clip};
pub use bounds::{Bounds, BoundsError};
pub use cma_es::{CmaEs, CmaEsOptions};
pub use least_squares::{
    Accepted, LeastSquaresOptions, Local, Minimum, SumOfSquares, least_squares,
};
pub use rate::Rate;
pub use search::{Best, Ending, Iteration, Limits, Progress, SearchError, search};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The value at a point, and the gradient there if it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Infinite where there is none, such as where a simulation broke: a bad point, not an error.
    pub value: f64,
    pub gradient: Option<Vec<f64>>,
}

/// Chooses points from the values of earlier ones. Deterministic: the same values lead to the same
/// points.
pub trait Optimizer {
    /// The points to evaluate next, all within bounds. Asking again without telling repeats them.
    fn ask(&mut self) -> Vec<Vec<f64>>;

    /// Whether the gradient is needed at these points.
    fn needs_gradient(&self) -> bool;

    /// Takes the evaluations of the points last asked for, in their order.
    fn tell(&mut self, evaluations: &[Evaluation]) -> Result<(), OptimizerError>;

    /// Why no better point is to be expected, if that is so.
    fn converged(&self) -> Option<String>;

    /// Everything needed to go on later.
    fn state(&self) -> OptimizerState;
}

/// Why an optimiser cannot go on.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum OptimizerError {
    #[error("the objective is {value}; it must be finite")]
    Value { value: f64 },
    #[error("derivative {index} of the objective is {value}; it must be finite")]
    Gradient { index: usize, value: f64 },
    #[error("the objective is not finite at any of {population} points")]
    Population { population: usize },
    #[error("{found} {what} where {expected} are needed")]
    Shape { what: &'static str, found: usize, expected: usize },
    #[error("{option} is {value}; {allowed}")]
    Option { option: &'static str, value: f64, allowed: &'static str },
}

/// A stored optimiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "optimizer", rename_all = "kebab-case")]
pub enum OptimizerState {
    Adam(adam::AdamState),
    CmaEs(cma_es::CmaEsState),
}

impl OptimizerState {
    /// The optimiser that goes on where this state was taken.
    pub fn resume(self) -> Result<Box<dyn Optimizer>, OptimizerError> {
        Ok(match self {
            OptimizerState::Adam(state) => Box::new(Adam::from_state(state)?),
            OptimizerState::CmaEs(state) => Box::new(CmaEs::from_state(state)?),
        })
    }
}

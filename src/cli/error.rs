//! What can go wrong in a command, said to the person who can fix it.

use crate::identify::IdentifyError;
use crate::mpm::simulator::SimulationError;
use crate::optim::OptimizerError;
use crate::rollout::RolloutError;
use miette::Diagnostic;
use std::path::PathBuf;
use thiserror::Error;

#[derive(Debug, Error, Diagnostic)]
pub enum CliError {
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: String },

    #[error("cannot write {}: {cause}", path.display())]
    Write { path: PathBuf, cause: String },

    /// An option whose value cannot be used; the message says what is allowed.
    #[error("{option}: {problem}")]
    Option { option: &'static str, problem: String },

    #[error("{}: {problem}", path.display())]
    Controls { path: PathBuf, problem: String },

    #[error(transparent)]
    Rollout(#[from] RolloutError),

    #[error(transparent)]
    Identify(#[from] IdentifyError),

    #[error(transparent)]
    Optimizer(#[from] OptimizerError),

    /// A search that broke off; what it had found is kept.
    #[error("{cause}")]
    #[diagnostic(help("the best of {iterations} iterations is in {}", directory.display()))]
    Search { cause: String, iterations: usize, directory: PathBuf },

    #[error("{problem}")]
    #[diagnostic(help("{help}"))]
    Device { problem: String, help: String },

    #[error(transparent)]
    Simulation(#[from] SimulationError),

    /// A simulation that stopped, with the last good state kept.
    #[error("{cause}")]
    #[diagnostic(help("the state before it, at substep {substep}, is in {}", saved.display()))]
    Stopped { cause: SimulationError, substep: usize, saved: PathBuf },
}

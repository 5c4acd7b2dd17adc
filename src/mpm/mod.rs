//! Layer 3: the solver.

pub mod device;
pub mod diagnostics;
pub mod simulator;
pub mod state;
pub mod twin;
mod wrench;

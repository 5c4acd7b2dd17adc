//! softscape: a differentiable simulator of soft materials for robots.

pub mod agents;
pub mod bench;
pub mod cli;
pub mod gpu;
pub mod identify;
pub mod laws;
pub mod math;
pub mod model;
pub mod mpm;
pub mod optim;
pub mod render;
pub mod rollout;
pub mod scene;
pub mod task;
#[cfg(feature = "viewer")]
pub mod viewer;

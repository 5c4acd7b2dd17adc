//! Layer 5: speed, memory and accuracy, as records; the front end prints them.

pub mod adaptive;
pub mod horizon;
pub mod plot;
pub mod setup;
pub mod throughput;
pub mod usage;
pub mod validate;

//! Layer 6: the window.

pub mod pass;

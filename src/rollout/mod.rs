//! Layer 4: a horizon of control steps: controls, checkpoints, objectives, gradient.

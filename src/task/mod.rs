//! Layer 5: a scene with horizon, objective and score.

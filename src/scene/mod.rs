//! Layer 1: the scene file format. Plain data and its errors; no GPU, no derived numbers.

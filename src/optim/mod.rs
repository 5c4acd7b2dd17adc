//! Layer 4: optimisers over plain slices. Sees no simulator, only f and its gradient.

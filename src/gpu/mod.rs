//! Layer 0: device, typed buffers, shaders, kernels, recordings. Knows no physics.

//! Layer 0: scalars, small vectors and matrices, and the decompositions the materials need.
//!
//! Everything is generic over [`Real`], so that one source of an equation serves f32, f64, dual
//! numbers and SIMD lanes. No I/O, no GPU, no physics.

mod decompose;
mod differences;
mod mat3;
mod quaternion;
mod real;
mod spline;
mod tensor;

pub use decompose::{Svd, left_svd, polar_rotation, svd};
pub use differences::Differences;
pub use mat3::{Mat3, Vec3};
pub use quaternion::{
    quaternion_identity, quaternion_matrix, quaternion_turned, turn_change, turn_change_adj,
};
pub use real::{Dual, Quad, QuadPair, Real, Scalar};
pub use spline::{spline_coefficients, spline_weights};
pub use tensor::{clamp_spd, exp_symmetric, ln_spd, nearest_rotation, sqrt_spd};

//! The CPU twin: one plain function per stage, named as in `shaders/stage/`, generic over the scalar.

pub mod contact;
pub mod material;
pub mod sdf;

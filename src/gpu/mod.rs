//! Layer 0: devices, typed buffers, shaders, kernels, recordings. Knows no physics.
//!
//! A [`Gpu`] is one open device, shared with a renderer. A [`ShaderSource`] concatenates WGSL files
//! and reflects their bindings, a [`Kernel`] is one compute pipeline whose buffers are bound *by
//! name* from [`Resources`], and a [`Recording`] collects dispatches and copies for submission.

mod buffer;
mod device;
mod error;
mod kernel;
mod recording;
mod shader;
mod texture;

pub use buffer::{Buffer, Resources};
pub use device::{AdapterChoice, AdapterSummary, Gpu, block_on};
pub use error::GpuError;
pub use kernel::{Bound, Kernel, KernelOptions};
pub use recording::{Dispatch, Recording, StageTime, Timer};
pub use shader::{Access, Binding, Shader, ShaderFile, ShaderSource};
pub use texture::FloatTexture;

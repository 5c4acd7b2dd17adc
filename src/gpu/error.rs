//! What can go wrong with a device, in words for the person who can fix it.

use thiserror::Error;

/// An error of the device layer.
#[derive(Clone, Debug, Error)]
pub enum GpuError {
    #[error(
        "no {wanted} adapter found; the adapters are: {found}. \
         Install a Vulkan driver (software: lavapipe) or use the CPU backend"
    )]
    NoAdapter { wanted: String, found: String },
    #[error("adapter `{adapter}` refused a device: {cause}")]
    NoDevice { adapter: String, cause: String },
    #[error("the device was lost: {0}")]
    Lost(String),
    #[error("the device reported: {0}")]
    Device(String),
    #[error("buffer `{buffer}` needs {bytes} bytes; this device allows {allowed} a buffer")]
    TooLarge { buffer: String, bytes: u64, allowed: u64 },
    #[error("out of device memory for buffer `{buffer}` of {bytes} bytes: {cause}")]
    OutOfMemory { buffer: String, bytes: u64, cause: String },
    #[error("shader `{shader}`, {place}: {message}")]
    Shader { shader: String, place: String, message: String },
    #[error("shader `{shader}` has no entry point `{entry}`; it has: {found}")]
    NoEntryPoint { shader: String, entry: String, found: String },
    #[error("kernel `{kernel}` needs a buffer `{binding}`; offered are: {offered}")]
    MissingBuffer { kernel: String, binding: String, offered: String },
    #[error(
        "kernel `{kernel}`: binding `{binding}` has elements of {expected} bytes, \
         buffer `{buffer}` has elements of {found} bytes"
    )]
    ElementSize { kernel: String, binding: String, buffer: String, expected: u64, found: u64 },
    #[error(
        "kernel `{kernel}`: binding `{binding}` needs {expected} bytes, buffer `{buffer}` has {found}"
    )]
    TooSmall { kernel: String, binding: String, buffer: String, expected: u64, found: u64 },
    #[error(
        "kernel `{kernel}`: binding `{binding}` reads {needed}, buffer `{buffer}` lacks that usage"
    )]
    Usage { kernel: String, binding: String, buffer: String, needed: &'static str },
    #[error(
        "kernel `{kernel}`: {stage_buffers} storage buffers, the default limits allow {allowed}"
    )]
    TooManyBuffers { kernel: String, stage_buffers: usize, allowed: u32 },
}

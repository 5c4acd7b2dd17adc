//! What a device takes, and errors that say so.

use super::{SimulationError, layout, levels};
use crate::gpu::{Gpu, GpuError};
use crate::model::Model;

/// The most particles that the device's bindings take.
pub(super) fn most_particles(gpu: &Gpu, model: &Model) -> usize {
    let binding = gpu.device.limits().max_storage_buffer_binding_size as usize;
    match model.levels.count() {
        1 => binding / (16 * layout::particle_rows(model)),
        _ => (binding / (16 * levels::PARTICLE_ROWS)).min(levels::MOST_PARTICLES),
    }
}

pub(super) fn particles_on(gpu: &Gpu) -> String {
    let binding = gpu.device.limits().max_storage_buffer_binding_size;
    format!("particles on this device, whose largest binding has {binding} bytes")
}

pub(super) fn within(what: &str, needed: usize, allowed: usize) -> Result<(), SimulationError> {
    if needed <= allowed {
        return Ok(());
    }
    let (needed, allowed) = (needed as u64, allowed as u64);
    Err(SimulationError::Capacity { what: what.into(), needed, allowed })
}

impl From<GpuError> for SimulationError {
    fn from(error: GpuError) -> Self {
        match error {
            GpuError::Lost(cause) => SimulationError::DeviceLost(cause),
            GpuError::TooLarge { buffer, bytes, allowed } => SimulationError::Capacity {
                what: format!("bytes of buffer `{buffer}`"),
                needed: bytes,
                allowed,
            },
            other => SimulationError::Device(other.to_string()),
        }
    }
}

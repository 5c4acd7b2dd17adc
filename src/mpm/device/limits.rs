//! What a device takes, and errors that say so.

use super::{SimulationError, layout, levels, placement};
use crate::gpu::{Gpu, GpuError};
use crate::model::Model;

/// The most particles that the device's bindings take, in whole rows.
pub(super) fn most_particles(gpu: &Gpu, model: &Model) -> usize {
    match model.levels.count() {
        1 => rows_of(gpu, layout::particle_rows(model)),
        _ => most_with_levels(gpu),
    }
}

/// The same where there are levels.
pub(super) fn most_with_levels(gpu: &Gpu) -> usize {
    rows_of(gpu, levels::PARTICLE_ROWS).min(levels::MOST_PARTICLES)
}

/// The longest rows of which a binding takes so many.
fn rows_of(gpu: &Gpu, rows: usize) -> usize {
    let binding = gpu.device.limits().max_storage_buffer_binding_size as usize;
    let longest = binding / (size_of::<[f32; 4]>() * rows);
    longest - longest % placement::ROW_MULTIPLE
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

//! The device beside a twin that is given its state.

use softscape::agents::Drive;
use softscape::gpu::Gpu;
use softscape::model::Model;
use softscape::mpm::device::{Exchanged, GpuSimulator};
use softscape::mpm::simulator::Simulator;
use softscape::mpm::state::State;
use softscape::mpm::twin::{self, Precision};
use std::sync::Arc;

/// Runs the device; at the start of every control step `see` is given the substep, the state before it, and that
/// after one substep of the device and of the twin from there. Returns what was moved between host and device.
pub fn beside_the_twin(
    gpu: &Gpu,
    model: &Arc<Model>,
    drive: &Drive,
    mut see: impl FnMut(usize, &State<f64>, &State<f64>, &State<f64>),
) -> Exchanged {
    let mut device = GpuSimulator::new(model, gpu).unwrap();
    let mut twin = twin::simulator(model, Precision::F64).unwrap();
    device.drive(drive).unwrap();
    twin.drive(drive).unwrap();
    for start in (0..drive.substeps()).step_by(model.substeps_per_control) {
        let state = device.read().unwrap();
        twin.load(&state).unwrap();
        twin.forward(start..start + 1).unwrap();
        device.forward(start..start + 1).unwrap();
        see(start, &state, &device.read().unwrap(), &twin.read().unwrap());
        device.forward(start + 1..start + model.substeps_per_control).unwrap();
    }
    device.exchanged().unwrap()
}

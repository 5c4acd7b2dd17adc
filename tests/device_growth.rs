//! The sparse grid follows bodies wherever they go.

mod adapter;
#[path = "common/models.rs"]
mod models;

use models::{model_of, relative_error, still_drive};
use softscape::math::Vec3;
use softscape::model::Law;
use softscape::mpm::device::GpuSimulator;
use softscape::mpm::simulator::Simulator;
use std::sync::Arc;

#[test]
fn a_body_that_flies_through_hundreds_of_blocks_finds_room_for_each() {
    let Some(gpu) = adapter::gpu() else { return };
    let h = 1.0 / 32.0;
    let mut x = Vec::new();
    for i in 0..64 {
        let index = [i % 4, (i / 4) % 4, i / 16];
        x.push(index.map(|c| 0.2 + (f64::from(c) + 0.5) * h / 2.0));
    }
    let law = Law::Elastic { young_modulus: 1e3, poisson_ratio: 0.3 };
    let mut model = model_of(h, 1e-4, law, 1000.0, &x, (h / 2.0f64).powi(3));
    model.gravity = Vec3([0.0; 3]);
    // Nearly a cell a substep, in a direction that meets new blocks on three sides.
    let velocity = Vec3([250.0, 120.0, -180.0]);
    model.initial.v = vec![velocity; x.len()];
    let model = Arc::new(model);
    let substeps = 600;
    let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
    let before = simulator.peak_bytes();
    simulator.drive(&still_drive(&model, substeps)).unwrap();
    simulator.save(0).unwrap();
    simulator.forward(0..substeps).unwrap();
    let state = simulator.read().unwrap();
    assert!(
        simulator.peak_bytes() > before + before / 2,
        "the flight was too short to need more room"
    );

    let time = substeps as f64 * model.substep_secs;
    let flown = |p: usize| {
        let at = state.world_position(p, h, model.origin);
        std::array::from_fn::<_, 3, _>(|a| at[a] - velocity[a] * time)
    };
    // f32 rounds each of 600 moves of up to 0.8 cells.
    const ALLOWED: f64 = 1e-3;
    let error = relative_error((0..x.len()).flat_map(flown), x.iter().copied().flatten());
    assert!(error < ALLOWED, "after the flight positions are off by {error:.1e}");

    // What was stored before the tables grew is still good.
    let far = simulator.fingerprint().unwrap();
    simulator.restore(0).unwrap();
    simulator.forward(0..substeps).unwrap();
    assert_eq!(simulator.fingerprint().unwrap(), far);
}

//! The sparse grid follows bodies wherever they go, in memory that follows the blocks in use; no bit
//! depends on when slots are freed or tables grow.

use crate::adapter;

use crate::common::contact_scene::noise;
use crate::common::models::{model_of, relative_error, still_drive};
use softscape::gpu::Gpu;
use softscape::math::{Mat3, Vec3};
use softscape::model::{Law, Model};
use softscape::mpm::device::{GpuSimulator, Placement};
use softscape::mpm::simulator::{Gradient, ObservationCotangent, Simulator};
use std::ops::Range;
use std::sync::Arc;

const H: f64 = 1.0 / 32.0;
const DT: f64 = 1e-4;

/// 4 x 4 x 4 particles that far apart [cells], in a world without gravity.
fn particles(spacing: f64, velocity: impl Fn([f64; 3]) -> [f64; 3]) -> Model {
    let index: Vec<[f64; 3]> =
        (0..64).map(|i| [i % 4, (i / 4) % 4, i / 16].map(f64::from)).collect();
    let x: Vec<_> = index.iter().map(|i| i.map(|c| 0.2 + (c + 0.5) * spacing * H)).collect();
    let law = Law::Elastic { young_modulus: 1e3, poisson_ratio: 0.3 };
    let mut model = model_of(H, DT, law, 1000.0, &x, (H / 2.0f64).powi(3));
    model.gravity = Vec3([0.0; 3]);
    model.initial.v = index.iter().map(|&i| Vec3(velocity(i))).collect();
    model
}

/// A body that crosses most of a block each substep, meeting new ones on three sides.
fn flight() -> (Model, Vec3<f64>) {
    let cells = Vec3([3.9, 1.5, -2.3]);
    let velocity = cells * (H / DT);
    (particles(0.5, |_| velocity.0), velocity)
}

/// Bent, so that gradients are not trivial.
fn bent(mut model: Model) -> Arc<Model> {
    for (p, f) in model.initial.f.iter_mut().enumerate() {
        *f = Mat3::identity() + Mat3::from_fn(|a, b| 0.02 * noise(9 * p + 3 * a + b));
    }
    Arc::new(model)
}

#[test]
fn a_body_that_flies_through_thousands_of_blocks_keeps_its_memory() {
    let Some(gpu) = adapter::gpu() else { return };
    let (model, velocity) = flight();
    let model = Arc::new(model);
    // 2000 blocks along x; some thirty times as many come near the body.
    let (early, substeps) = (100, 2100);
    let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
    simulator.drive(&still_drive(&model, substeps)).unwrap();
    simulator.forward(0..early).unwrap();
    let before = simulator.peak_bytes();
    simulator.forward(early..substeps).unwrap();
    let state = simulator.read().unwrap();
    assert!(simulator.renumberings() > 10, "the flight was too short to need slots again");
    // It may spread a little, and meet some blocks faster than others.
    let after = simulator.peak_bytes();
    assert!(after < 2 * before, "memory grew with the way: from {before} to {after} bytes");

    let time = substeps as f64 * DT;
    let flown = |p: usize| {
        let at = state.world_position(p, H, model.origin);
        std::array::from_fn::<_, 3, _>(|a| at[a] - velocity[a] * time)
    };
    // f32 rounds the velocity, which moves the body by thousands of cells.
    const ALLOWED: f64 = 1e-3;
    let start = |p: usize| model.initial.world_position(p, H, model.origin);
    let particles = 0..state.particle_count();
    let error = relative_error(particles.clone().flat_map(flown), particles.flat_map(start));
    assert!(error < ALLOWED, "after the flight positions are off by {error:.1e}");
}

/// Everything that must repeat, and how often slots were given anew.
struct Outcome {
    fingerprints: [u64; 3],
    gradient: Gradient,
    renumberings: usize,
}

/// Flies, stores a state on the way, records the rest and walks it back.
fn run(gpu: &Gpu, model: &Arc<Model>, placement: &Placement, recorded: Range<usize>) -> Outcome {
    let Range { start: stored, end } = recorded;
    let mut simulator = GpuSimulator::with_placement(model, gpu, placement).unwrap();
    simulator.drive(&still_drive(model, end)).unwrap();
    simulator.save(0).unwrap();
    simulator.forward(0..stored).unwrap();
    simulator.save(1).unwrap();
    simulator.forward_recorded(stored..end).unwrap();
    let last = simulator.fingerprint().unwrap();
    simulator.begin_reverse().unwrap();
    let n = model.particles.mass.len();
    let pull =
        |salt: usize| (0..n).map(|p| std::array::from_fn(|a| noise(salt + 3 * p + a))).collect();
    simulator
        .seed(&ObservationCotangent { x: pull(0), v: pull(1000), ..Default::default() })
        .unwrap();
    simulator.reverse(stored..end).unwrap();
    let walked = simulator.fingerprint().unwrap();
    let gradient = simulator.gradient().unwrap();
    // The states before belong to slots that were given to other blocks since.
    simulator.restore(1).unwrap();
    assert_eq!(simulator.fingerprint().unwrap(), walked, "not the state that was stored");
    simulator.restore(0).unwrap();
    simulator.forward(0..end).unwrap();
    let again = simulator.fingerprint().unwrap();
    let renumberings = simulator.renumberings();
    Outcome { fingerprints: [last, walked, again], gradient, renumberings }
}

/// The same bits with scarce slots as with so many that none is ever given anew.
fn compare(gpu: &Gpu, model: &Arc<Model>, recorded: Range<usize>) {
    let scarce = run(gpu, model, &Placement::new(&model.initial), recorded.clone());
    let plenty = Placement { closure: 4000, ..Placement::new(&model.initial) };
    let plenty = run(gpu, model, &plenty, recorded);
    let renumberings = (scarce.renumberings, plenty.renumberings);
    assert!(renumberings.0 > 0 && renumberings.1 == 0, "nothing to compare: {renumberings:?}");
    assert_eq!(scarce.fingerprints, plenty.fingerprints);
    assert_eq!(plenty.fingerprints[0], plenty.fingerprints[2], "a replay differs");
    assert!(scarce.gradient == plenty.gradient, "the gradients differ");
}

#[test]
fn slots_freed_on_the_way_change_no_bit_forward_or_backward() {
    let Some(gpu) = adapter::gpu() else { return };
    compare(&gpu, &bent(flight().0), 60..120);
}

#[test]
fn tables_that_grow_while_substeps_are_recorded_change_no_bit_and_lose_none() {
    let Some(gpu) = adapter::gpu() else { return };
    // From a block each, in which neighbours share what is around them, to far from each other.
    let apart = |i: [f64; 3]| i.map(|c| (c - 1.5) * 0.2 * H / DT);
    let model = bent(particles(4.0, apart));
    let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
    simulator.drive(&still_drive(&model, 100)).unwrap();
    simulator.forward_recorded(0..10).unwrap();
    let before = simulator.record_bytes();
    simulator.forward_recorded(10..100).unwrap();
    assert!(simulator.record_bytes() > before, "the tables did not grow");
    assert!(before > simulator.state_bytes(), "the momenta of a recorded substep are not counted");
    compare(&gpu, &model, 10..70);
}

#[test]
fn more_particles_than_a_binding_takes_are_refused_with_the_number_that_fits() {
    let Some(gpu) = adapter::gpu() else { return };
    let descriptor = wgpu::DeviceDescriptor {
        required_limits: wgpu::Limits {
            max_storage_buffer_binding_size: 1 << 20,
            ..gpu.device.limits()
        },
        ..Default::default()
    };
    let (instance, adapter) = (gpu.instance, gpu.adapter);
    let opened = softscape::gpu::block_on(adapter.request_device(&descriptor));
    let (device, queue) = opened.unwrap();
    let small = Gpu::from_wgpu(instance, adapter, device, queue);
    let x: Vec<_> =
        (0..10_000).map(|i| [0.01 * f64::from(i % 100), 0.01 * f64::from(i / 100), 0.0]).collect();
    let law = Law::Elastic { young_modulus: 1e3, poisson_ratio: 0.3 };
    let model = Arc::new(model_of(H, DT, law, 1000.0, &x, (H / 2.0f64).powi(3)));
    let error = GpuSimulator::new(&model, &small).err().map(|e| e.to_string()).unwrap_or_default();
    // Seven rows of sixteen bytes each, of whole runs of sixteen particles.
    assert!(error.contains("10000 needed, 9360 available"), "{error}");
    assert!(error.contains("1048576 bytes"), "{error}");
}

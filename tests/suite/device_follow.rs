//! Splitting and merging on the GPU solver: the host, which sees some particles alone, chooses what the twin
//! chooses from the whole state; and what is moved between host and device is as much as what changes.

use crate::adapter;

use crate::common::beside::beside_the_twin;
use crate::common::contact_scene::{ELASTIC, SAND, drive, noise};
use crate::device_levels::changing;
use softscape::agents::{self, Drive};
use softscape::gpu::Gpu;
use softscape::math::Mat3;
use softscape::model::{Model, compile};
use softscape::mpm::device::{Exchanged, GpuSimulator};
use softscape::mpm::simulator::{ObservationCotangent, Simulator};
use softscape::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

/// Bytes of a particle that is read as a whole, with its state, and loaded, with its id and cells.
const READ_BYTES: u64 = 112;
const LOADED_BYTES: u64 = 7 * 16 + 16 + 16 + 8;
/// Bytes of a particle whose cotangent is read and loaded as a whole.
const READ_BAR_BYTES: u64 = 132;
const LOADED_BAR_BYTES: u64 = 2 * 7 * 16;

fn plough() -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes/plough.toml");
    compile(&Scene::load(&path).unwrap(), Fidelity::Preview).unwrap()
}

/// Its colliders move as the scene says.
fn commanded(model: &Model, control_steps: usize) -> Drive {
    agents::drive(model, &[], control_steps)
}

/// Splits and merges of every control step, against those of a twin that is given the device's state.
fn choices_are_the_twins(gpu: &Gpu, model: Model, drive: &Drive) -> Exchanged {
    let mut changes = 0;
    let exchanged =
        beside_the_twin(gpu, &Arc::new(model), drive, |start, state, chosen, expected| {
            assert!(chosen.particles == expected.particles, "other particles at substep {start}");
            assert!(chosen.cell == expected.cell || near(&chosen.offset, &expected.offset));
            changes += usize::from(chosen.particles != state.particles);
        });
    assert_eq!(exchanged.changes, changes);
    exchanged
}

/// Whether offsets differ by f32 round-off of a substep, or by a cell where they lie between two.
fn near<T: std::ops::Index<usize, Output = f64>>(a: &[T], b: &[T]) -> bool {
    const ROUND_OFF: f64 = 1e-5;
    a.iter().zip(b).all(|(a, b)| {
        (0..3).all(|axis| {
            let apart = (a[axis] - b[axis]).abs();
            apart < ROUND_OFF || (apart - 1.0).abs() < ROUND_OFF
        })
    })
}

#[test]
fn what_is_split_and_merged_is_what_the_twin_chooses_from_the_same_state() {
    let Some(gpu) = adapter::gpu() else { return };
    for (law, count) in [(ELASTIC, 2), (ELASTIC, 3), (SAND, 3)] {
        let model = changing(law, count);
        let drive = drive(&model, 120);
        let Exchanged { changes, .. } = choices_are_the_twins(&gpu, model, &drive);
        assert!(changes > 3, "{changes} control steps changed particles");
    }
}

#[test]
fn a_plough_splits_and_merges_what_the_twin_chooses_from_the_same_state() {
    let Some(gpu) = adapter::gpu() else { return };
    let model = plough();
    let drive = commanded(&model, 12);
    let Exchanged { changes, .. } = choices_are_the_twins(&gpu, model, &drive);
    assert!(changes > 6, "{changes} control steps changed particles");
}

/// Particles of every level side by side, some light, some heavy, some strained, some fast: all reasons for which
/// groups are merged or not, and particles that are made where others may be merged.
#[test]
fn of_any_mixture_the_device_looks_at_all_that_the_twin_changes() {
    let Some(gpu) = adapter::gpu() else { return };
    let (mut looked_at, mut particles, mut asked_again) = (0, 0, 0);
    let mut control_steps = 0;
    for run in 0..8 {
        // Without fast ones, and with a margin, what is split far from what is merged stays there.
        let (salt, levels, mixes) = (100_000 * run, 2 + run / 4, run >= 4);
        let mut model = changing(if run % 2 == 0 { ELASTIC } else { SAND }, levels);
        model.levels.hysteresis = if mixes { 0.0 } else { model.cell_width };
        let count = model.initial.particle_count();
        for p in 0..count {
            let random = |k: usize| 0.5 + noise(salt + 10 * p + k);
            let level = (levels as f64 * random(0)) as u8;
            let size = 8f64.powi(i32::from(level)) * (0.2 + 1.1 * random(1));
            model.particles.level[p] = level;
            model.particles.mass[p] *= size;
            model.particles.volume[p] *= size;
            let speed = if mixes { 20.0 * random(2).powi(8) } else { random(2) };
            model.initial.v[p] = model.initial.v[p] * speed;
            let strained = if random(3) > 0.9 { 0.03 } else { 0.0 };
            model.initial.f[p] += Mat3::identity() * strained;
        }
        let drive = drive(&model, 2 * model.substeps_per_control);
        let exchanged = choices_are_the_twins(&gpu, model, &drive);
        assert!(exchanged.changes > 0, "nothing changed");
        looked_at += exchanged.concerned;
        asked_again += exchanged.asked_again;
        particles += count * exchanged.control_steps;
        control_steps += exchanged.control_steps;
    }
    println!("looked at {looked_at}, asked again {asked_again} times, of {particles}");
    assert!(asked_again > 0, "nothing that was made came among others");
    assert!(asked_again < control_steps, "nothing was ever left out");
}

/// For the record of `docs/adaptive-resolution.md`.
#[test]
fn bytes_between_host_and_device_are_those_of_what_changes() {
    const CONTROL_STEPS: usize = 16;
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(plough());
    let drive = commanded(&model, CONTROL_STEPS);
    let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
    simulator.drive(&drive).unwrap();
    // The first control step fits the whole state to the field.
    let (first, end) = (model.substeps_per_control, drive.substeps());
    simulator.forward(0..first).unwrap();
    let begun = simulator.exchanged().unwrap();
    simulator.forward_recorded(first..end).unwrap();
    let forward = simulator.exchanged().unwrap();
    let particles = simulator.particle_count() as u64;
    simulator.begin_reverse().unwrap();
    let x = vec![[1.0; 3]; particles as usize];
    let seed = ObservationCotangent { x, ..ObservationCotangent::default() };
    simulator.seed(&seed).unwrap();
    simulator.reverse(first..end).unwrap();
    let back = simulator.exchanged().unwrap();

    let changes = (forward.changes - begun.changes) as u64;
    let steps = (forward.control_steps - begun.control_steps) as u64;
    assert!(2 * changes > steps, "{changes} of {steps} control steps changed particles");
    let parts = |name: &str, before: Exchanged, after: Exchanged, whole: u64| {
        let to_host = after.to_host_bytes - before.to_host_bytes;
        let to_device = after.to_device_bytes - before.to_device_bytes;
        println!(
            "{name}: {} bytes a control step to the host, {} to the device; the whole state: {}",
            to_host / steps,
            to_device / steps,
            whole / steps
        );
        assert!(10 * (to_host + to_device) < whole, "{name}: {to_host} and {to_device} of {whole}");
    };
    let looked_at = (forward.concerned - begun.concerned) as u64 / steps;
    let made = (forward.made - begun.made) as u64 / steps;
    println!("{particles} particles; of which {looked_at} are looked at, {made} are made");
    parts("forward", begun, forward, particles * (steps * READ_BYTES + changes * LOADED_BYTES));
    let whole = particles * changes * (READ_BAR_BYTES + LOADED_BAR_BYTES);
    parts("back", forward, back, whole);
}

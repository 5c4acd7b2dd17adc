//! The GPU solver repeats bit by bit: run after run, in replay, anywhere in the world, however the
//! particles are stored, on any number of threads.

use crate::adapter;

use crate::common::contact_scene::{ELASTIC, LIQUID, SAND, drive, noise, scene};
use softscape::agents::{Drive, DriveCotangent};
use softscape::gpu::Gpu;
use softscape::model::Model;
use softscape::mpm::device::{GpuSimulator, Placement};
use softscape::mpm::simulator::{Gradient, ObservationCotangent, Simulator};
use softscape::mpm::state::State;
use std::sync::Arc;

const SUBSTEPS: usize = 40;

/// Everything that must repeat: the final state but for absolute cells, and the gradient.
#[derive(PartialEq)]
struct Bits {
    state: State<f64>,
    gradient: Gradient,
    seen: Vec<[f64; 3]>,
}

impl Bits {
    /// A number that two equal results share.
    fn hash(&self) -> u64 {
        let text = format!("{:?}{:?}", self.state, self.gradient);
        text.bytes()
            .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
    }
}

fn run(gpu: &Gpu, model: &Arc<Model>, drive: &Drive, placement: &Placement) -> Bits {
    let mut simulator = GpuSimulator::with_placement(model, gpu, placement).unwrap();
    simulator.drive(drive).unwrap();
    simulator.forward_recorded(0..SUBSTEPS).unwrap();
    simulator.observe(0).unwrap();
    let mut state = simulator.read().unwrap();
    let seen = simulator.observation(0).unwrap();
    for cell in &mut state.cell {
        *cell = std::array::from_fn(|a| cell[a] - model.origin[a]);
    }
    simulator.begin_reverse().unwrap();
    let n = seen.x.len();
    let pull = |salt: usize| {
        (0..n).map(|p| std::array::from_fn(|a| noise(salt + 3 * p + a) / n as f64)).collect()
    };
    simulator
        .seed(&ObservationCotangent {
            x: pull(0),
            v: pull(7_000),
            ..ObservationCotangent::default()
        })
        .unwrap();
    simulator.reverse(0..SUBSTEPS).unwrap();
    let gradient = simulator.gradient().unwrap();
    Bits { state, gradient, seen: seen.x }
}

fn run_plain(gpu: &Gpu, model: &Arc<Model>) -> Bits {
    run(gpu, model, &drive(model, SUBSTEPS), &Placement::new(&model.initial))
}

fn assert_moving(gradient: &Gradient) {
    let DriveCotangent { poses, activations, .. } = &gradient.drive;
    assert!(poses.iter().any(|p| p.position.norm_squared() > 0.0), "the capsule was never touched");
    assert!(activations.iter().any(|&a| a != 0.0), "the muscle never pulled");
}

#[test]
fn two_runs_give_the_same_bits_forward_and_backward() {
    let Some(gpu) = adapter::gpu() else { return };
    for law in [ELASTIC, LIQUID, SAND] {
        let model = Arc::new(scene(law));
        let (a, b) = (run_plain(&gpu, &model), run_plain(&gpu, &model));
        assert!(a == b, "{law:?}");
        if law == ELASTIC {
            assert_moving(&a.gradient);
        }
    }
}

#[test]
fn a_replay_from_a_checkpoint_gives_the_bits_of_the_forward_run() {
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(scene(ELASTIC));
    let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
    simulator.reserve(2, SUBSTEPS).unwrap();
    simulator.drive(&drive(&model, SUBSTEPS)).unwrap();
    simulator.save(0).unwrap();
    simulator.forward(0..17).unwrap();
    simulator.save(1).unwrap();
    simulator.forward(17..SUBSTEPS).unwrap();
    let forward = simulator.fingerprint().unwrap();
    simulator.restore(1).unwrap();
    simulator.forward_recorded(17..SUBSTEPS).unwrap();
    assert_eq!(simulator.fingerprint().unwrap(), forward);
    simulator.restore(0).unwrap();
    simulator.forward_recorded(0..20).unwrap();
    simulator.forward_recorded(20..SUBSTEPS).unwrap();
    assert_eq!(simulator.fingerprint().unwrap(), forward);
    simulator.restore(0).unwrap();
    simulator.forward(0..SUBSTEPS - 1).unwrap();
    assert_ne!(simulator.fingerprint().unwrap(), forward, "the fingerprint sees nothing");
}

#[test]
fn a_shift_of_the_world_by_cells_changes_no_bit() {
    let Some(gpu) = adapter::gpu() else { return };
    let model = scene(ELASTIC);
    let here = run_plain(&gpu, &Arc::new(model.clone()));
    // Whole blocks, and not.
    for shift in [[1 << 20; 3], [(1 << 20) + 1, -(1 << 20) + 2, 3]] {
        let mut moved = model.clone();
        moved.origin = std::array::from_fn(|a| model.origin[a] + shift[a]);
        for cell in &mut moved.initial.cell {
            *cell = std::array::from_fn(|a| cell[a] + shift[a]);
        }
        let there = run_plain(&gpu, &Arc::new(moved));
        assert!(there == here, "shifted by {shift:?}");
    }
}

#[test]
fn the_order_in_storage_changes_no_bit() {
    let Some(gpu) = adapter::gpu() else { return };
    let model = Arc::new(scene(ELASTIC));
    let sorted = run_plain(&gpu, &model);
    let shuffled = Placement::with_order(&model.initial, |ids| {
        ids.sort_by(|&a, &b| noise(a as usize).total_cmp(&noise(b as usize)));
    });
    assert_ne!(shuffled.ids, Placement::new(&model.initial).ids);
    let other = run(&gpu, &model, &drive(&model, SUBSTEPS), &shuffled);
    assert!(other == sorted);
}

/// Run by the next test in processes of their own: a software device reads its number of threads
/// when it starts.
#[test]
fn the_bits_of_one_run() {
    let Some(gpu) = adapter::gpu() else { return };
    println!("bits={:016x}", run_plain(&gpu, &Arc::new(scene(ELASTIC))).hash());
}

#[test]
fn the_number_of_threads_of_a_software_device_changes_no_bit() {
    if adapter::gpu().is_none() {
        return;
    }
    let bits = |threads: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "device_repeat::the_bits_of_one_run", "--nocapture"])
            .env("LP_NUM_THREADS", threads)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let hash = text.split("bits=").nth(1).and_then(|rest| rest.get(..16)).map(str::to_string);
        hash.unwrap_or_else(|| panic!("the run with {threads} threads failed:\n{text}"))
    };
    assert_eq!(bits("1"), bits("2"));
}

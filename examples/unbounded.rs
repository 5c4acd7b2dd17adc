//! A drive over ground without end: what a control step costs and what is held in memory, metre by metre.
//!
//! `cargo run --release --example unbounded -- scenes/drive-20m.toml 20 0.02`: which scene, how many
//! metres, with which cell width [m] of the finest level; and `gpu` for the device, with the bytes that go between it
//! and the host. Without them a short and coarse drive.

use softscape::agents::drive;
use softscape::bench::usage::{cpu_secs, forget_peak, peak_resident_bytes};
use softscape::gpu::{AdapterChoice, Gpu};
use softscape::model::{Model, compile, ground};
use softscape::mpm::device::{Exchanged, GpuSimulator};
use softscape::mpm::simulator::{SimulationError, Simulator};
use softscape::mpm::twin::{Precision, simulator};
use softscape::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

/// Where it runs.
enum Backend {
    Cpu(Box<dyn Simulator>),
    Gpu(Box<GpuSimulator>),
}

impl Backend {
    fn new(model: &Arc<Model>, on_gpu: bool) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(match on_gpu {
            true => {
                let gpu = Gpu::headless(&AdapterChoice::Auto)?;
                Backend::Gpu(Box::new(GpuSimulator::new(model, &gpu)?))
            }
            false => Backend::Cpu(simulator(model, Precision::F32)?),
        })
    }

    fn simulator(&mut self) -> &mut dyn Simulator {
        match self {
            Backend::Cpu(simulator) => simulator.as_mut(),
            Backend::Gpu(simulator) => simulator.as_mut(),
        }
    }

    /// What went between host and device so far.
    fn exchanged(&self) -> Option<Exchanged> {
        match self {
            Backend::Cpu(_) => None,
            Backend::Gpu(simulator) => simulator.exchanged(),
        }
    }

    /// A metre of the way.
    fn forward(&mut self, metre: usize, substeps: usize) -> Result<(), SimulationError> {
        self.simulator().forward(metre * substeps..(metre + 1) * substeps)?;
        // It may be behind.
        self.simulator().fingerprint().map(|_| ())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes/drive-20m.toml");
    let mut scene = Scene::load(given.first().map_or(own.as_path(), Path::new))?;
    let metres: usize = given.get(1).map_or(Ok(6), |text| text.parse())?;
    scene.world.cell_width = given.get(2).map_or(Ok(0.04), |text| text.parse())?;
    if given.is_empty() {
        // Cells that are four times as wide, and fewer levels: chunks of the same size.
        let levels = scene.levels.as_mut().expect("the scene has levels");
        levels.count = 3;
    }
    let model = Arc::new(compile(&scene, Fidelity::Standard)?);
    let speed = scene.collider[0].velocity[0];
    let control_secs = scene.world.control_secs;
    let steps_per_metre = (1.0 / (speed * control_secs)).round() as usize;
    let substeps_per_metre = steps_per_metre * model.substeps_per_control;

    let mut backend = Backend::new(&model, given.get(3).is_some_and(|backend| backend == "gpu"))?;
    backend.simulator().drive(&drive(&model, &[], metres * steps_per_metre))?;
    println!(
        "metre  s/control step  particles  awake  held  asleep  in memory  on disk     resident   equivalent"
    );
    let (mut secs, mut bytes) = (Vec::new(), Vec::new());
    for metre in 0..metres {
        forget_peak();
        let before = cpu_secs();
        let exchanged = backend.exchanged();
        backend.forward(metre, substeps_per_metre)?;
        secs.push((cpu_secs() - before) / steps_per_metre as f64);
        bytes.push(peak_resident_bytes().unwrap_or(0) as f64);
        let particles = backend.simulator().particle_count();
        let there = ground(&model, &backend.simulator().read()?).expect("chunks sleep");
        println!(
            "{:5}  {:14.4}  {particles:9}  {:5}  {:4}  {:6}  {:6.2} MB  {:6.1} MB  {:7.1} MB  {:8.1} M",
            metre + 1,
            secs[metre],
            there.awake.chunks,
            there.held.chunks,
            there.asleep.chunks,
            there.asleep.memory_bytes as f64 * 1e-6,
            there.asleep.disk_bytes as f64 * 1e-6,
            bytes[metre] * 1e-6,
            there.uniform_particle_count as f64 * 1e-6,
        );
        if let (Some(before), Some(now)) = (exchanged, backend.exchanged()) {
            let steps = steps_per_metre as u64;
            println!(
                "       a control step: {} bytes to the host, {} to the device, for chunks {} and {}; in {} of \
                 {steps} these changed: {} particles came, {} left; {} were looked at, {} made",
                (now.to_host_bytes - before.to_host_bytes) / steps,
                (now.to_device_bytes - before.to_device_bytes) / steps,
                (now.ground_to_host_bytes - before.ground_to_host_bytes) / steps,
                (now.ground_to_device_bytes - before.ground_to_device_bytes) / steps,
                now.passages - before.passages,
                now.came - before.came,
                now.left - before.left,
                now.concerned - before.concerned,
                now.made - before.made,
            );
        }
    }
    if metres < 5 {
        return Ok(());
    }
    // Processor time of a busy machine is uneven: means over two metres.
    let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
    let (early, late) = (1..3, metres - 2..metres);
    let slower = mean(&secs[late.clone()]) / mean(&secs[early.clone()]);
    let larger = mean(&bytes[late]) / mean(&bytes[early]);
    println!(
        "at the end a control step takes {slower:.3} times, memory {larger:.3} times that at 2 m"
    );
    // Over a few metres the first of them, in which memory is got from the system, are still in the mean.
    let allowed = if metres < 20 { 1.3 } else { 1.1 };
    assert!(slower < allowed && larger < 1.1, "ground that was left is not free");
    Ok(())
}

//! Speed and memory of the forward pass and of the gradient.

use super::setup::{Setup, rough};
use super::usage::{cpu_secs, forget_peak, peak_resident_bytes};
use crate::agents::drive;
use crate::model::{Law, LawKind, Model};
use crate::mpm::simulator::{Costs, ObservationCotangent, SimulationError, Simulator};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// Cells per metre of the scene that all figures are for.
const CELLS_PER_METRE: f64 = 64.0;

/// Substep [s]: that of the published figures of other programs for this scene.
const SUBSTEP_SECS: f64 = 1e-4;

/// How long one timed repeat runs, about [s].
const REPEAT_SECS: f64 = 1.0;

/// Most substeps in a repeat: beyond, even the smallest scene is timed well.
const MOST_SUBSTEPS: usize = 400;

/// Most memory for the recorded states of a timed gradient [bytes].
const RECORD_BYTES: u64 = 400 << 20;

/// Most substeps of a timed gradient.
const MOST_RECORDED: usize = 20;

/// Substeps over which the time of each stage is taken.
const STAGE_SUBSTEPS: usize = 10;

/// One thing to measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// The name of a law.
    pub material: String,
    /// Particles asked for; the cube has the nearest number.
    pub size: usize,
    /// Name of the backend.
    pub device: String,
    /// Threads of the CPU backend; 0 where the driver decides.
    pub threads: usize,
}

impl Case {
    /// material/size/device/threads
    pub fn name(&self) -> String {
        format!("{}/{}/{}/{}", self.material, self.size, self.device, self.threads)
    }
}

/// What was measured of a case. Speeds are in million particle-substeps per second.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub case: Case,
    pub particles: usize,
    /// What the backend calls itself.
    pub backend: String,
    pub forward: Speed,
    /// Gradient: replay and reverse together.
    pub backward: Option<Speed>,
    /// Processor time of backward over forward.
    pub backward_ratio: Option<f64>,
    /// Time of each stage of a substep forward and, of a gradient, back [ns per particle-substep, wall
    /// clock], by name.
    pub stage_ns: Vec<(String, f64)>,
    /// Memory traffic of a forward substep, as the backend counts it [bytes per particle].
    pub bytes_per_particle_substep: f64,
    /// What one stored state takes [bytes per particle].
    pub state_bytes_per_particle: f64,
    /// Largest resident memory of the process during the case [bytes].
    pub peak_resident_bytes: Option<u64>,
    /// Largest memory that the simulator counts as its own [bytes].
    pub peak_bytes: u64,
}

/// Median over the repeats, and how far they are apart.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Speed {
    /// Per second of wall clock.
    pub per_sec: f64,
    /// Per second of processor time, summed over the cores.
    pub per_core_sec: f64,
    /// Largest minus smallest speed per core-second, over the median.
    pub spread: f64,
}

/// How to make a simulator on the device of a case.
pub type MakeSimulator<'a> =
    &'a (dyn Fn(&Arc<Model>) -> Result<Box<dyn Simulator>, SimulationError> + Sync);

/// What to do for each case.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    pub repeats: usize,
    pub gradient: bool,
}

/// Measures a case, on a pool of its own threads if it says how many.
pub fn measure(case: &Case, make: MakeSimulator, effort: Effort) -> Result<Row, SimulationError> {
    on_threads(case, || measure_here(case, make, effort))?
}

/// Does some work on a pool of as many threads as the case says, if it says how many.
pub(super) fn on_threads<T: Send>(
    case: &Case,
    work: impl FnOnce() -> T + Send,
) -> Result<T, SimulationError> {
    if case.threads == 0 {
        return Ok(work());
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(case.threads)
        .build()
        .map_err(|error| SimulationError::Device(error.to_string()))?;
    Ok(pool.install(work))
}

fn measure_here(case: &Case, make: MakeSimulator, effort: Effort) -> Result<Row, SimulationError> {
    forget_peak();
    let model = cube(&case.material, case.size);
    let particles = model.particles.mass.len();
    let mut simulator = make(&model)?;
    let simulator = simulator.as_mut();
    let recorded =
        ((RECORD_BYTES / simulator.state_bytes().max(1)) as usize).clamp(2, MOST_RECORDED);
    simulator.reserve(1, if effort.gradient { recorded } else { 0 })?;
    simulator.drive(&drive(&model, &[], MOST_SUBSTEPS))?;

    let forward = measure_forward(simulator, &model, effort.repeats)?;
    let backward = if effort.gradient {
        Some(measure_backward(simulator, &model, recorded, effort.repeats)?)
    } else {
        None
    };
    // Last, because noting times may itself take some.
    let costs = measure_stages(simulator, &model, effort.gradient.then_some(recorded))?;
    let particle_substeps = (particles * STAGE_SUBSTEPS) as f64;
    Ok(Row {
        case: case.clone(),
        particles,
        backend: simulator.describe(),
        forward,
        backward,
        backward_ratio: backward.map(|b| forward.per_core_sec / b.per_core_sec),
        stage_ns: costs
            .stage_secs
            .into_iter()
            .map(|(stage, secs)| (stage, secs * 1e9 / particle_substeps))
            .collect(),
        bytes_per_particle_substep: costs.bytes_per_particle_substep,
        state_bytes_per_particle: simulator.state_bytes() as f64 / particles as f64,
        peak_resident_bytes: peak_resident_bytes(),
        peak_bytes: simulator.peak_bytes(),
    })
}

/// The scene: a cube of about `size` particles, eight per cell, on a rough floor, in motion.
pub fn cube(material: &str, size: usize) -> Arc<Model> {
    let law = match LawKind::from_name(material) {
        Some(LawKind::Elastic) | None => Law::Elastic { young_modulus: 1e5, poisson_ratio: 0.2 },
        Some(LawKind::Liquid) => Law::Liquid { bulk_modulus: 1e5, tension: false },
        Some(LawKind::Sand) => {
            Law::Sand { young_modulus: 1e5, poisson_ratio: 0.2, friction_angle: 0.6, cohesion: 0.0 }
        }
        Some(other) => Law::typical(other),
    };
    let width = 1.0 / CELLS_PER_METRE;
    let edge = (size as f64).cbrt().round() * 0.5 * width;
    // Turns, shears and falls: no particle is special and nothing stays symmetric.
    let gradient = [[0.2, -0.5, 0.1], [0.4, -0.1, 0.3], [0.1, 0.2, -0.3]];
    let velocity = |x: [f64; 3]| {
        std::array::from_fn(|a| (0..3).map(|b| gradient[a][b] * x[b]).sum::<f64>() - 0.1)
    };
    let model = Setup::new("bench", width)
        .gravity([0.0, 0.0, -9.81])
        .body(1000.0, law, [[0.0; 3], [edge; 3]], |_| true)
        .moving(velocity, |_| gradient)
        .plane([0.0, 0.0, 1.0], [0.0; 3], rough(0.3))
        .build(1.0);
    Arc::new(Model { substep_secs: SUBSTEP_SECS, ..Model::clone(&model) })
}

/// Wall clock and processor time of something [s].
fn timed(work: impl FnOnce() -> Result<(), SimulationError>) -> Result<[f64; 2], SimulationError> {
    let (wall, cpu) = (Instant::now(), cpu_secs());
    work()?;
    Ok([wall.elapsed().as_secs_f64(), cpu_secs() - cpu])
}

/// Runs and waits, from the initial state.
fn run(simulator: &mut dyn Simulator, substeps: usize) -> Result<(), SimulationError> {
    simulator.forward(0..substeps)?;
    simulator.observe(0)?;
    simulator.observation(0).map(drop)
}

fn measure_forward(
    simulator: &mut dyn Simulator,
    model: &Model,
    repeats: usize,
) -> Result<Speed, SimulationError> {
    // The first run pays for what is built once, the second tells how long a repeat may be.
    simulator.load(&model.initial)?;
    run(simulator, 2)?;
    simulator.load(&model.initial)?;
    let [wall, _] = timed(|| run(simulator, 4))?;
    let substeps = ((4.0 * REPEAT_SECS / wall) as usize).clamp(4, MOST_SUBSTEPS);
    let mut times = Vec::new();
    for _ in 0..repeats {
        simulator.load(&model.initial)?;
        times.push(timed(|| run(simulator, substeps))?);
    }
    Ok(speed(model.particles.mass.len() * substeps, &times))
}

/// Where the time of a substep goes, forward and, if so many substeps can be recorded, back.
fn measure_stages(
    simulator: &mut dyn Simulator,
    model: &Model,
    recorded: Option<usize>,
) -> Result<Costs, SimulationError> {
    simulator.load(&model.initial)?;
    // Loading forgets what was stored.
    simulator.save(0)?;
    // The first call starts the clocks.
    simulator.costs()?;
    run(simulator, STAGE_SUBSTEPS)?;
    let mut costs = simulator.costs()?;
    if let Some(recorded) = recorded {
        let substeps = recorded.min(STAGE_SUBSTEPS);
        simulator.restore(0)?;
        simulator.forward_recorded(0..substeps)?;
        simulator.begin_reverse()?;
        simulator.seed(&seed(model))?;
        simulator.costs()?;
        simulator.reverse(0..substeps)?;
        simulator.gradient()?;
        let longer = STAGE_SUBSTEPS as f64 / substeps as f64;
        let back = simulator.costs()?.stage_secs.into_iter();
        costs.stage_secs.extend(back.map(|(stage, secs)| (stage, secs * longer)));
    }
    Ok(costs)
}

/// The derivative of the mean height.
fn seed(model: &Model) -> ObservationCotangent {
    let particles = model.particles.mass.len();
    ObservationCotangent {
        x: vec![[0.0, 0.0, 1.0 / particles as f64]; particles],
        v: vec![[0.0; 3]; particles],
        ..ObservationCotangent::default()
    }
}

/// Replays `substeps` from a stored state and walks them back.
fn measure_backward(
    simulator: &mut dyn Simulator,
    model: &Model,
    substeps: usize,
    repeats: usize,
) -> Result<Speed, SimulationError> {
    let particles = model.particles.mass.len();
    let seed = seed(model);
    simulator.load(&model.initial)?;
    simulator.save(0)?;
    let mut times = Vec::new();
    // One more than counted: the first pays for what is built once.
    for _ in 0..=repeats {
        times.push(timed(|| {
            simulator.restore(0)?;
            simulator.forward_recorded(0..substeps)?;
            simulator.begin_reverse()?;
            simulator.seed(&seed)?;
            simulator.reverse(0..substeps)?;
            simulator.gradient().map(drop)
        })?);
    }
    Ok(speed(particles * substeps, &times[1..]))
}

fn speed(particle_substeps: usize, times: &[[f64; 2]]) -> Speed {
    let speeds = |clock: usize| {
        let mut speeds: Vec<f64> =
            times.iter().map(|t| particle_substeps as f64 * 1e-6 / t[clock]).collect();
        speeds.sort_by(f64::total_cmp);
        speeds
    };
    let (wall, cpu) = (speeds(0), speeds(1));
    let middle = median(&cpu);
    Speed {
        per_sec: median(&wall),
        per_core_sec: middle,
        spread: (cpu[cpu.len() - 1] - cpu[0]) / middle,
    }
}

/// The middle of sorted values.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { 0.5 * (sorted[half - 1] + sorted[half]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_speed_and_its_spread_come_from_the_times() {
        let speed = speed(2_000_000, &[[1.0, 2.0], [2.0, 4.0], [0.5, 1.0]]);
        assert_eq!((speed.per_sec, speed.per_core_sec, speed.spread), (2.0, 1.0, 1.5));
    }

    #[test]
    fn the_cube_has_eight_particles_per_cell_and_about_the_size_asked_for() {
        let model = cube("sand", 100_000);
        assert_eq!(model.particles.mass.len(), 97_336);
        let volume = model.particles.volume[0];
        assert!((volume * 8.0 * CELLS_PER_METRE.powi(3) - 1.0).abs() < 1e-12);
    }
}

//! What was observed: at which control steps, and what of the material was seen.

use crate::model::Model;
use crate::mpm::simulator::Observation;
use crate::rollout::HeightMap;
use crate::scene::{Npz, NpzError};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// How far an observed time may be from a control step, as a fraction of one.
const TIME_SLACK: f64 = 1e-3;

/// An observed motion.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    pub seen: Seen,
    /// Control steps after which it was looked at, ascending; 0 is the start.
    pub steps: Vec<usize>,
    /// `[look][value]`, as [`Seen::values`] gives them.
    pub values: Vec<Vec<f64>>,
}

/// What of the material is seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// Positions [m] of these particles.
    Points { particles: Vec<usize> },
    /// Heights [m] of the material, as a camera above sees them; with the rest volumes [m³] of all
    /// particles.
    HeightMap { map: HeightMap, volume: Vec<f64> },
}

/// Why an observation cannot be used.
#[derive(Debug, Error)]
pub enum ObservedError {
    #[error(transparent)]
    File(#[from] NpzError),
    #[error("`{}`: {problem}", path.display())]
    Content { path: PathBuf, problem: String },
}

impl Seen {
    /// Positions of every particle.
    pub fn all(model: &Model) -> Self {
        Seen::Points { particles: (0..model.initial.particle_count()).collect() }
    }

    /// The heights over a grid.
    pub fn heights(map: HeightMap, model: &Model) -> Self {
        Seen::HeightMap { map, volume: model.particles.volume.clone() }
    }

    /// What is seen of a state, in metres: `[particle * 3 + axis]`, or `[node]`.
    pub fn values(&self, observation: &Observation) -> Vec<f64> {
        match self {
            Seen::Points { particles } => {
                particles.iter().flat_map(|&p| observation.x[p]).collect()
            }
            Seen::HeightMap { map, volume } => map.heights(&observation.x, volume),
        }
    }

    /// Two numbers [m] that say where the material is and how it is shaped, for pictures.
    pub fn summary(&self, values: &[f64]) -> [(&'static str, f64); 2] {
        match self {
            Seen::Points { particles } => {
                let count = particles.len() as f64;
                let mean: [f64; 3] =
                    std::array::from_fn(|a| values.iter().skip(a).step_by(3).sum::<f64>() / count);
                let squares: f64 =
                    values.iter().enumerate().map(|(i, x)| (x - mean[i % 3]).powi(2)).sum();
                [("mean height", mean[2]), ("spread", (squares / count).sqrt())]
            }
            Seen::HeightMap { .. } => {
                let count = values.len() as f64;
                let mean = values.iter().sum::<f64>() / count;
                let squares: f64 = values.iter().map(|h| (h - mean).powi(2)).sum();
                [("mean of the map", mean), ("relief", (squares / count).sqrt())]
            }
        }
    }

    /// For people: what, and how much of it.
    pub fn describe(&self) -> String {
        match self {
            Seen::Points { particles } => format!("positions of {} particles", particles.len()),
            Seen::HeightMap { map: HeightMap { node_counts: [x, y], .. }, .. } => {
                format!("a height map of {x} x {y} nodes")
            }
        }
    }
}

impl Observed {
    /// Reads an observation: `time` (K) [s]; `x` (K x M x 3) [m, world], and `particles` (M) if these
    /// are not all of them; or instead `height` (K x nx x ny) [m] with `origin` (2) [m], and the
    /// scalars `cell_width`, `floor` and `smoothing` [m] of the map.
    ///
    /// # Errors
    /// The file lacks an array, holds a NaN, or does not fit the model: the number of particles,
    /// an index, a time that is not the end of a control step.
    pub fn read(path: &Path, model: &Model) -> Result<Self, ObservedError> {
        let wrong = |problem| ObservedError::Content { path: path.into(), problem };
        let mut npz = Npz::open(path)?;
        let times = npz.array("time", &[None])?;
        let steps = steps_of(times.as_slice().unwrap_or_default(), model).map_err(wrong)?;
        if npz.contains("height") {
            return Self::read_heights(&mut npz, steps, model)?.map_err(wrong);
        }
        if let Err(why) = model.keeps_particles() {
            return Err(wrong(format!(
                "it has positions of particles, but {why}; a map of heights can be used"
            )));
        }
        let count = model.initial.particle_count();
        let particles: Vec<usize> = match npz.contains("particles") {
            true => npz.indices("particles", count)?,
            false => (0..count).collect(),
        };
        if particles.is_empty() {
            return Err(wrong("`particles` is empty; at least one particle must be seen".into()));
        }
        let x = npz.array("x", &[None, None, Some(3)])?;
        let (looks, seen) = (x.shape()[0], x.shape()[1]);
        if looks != steps.len() {
            return Err(wrong(format!("`x` has {looks} looks but `time` {}", steps.len())));
        }
        if seen != particles.len() {
            let of = if npz.contains("particles") { "`particles` names" } else { "the scene has" };
            return Err(wrong(format!("`x` has {seen} particles but {of} {}", particles.len())));
        }
        let values = x.outer_iter().map(|look| look.iter().copied().collect()).collect();
        Ok(Self { seen: Seen::Points { particles }, steps, values })
    }

    fn read_heights(
        npz: &mut Npz,
        steps: Vec<usize>,
        model: &Model,
    ) -> Result<Result<Self, String>, NpzError> {
        let height = npz.array("height", &[None, None, None])?;
        let origin = npz.array("origin", &[Some(2)])?;
        let mut scalar = |name| npz.array(name, &[]).map(|array| array.iter().sum::<f64>());
        let map = HeightMap {
            origin: [origin[0], origin[1]],
            cell_width: scalar("cell_width")?,
            node_counts: [height.shape()[1], height.shape()[2]],
            floor: scalar("floor")?,
            smoothing: scalar("smoothing")?,
        };
        for (name, length) in [("cell_width", map.cell_width), ("smoothing", map.smoothing)] {
            if !(length > 0.0) {
                return Ok(Err(format!("`{name}` is {length} m; it must be greater than zero")));
            }
        }
        if height.shape()[0] != steps.len() || map.node_counts.contains(&0) {
            let (shape, looks) = (height.shape(), steps.len());
            return Ok(Err(format!("`height` has the shape {shape:?}, `time` {looks} looks")));
        }
        let values = height.outer_iter().map(|look| look.iter().copied().collect()).collect();
        Ok(Ok(Self { seen: Seen::heights(map, model), steps, values }))
    }

    /// The same with independent Gaussian noise of this standard deviation [m] on every value.
    pub fn with_noise(mut self, std: f64, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for value in self.values.iter_mut().flatten() {
            // Box and Muller; 1 - u is never zero.
            let (u, angle): (f64, f64) = (random.random(), random.random());
            let radius = (-2.0 * (1.0 - u).ln()).sqrt();
            *value += std * radius * (std::f64::consts::TAU * angle).cos();
        }
        self
    }

    /// How many numbers were observed in the first `looks` looks.
    pub(super) fn count(&self, looks: usize) -> usize {
        self.values[..looks].iter().map(Vec::len).sum()
    }
}

/// The control steps that times [s] are the ends of.
fn steps_of(times: &[f64], model: &Model) -> Result<Vec<usize>, String> {
    let control_secs = model.substep_secs * model.substeps_per_control as f64;
    let mut steps = Vec::with_capacity(times.len());
    for (look, time) in times.iter().enumerate() {
        let step = time / control_secs;
        if step < -TIME_SLACK || (step - step.round()).abs() > TIME_SLACK {
            return Err(format!(
                "`time[{look}]` is {time} s, not the end of a control step of {control_secs} s"
            ));
        }
        let step = step.round() as usize;
        if steps.last().is_some_and(|&last| last >= step) {
            return Err(format!("`time[{look}]` is {time} s, not later than the one before"));
        }
        steps.push(step);
    }
    match steps.last() {
        Some(1..) => Ok(steps),
        _ => Err("`time` has no moment after the start; at least one is needed".into()),
    }
}

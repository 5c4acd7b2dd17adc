//! `run --observe`: what `softscape identify` reads.

use super::error::CliError;
use super::files::write_whole;
use ndarray::{Array1, Array3};
use ndarray_npy::{NpzWriter, WriteNpzError};
use std::path::Path;

/// Positions at the ends of control steps, as they come.
#[derive(Default)]
pub struct Looks {
    times: Vec<f64>,
    /// `[look * particles * 3 + particle * 3 + axis]`
    x: Vec<f64>,
}

impl Looks {
    /// Adds what was seen of the chosen particles at a moment.
    pub fn add(&mut self, time_secs: f64, x: &[[f64; 3]], particles: &[usize]) {
        self.times.push(time_secs);
        self.x.extend(particles.iter().flat_map(|&p| x[p]));
    }

    /// Writes `time` (K) [s], `x` (K x M x 3) [m, world] and `particles` (M), the ids of the
    /// particles seen.
    pub fn write(&self, path: &Path, particles: &[usize]) -> Result<(), CliError> {
        let (looks, seen) = (self.times.len(), particles.len());
        let x = Array3::from_shape_fn((looks, seen, 3), |(k, p, a)| self.x[(k * seen + p) * 3 + a]);
        let ids: Array1<i64> = particles.iter().map(|&p| p as i64).collect();
        write_whole(path, |file| -> Result<(), WriteNpzError> {
            let mut npz = NpzWriter::new(file);
            npz.add_array("time", &Array1::from(self.times.clone()))?;
            npz.add_array("x", &x)?;
            npz.add_array("particles", &ids)?;
            npz.finish()?;
            Ok(())
        })
    }
}

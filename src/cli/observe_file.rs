//! `run --observe` and `--observe-map`: what `softscape identify` reads.

use super::error::CliError;
use super::files::write_whole;
use crate::identify::Seen;
use crate::mpm::simulator::Observation;
use ndarray::{Array0, Array1, Array3};
use ndarray_npy::{NpzWriter, WriteNpzError};
use std::path::Path;

/// What was seen at the ends of control steps, as it comes.
#[derive(Default)]
pub struct Looks {
    times: Vec<f64>,
    values: Vec<f64>,
}

impl Looks {
    /// Adds what is seen at a moment.
    pub fn add(&mut self, time_secs: f64, seen: &Seen, observation: &Observation) {
        self.times.push(time_secs);
        self.values.extend(seen.values(observation));
    }

    /// Writes `time` (K) [s], and of points `x` (K x M x 3) [m, world] and `particles` (M), their
    /// ids; of a map `height` (K x nx x ny) [m], `origin` (2), `cell_width`, `floor` and `smoothing`
    /// [m].
    pub fn write(&self, path: &Path, seen: &Seen) -> Result<(), CliError> {
        let looks = self.times.len();
        let [rows, columns] = match seen {
            Seen::Points { particles } => [particles.len(), 3],
            Seen::HeightMap { map, .. } => map.node_counts,
        };
        let values = Array3::from_shape_fn((looks, rows, columns), |(k, i, j)| {
            self.values[(k * rows + i) * columns + j]
        });
        write_whole(path, |file| -> Result<(), WriteNpzError> {
            let mut npz = NpzWriter::new(file);
            npz.add_array("time", &Array1::from(self.times.clone()))?;
            match seen {
                Seen::Points { particles } => {
                    let ids: Array1<i64> = particles.iter().map(|&p| p as i64).collect();
                    npz.add_array("x", &values)?;
                    npz.add_array("particles", &ids)?;
                }
                Seen::HeightMap { map, .. } => {
                    npz.add_array("height", &values)?;
                    npz.add_array("origin", &Array1::from(map.origin.to_vec()))?;
                    let lengths = [
                        ("cell_width", map.cell_width),
                        ("floor", map.floor),
                        ("smoothing", map.smoothing),
                    ];
                    for (name, length) in lengths {
                        npz.add_array(name, &Array0::from_elem((), length))?;
                    }
                }
            }
            npz.finish()?;
            Ok(())
        })
    }
}

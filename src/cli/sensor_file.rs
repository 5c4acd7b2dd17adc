//! `run --sensors`: what the scene's sensors measure at the end of every control step.

use super::error::CliError;
use super::files::write_whole;
use crate::mpm::simulator::Wrench;
use crate::rollout::{Moment, Sensor};
use ndarray::{Array1, ArrayD, IxDyn};
use ndarray_npy::{NpzWriter, WriteNpzError};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;

/// Most numbers of a sensor that are told in words.
const MOST_TOLD: usize = 6;

/// Measurements as they come.
#[derive(Default)]
pub struct Readings {
    times: Vec<f64>,
    /// `[sensor][control step * size + number]`
    values: Vec<Vec<f64>>,
}

impl Readings {
    /// Adds a moment; wrenches, which are read at the end of the run, are left open.
    pub fn add(&mut self, time_secs: f64, sensors: &[Sensor], moment: Moment) {
        self.values.resize(sensors.len(), Vec::new());
        self.times.push(time_secs);
        for (sensor, values) in sensors.iter().zip(&mut self.values) {
            if !sensor.needs_wrenches() {
                values.extend(sensor.values(moment));
            }
        }
    }

    /// Adds the wrenches, `[control_step * collider_count + collider]`.
    pub fn add_wrenches(&mut self, sensors: &[Sensor], moment: Moment, wrenches: &[Wrench]) {
        let row = moment.model.colliders.len().max(1);
        let steps = self.times.len();
        for (sensor, values) in sensors.iter().zip(&mut self.values) {
            if sensor.needs_wrenches() {
                for wrenches in wrenches.chunks(row).take(steps) {
                    values.extend(sensor.values(Moment { wrenches, ..moment }));
                }
            }
        }
    }

    /// Writes `time` (K) [s] and an array of each sensor, control steps first; as JSON if the file
    /// is named so.
    pub fn write(&self, path: &Path, sensors: &[Sensor]) -> Result<(), CliError> {
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = self.json(sensors);
            return write_whole(path, |file| writeln!(file, "{text}"));
        }
        write_whole(path, |file| -> Result<(), WriteNpzError> {
            let mut npz = NpzWriter::new(file);
            npz.add_array("time", &Array1::from(self.times.clone()))?;
            for (sensor, values) in sensors.iter().zip(&self.values) {
                let mut shape = vec![self.times.len()];
                shape.extend(sensor.shape());
                let array = ArrayD::from_shape_vec(IxDyn(&shape), values.clone())
                    .expect("every reading has the sensor's shape");
                npz.add_array(sensor.name.as_str(), &array)?;
            }
            npz.finish()?;
            Ok(())
        })
    }

    /// `time`, and by sensor its unit, shape and values, row by row.
    fn json(&self, sensors: &[Sensor]) -> Value {
        let by_sensor = sensors.iter().zip(&self.values).map(|(sensor, values)| {
            let rows: Vec<&[f64]> = values.chunks(sensor.size().max(1)).collect();
            let entry = json!({"unit": sensor.unit(), "shape": sensor.shape(), "values": rows});
            (sensor.name.clone(), entry)
        });
        json!({"time": self.times, "sensors": by_sensor.collect::<Map<_, _>>()})
    }

    /// The last reading of each sensor that gives a few numbers.
    pub fn last(&self, sensors: &[Sensor]) -> Value {
        let few = sensors.iter().zip(&self.values).filter(|(s, _)| s.size() <= MOST_TOLD);
        let told = few.map(|(sensor, values)| {
            let last = values.chunks(sensor.size().max(1)).last();
            (sensor.name.clone(), json!(last))
        });
        Value::Object(told.collect())
    }
}

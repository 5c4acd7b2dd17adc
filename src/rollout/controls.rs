//! The whole trajectory of actions, checked before anything runs.

use crate::model::ActionChannel;
use ndarray::{Array2, Ix2, OwnedRepr};
use ndarray_npy::{NpzReader, NpzWriter, ReadNpzError};
use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Name of the array in an npz file.
const ARRAY: &str = "controls";
/// Fraction of a channel's range by which a value may pass a bound: what storing a bound as f32
/// can add to it.
const BOUND_SLACK: f64 = 1e-6;

/// Why controls cannot be used.
#[derive(Debug, Error)]
pub enum ControlsError {
    #[error(
        "controls are {} x {}, but {} x {} (control steps x actions) are needed",
        found[0], found[1], expected[0], expected[1]
    )]
    Shape { found: [usize; 2], expected: [usize; 2] },
    #[error("controls[{control_step}, {action}] (`{name}`) is {value}; it must be finite")]
    NotFinite { control_step: usize, action: usize, name: String, value: f64 },
    #[error("controls[{control_step}, {action}] (`{name}`) is {value}, outside [{lower}, {upper}]")]
    OutOfBounds {
        control_step: usize,
        action: usize,
        name: String,
        value: f64,
        lower: f64,
        upper: f64,
    },
    #[error(
        "controls[{control_step}, {action}] (`{name}`) is {value}, but {expected} one cycle before; the \
         task's controls repeat every {cycle} control steps"
    )]
    Cycle {
        control_step: usize,
        action: usize,
        name: String,
        value: f64,
        cycle: usize,
        expected: f64,
    },
    #[error("cannot read controls from {}: {cause}", path.display())]
    Read { path: PathBuf, cause: String },
}

/// Actions of a rollout, `[control_step][action]`, in the units of their channels (m/s, rad/s, Pa).
#[derive(Clone, Debug, PartialEq)]
pub struct Controls {
    control_steps: usize,
    action_count: usize,
    values: Vec<f64>,
}

impl Controls {
    pub fn zeros(control_steps: usize, action_count: usize) -> Self {
        Self { control_steps, action_count, values: vec![0.0; control_steps * action_count] }
    }

    /// From `values[control_step * action_count + action]`.
    ///
    /// # Errors
    /// If the number of values is not `control_steps * action_count`.
    pub fn new(
        control_steps: usize,
        action_count: usize,
        values: Vec<f64>,
    ) -> Result<Self, ControlsError> {
        if values.len() != control_steps * action_count {
            return Err(ControlsError::Shape {
                found: [values.len(), 1],
                expected: [control_steps * action_count, 1],
            });
        }
        Ok(Self { control_steps, action_count, values })
    }

    pub fn control_steps(&self) -> usize {
        self.control_steps
    }
    pub fn action_count(&self) -> usize {
        self.action_count
    }
    /// `[control_step * action_count + action]`
    pub fn values(&self) -> &[f64] {
        &self.values
    }
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }
    /// The action of one control step.
    pub fn action(&self, control_step: usize) -> &[f64] {
        &self.values[control_step * self.action_count..(control_step + 1) * self.action_count]
    }

    /// The first control steps of these, or all if there are fewer.
    pub fn first(&self, control_steps: usize) -> Self {
        let control_steps = control_steps.min(self.control_steps);
        let values = self.values[..control_steps * self.action_count].to_vec();
        Self { control_steps, action_count: self.action_count, values }
    }

    /// As long as these, repeating the first `cycle` control steps.
    ///
    /// # Panics
    /// If `cycle` is 0.
    pub fn repeated(&self, cycle: usize) -> Self {
        let values = (0..self.control_steps).flat_map(|step| self.action(step % cycle)).copied();
        Self {
            control_steps: self.control_steps,
            action_count: self.action_count,
            values: values.collect(),
        }
    }

    /// That these repeat after every `cycle` control steps, to the bit.
    pub fn check_cycle(
        &self,
        cycle: usize,
        channels: &[ActionChannel],
    ) -> Result<(), ControlsError> {
        let repeated = self.repeated(cycle);
        let differs = |(found, expected): (&f64, &f64)| found.to_bits() != expected.to_bits();
        match self.values.iter().zip(&repeated.values).position(differs) {
            None => Ok(()),
            Some(index) => {
                let (control_step, action) = (index / self.action_count, index % self.action_count);
                Err(ControlsError::Cycle {
                    control_step,
                    action,
                    name: channels.get(action).map_or_else(String::new, |c| c.name.clone()),
                    value: self.values[index],
                    cycle,
                    expected: repeated.values[index],
                })
            }
        }
    }

    /// That there is one column for each channel and every value is finite and within bounds;
    /// `control_steps` is the length that is needed, if any length will not do.
    pub fn check(
        &self,
        channels: &[ActionChannel],
        control_steps: Option<usize>,
    ) -> Result<(), ControlsError> {
        let expected = [control_steps.unwrap_or(self.control_steps), channels.len()];
        let found = [self.control_steps, self.action_count];
        if found != expected {
            return Err(ControlsError::Shape { found, expected });
        }
        for control_step in 0..self.control_steps {
            for (action, (channel, &value)) in
                channels.iter().zip(self.action(control_step)).enumerate()
            {
                let (name, lower, upper) = (channel.name.clone(), channel.lower, channel.upper);
                if !value.is_finite() {
                    return Err(ControlsError::NotFinite { control_step, action, name, value });
                }
                let slack = BOUND_SLACK * (upper - lower);
                if value < lower - slack || value > upper + slack {
                    return Err(ControlsError::OutOfBounds {
                        control_step,
                        action,
                        name,
                        value,
                        lower,
                        upper,
                    });
                }
            }
        }
        Ok(())
    }

    /// Reads the array `controls`, `[control_step, action]`, f64 or f32, of an npz file.
    pub fn read_npz(path: &Path) -> Result<Self, ControlsError> {
        let failed = |cause: String| ControlsError::Read { path: path.into(), cause };
        let file = File::open(path).map_err(|e| failed(e.to_string()))?;
        let mut npz = NpzReader::new(file).map_err(|e| failed(e.to_string()))?;
        let names = npz.names().map_err(|e| failed(e.to_string()))?;
        let has = |name: &str| names.iter().any(|n| n.trim_end_matches(".npy") == name);
        if !has(ARRAY) {
            return Err(failed(format!("no array `{ARRAY}`; it has {}", names.join(", "))));
        }
        let array: Array2<f64> = match npz.by_name::<OwnedRepr<f64>, Ix2>(ARRAY) {
            Ok(array) => array,
            Err(ReadNpzError::Npy(ndarray_npy::ReadNpyError::WrongDescriptor(_))) => npz
                .by_name::<OwnedRepr<f32>, Ix2>(ARRAY)
                .map_err(|e| failed(format!("array `{ARRAY}` is neither f64 nor f32: {e}")))?
                .mapv(f64::from),
            Err(error) => return Err(failed(format!("array `{ARRAY}`: {error}"))),
        };
        let (control_steps, action_count) = array.dim();
        // `iter` walks in logical order, whichever order the file has.
        Ok(Self { control_steps, action_count, values: array.iter().copied().collect() })
    }

    /// The bytes of an npz file with the array `controls`.
    pub fn to_npz(&self) -> Vec<u8> {
        let array =
            Array2::from_shape_vec((self.control_steps, self.action_count), self.values.clone())
                .expect("the shape is an invariant");
        let mut npz = NpzWriter::new(Cursor::new(Vec::new()));
        npz.add_array(ARRAY, &array).expect("writing to memory");
        npz.finish().expect("writing to memory").into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ActionTarget;

    fn channels() -> Vec<ActionChannel> {
        [("pusher.vx", -1.0, 1.0), ("leg.activation", 0.0, 5e4)]
            .into_iter()
            .map(|(name, lower, upper)| ActionChannel {
                name: name.into(),
                target: ActionTarget::Activation { muscle: 0 },
                lower,
                upper,
            })
            .collect()
    }

    #[test]
    fn a_bad_value_is_named_with_its_place_and_bounds() {
        let mut controls = Controls::zeros(3, 2);
        controls.check(&channels(), Some(3)).unwrap();
        controls.values_mut()[3] = 6e4;
        let message = controls.check(&channels(), None).unwrap_err().to_string();
        assert_eq!(message, "controls[1, 1] (`leg.activation`) is 60000, outside [0, 50000]");
        controls.values_mut()[0] = f64::NAN;
        let message = controls.check(&channels(), None).unwrap_err().to_string();
        assert_eq!(message, "controls[0, 0] (`pusher.vx`) is NaN; it must be finite");
        let message = controls.check(&channels(), Some(4)).unwrap_err().to_string();
        assert_eq!(message, "controls are 3 x 2, but 4 x 2 (control steps x actions) are needed");
    }

    #[test]
    fn a_file_gives_back_the_same_bits() {
        let controls = Controls::new(2, 2, vec![0.1, -0.2, 1.0 / 3.0, 7e3]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("controls.npz");
        std::fs::write(&path, controls.to_npz()).unwrap();
        assert_eq!(Controls::read_npz(&path).unwrap(), controls);
    }

    #[test]
    fn single_precision_and_column_order_are_read_as_they_are_meant() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("controls.npz");
        let array = ndarray::array![[0.5f32, 1.5, 2.5], [3.5, 4.5, 5.5]];
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        npz.add_array(ARRAY, &array.t()).unwrap();
        npz.finish().unwrap();
        let controls = Controls::read_npz(&path).unwrap();
        assert_eq!((controls.control_steps(), controls.action_count()), (3, 2));
        assert_eq!(controls.values(), [0.5, 3.5, 1.5, 4.5, 2.5, 5.5]);
    }

    #[test]
    fn a_file_that_is_no_npz_or_lacks_the_array_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("controls.npz");
        let missing = Controls::read_npz(&path).unwrap_err().to_string();
        assert!(missing.contains("controls.npz"), "{missing}");
        std::fs::write(&path, b"not a zip").unwrap();
        assert!(matches!(Controls::read_npz(&path), Err(ControlsError::Read { .. })));
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        npz.add_array("actions", &ndarray::array![[0.0f64]]).unwrap();
        npz.finish().unwrap();
        let message = Controls::read_npz(&path).unwrap_err().to_string();
        assert!(message.contains("no array `controls`") && message.contains("actions"));
    }
}

//! Controls as npz files: one array `controls`, control steps x action channels.

use super::error::CliError;
use super::files::write_whole;
use crate::model::ActionChannel;
use ndarray::Array2;
use ndarray_npy::{NpzReader, NpzWriter};
use std::fs::File;
use std::path::Path;

/// Name of the array in the file.
const ARRAY: &str = "controls";

/// Reads controls `[control step][channel]` and holds them against the model's channels: the
/// number of columns, finite values, the allowed range.
pub fn read_controls(path: &Path, channels: &[ActionChannel]) -> Result<Array2<f64>, CliError> {
    let problem = |problem| CliError::Controls { path: path.to_owned(), problem };
    let controls = read_array(path)?;
    if controls.ncols() != channels.len() {
        let names: Vec<&str> = channels.iter().map(|c| c.name.as_str()).collect();
        return Err(problem(format!(
            "`{ARRAY}` has shape {} x {}; the scene has {} action channels ({}), so control steps x {} is allowed",
            controls.nrows(),
            controls.ncols(),
            channels.len(),
            names.join(", "),
            channels.len(),
        )));
    }
    for ((step, channel), &value) in controls.indexed_iter() {
        let ActionChannel { name, lower, upper, .. } = &channels[channel];
        if !(*lower..=*upper).contains(&value) {
            return Err(problem(format!(
                "`{ARRAY}`[{step}, {channel}] ({name}) is {value}; allowed are {lower} to {upper}"
            )));
        }
    }
    Ok(controls)
}

/// Writes controls `[control step][channel]`.
pub fn write_controls(path: &Path, controls: &Array2<f64>) -> Result<(), CliError> {
    write_whole(path, |file| -> Result<(), ndarray_npy::WriteNpzError> {
        let mut npz = NpzWriter::new(file);
        npz.add_array(ARRAY, controls)?;
        npz.finish()?;
        Ok(())
    })
}

fn read_array(path: &Path) -> Result<Array2<f64>, CliError> {
    let unreadable = |cause: String| CliError::Read { path: path.to_owned(), cause };
    let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
    let mut npz = NpzReader::new(file).map_err(|e| unreadable(format!("not an npz file ({e})")))?;
    let names = npz.names().map_err(|e| unreadable(e.to_string()))?;
    if !names.iter().any(|name| name == ARRAY) {
        return Err(unreadable(format!("no array `{ARRAY}`; it has {}", names.join(", "))));
    }
    let wide: Result<Array2<f64>, _> = npz.by_name(ARRAY);
    wide.or_else(|_| npz.by_name::<_, _>(ARRAY).map(|narrow: Array2<f32>| narrow.mapv(f64::from)))
        .map_err(|e| unreadable(format!("`{ARRAY}` is not a matrix of f64 or f32 ({e})")))
}

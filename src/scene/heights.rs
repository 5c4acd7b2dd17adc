//! Reading the heights of a ground: from a picture, from an array, or out of the scene itself.

use super::npz::{Npz, NpzError};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The most nodes of a height field.
pub const MAX_HEIGHTS: usize = 1 << 24;

/// Why heights cannot be used.
#[derive(Debug, Error)]
pub enum HeightsError {
    #[error("cannot read the picture `{}`: {cause}", path.display())]
    Picture { path: PathBuf, cause: String },
    #[error(transparent)]
    Array(#[from] NpzError),
    #[error("row {row} has {found} heights and the first has {expected}; all must have the same")]
    Ragged { row: usize, found: usize, expected: usize },
    #[error("the height at [{i}, {j}] is {value} m; it must be a finite number")]
    NotFinite { i: usize, j: usize, value: f64 },
    #[error("there are {} x {} heights; there must be two or more each way, and at most \
             {MAX_HEIGHTS} in all", counts[0], counts[1])]
    Count { counts: [usize; 2] },
}

/// Heights at regular nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct HeightGrid {
    /// Along x and y.
    pub counts: [usize; 2],
    /// [m], `heights[i + counts[0] * j]`.
    pub heights: Vec<f64>,
}

impl HeightGrid {
    /// A grey picture, seen from above with +y at its top: black is `low` [m], white `high` [m].
    ///
    /// # Errors
    /// It is missing or no PNG, or has too few or too many pixels.
    pub fn from_picture(path: &Path, low: f64, high: f64) -> Result<Self, HeightsError> {
        let wrong = |cause: String| HeightsError::Picture { path: path.to_path_buf(), cause };
        let picture = image::open(path).map_err(|error| wrong(error.to_string()))?;
        if picture.color().has_color() {
            let cause = format!("it is {:?}; it must be grey, of 8 or 16 bits", picture.color());
            return Err(wrong(cause));
        }
        let picture = picture.into_luma16();
        let counts = [picture.width() as usize, picture.height() as usize];
        let white = f64::from(u16::MAX);
        let row = |row: &[u16]| -> Vec<f64> {
            row.iter().map(|&grey| low + (high - low) * f64::from(grey) / white).collect()
        };
        let rows = picture.as_raw().chunks_exact(counts[0].max(1)).rev();
        Self { counts, heights: rows.flat_map(row).collect() }.checked()
    }

    /// The array `height` of an npz, `height[i, j]` [m] at the i-th x and the j-th y.
    ///
    /// # Errors
    /// It is missing, or holds something else.
    pub fn from_array(path: &Path) -> Result<Self, HeightsError> {
        let array = Npz::open(path)?.array("height", &[None, None])?;
        let counts = [array.shape()[0], array.shape()[1]];
        let at = |n: usize| array[[n % counts[0], n / counts[0]]];
        let heights = (0..counts[0] * counts[1]).map(at).collect();
        Self { counts, heights }.checked()
    }

    /// The same as [`Self::from_array`] from rows, `rows[i][j]`.
    ///
    /// # Errors
    /// Rows are not all of one length, or a height is not finite.
    pub fn from_rows(rows: &[Vec<f64>]) -> Result<Self, HeightsError> {
        let expected = rows.first().map_or(0, Vec::len);
        for (row, heights) in rows.iter().enumerate() {
            if heights.len() != expected {
                let found = heights.len();
                return Err(HeightsError::Ragged { row: row + 1, found, expected });
            }
        }
        let counts = [rows.len(), expected];
        let at = |n: usize| rows[n % counts[0]][n / counts[0]];
        Self { counts, heights: (0..counts[0] * counts[1]).map(at).collect() }.checked()
    }

    fn checked(self) -> Result<Self, HeightsError> {
        let counts = self.counts;
        if counts.iter().any(|&count| count < 2) || counts[0] * counts[1] > MAX_HEIGHTS {
            return Err(HeightsError::Count { counts });
        }
        match self.heights.iter().position(|height| !height.is_finite()) {
            Some(n) => {
                let (i, j) = (n % counts[0], n / counts[0]);
                Err(HeightsError::NotFinite { i, j, value: self.heights[n] })
            }
            None => Ok(self),
        }
    }
}

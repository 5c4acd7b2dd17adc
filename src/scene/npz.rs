//! Reading the npz files that a scene names.

use ndarray::{ArrayD, Dimension, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, ReadNpyError, ReadNpzError, ReadableElement};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a file or an array in it cannot be used.
#[derive(Debug, Error)]
pub enum NpzError {
    #[error("cannot read `{}`: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: String },
    #[error("`{}` has no array `{name}` (it has: {})", path.display(), found.join(", "))]
    MissingArray { path: PathBuf, name: String, found: Vec<String> },
    #[error("array `{name}` of `{}`: {cause}", path.display())]
    BadArray { path: PathBuf, name: String, cause: String },
}

/// An open npz file.
pub struct Npz {
    path: PathBuf,
    reader: NpzReader<BufReader<File>>,
    names: Vec<String>,
}

impl Npz {
    /// Opens a file.
    ///
    /// # Errors
    /// It is missing, unreadable, or not an npz.
    pub fn open(path: &Path) -> Result<Npz, NpzError> {
        let unreadable = |cause: String| NpzError::Unreadable { path: path.to_path_buf(), cause };
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let mut reader = NpzReader::new(BufReader::new(file))
            .map_err(|error| unreadable(format!("not an npz ({error})")))?;
        let names = reader.names().map_err(|error| unreadable(format!("not an npz ({error})")))?;
        Ok(Npz { path: path.to_path_buf(), reader, names })
    }

    /// Whether the file has an array of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }

    /// Reads an array of f64 or f32, in row-major order; `shape` has `None` where any length goes.
    ///
    /// # Errors
    /// There is none of this name, it holds something else, has another shape, or holds a NaN or an
    /// infinity.
    pub fn array(&mut self, name: &str, shape: &[Option<usize>]) -> Result<ArrayD<f64>, NpzError> {
        if !self.contains(name) {
            return Err(NpzError::MissingArray {
                path: self.path.clone(),
                name: name.to_string(),
                found: self.names.clone(),
            });
        }
        let array = match self.read::<f64>(name) {
            Err(ReadNpzError::Npy(ReadNpyError::WrongDescriptor(_))) => {
                self.read::<f32>(name).map(|array| array.mapv(f64::from))
            }
            other => other,
        }
        .map_err(|error| match error {
            ReadNpzError::Npy(ReadNpyError::WrongDescriptor(found)) => {
                self.bad(name, format!("expected f64 or f32 numbers, found dtype {found}"))
            }
            error => self.bad(name, error.to_string()),
        })?;
        let fits = array.ndim() == shape.len()
            && array.shape().iter().zip(shape).all(|(&n, want)| want.is_none_or(|want| want == n));
        if !fits {
            let (want, found) = (shape_text(shape), format!("{:?}", array.shape()));
            return Err(self.bad(name, format!("expected shape {want}, found {found}")));
        }
        if let Some((index, value)) = array.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(self.bad(name, format!("{value} at index {:?}", index.slice())));
        }
        // Row-major whatever the file's order, so that `iter` and slices agree.
        Ok(array.as_standard_layout().into_owned())
    }

    /// Reads a list of indices below `count`, of any integer type.
    ///
    /// # Errors
    /// There is none of this name, it holds something else, or an index is out of range.
    pub fn indices(&mut self, name: &str, count: usize) -> Result<Vec<usize>, NpzError> {
        let wide = self
            .read::<i64>(name)
            .or_else(|_| self.read::<i32>(name).map(|array| array.mapv(i64::from)))
            .or_else(|_| self.read::<u32>(name).map(|array| array.mapv(i64::from)))
            .or_else(|_| self.read::<u64>(name).map(|array| array.mapv(|i| i as i64)))
            .map_err(|error| self.bad(name, format!("expected a list of integers ({error})")))?;
        if wide.ndim() != 1 {
            let found = format!("{:?}", wide.shape());
            return Err(self.bad(name, format!("expected shape [N], found {found}")));
        }
        let mut indices = Vec::with_capacity(wide.len());
        for (place, &index) in wide.iter().enumerate() {
            match usize::try_from(index).ok().filter(|&index| index < count) {
                Some(index) => indices.push(index),
                None => {
                    let problem = format!("{index} at [{place}]; 0 to {} are allowed", count - 1);
                    return Err(self.bad(name, problem));
                }
            }
        }
        Ok(indices)
    }

    fn read<T: ReadableElement>(&mut self, name: &str) -> Result<ArrayD<T>, ReadNpzError> {
        self.reader.by_name::<OwnedRepr<T>, IxDyn>(name)
    }

    fn bad(&self, name: &str, cause: String) -> NpzError {
        NpzError::BadArray { path: self.path.clone(), name: name.to_string(), cause }
    }
}

/// `[N, 3]`, with N where any length goes.
fn shape_text(shape: &[Option<usize>]) -> String {
    let sizes: Vec<String> =
        shape.iter().map(|n| n.map_or_else(|| "N".to_string(), |n| n.to_string())).collect();
    format!("[{}]", sizes.join(", "))
}

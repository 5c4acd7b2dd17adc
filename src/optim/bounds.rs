//! A box, and the coordinates in which it is [-1, 1] a side.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bounds of every coordinate; infinite ones are allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

/// That a pair of bounds leaves nothing between.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("bounds [{lower}, {upper}] of coordinate {index} are empty; lower < upper is needed")]
pub struct BoundsError {
    pub index: usize,
    pub lower: f64,
    pub upper: f64,
}

impl Bounds {
    /// # Panics
    /// If the slices differ in length.
    pub fn new(lower: Vec<f64>, upper: Vec<f64>) -> Result<Self, BoundsError> {
        assert_eq!(lower.len(), upper.len(), "as many lower as upper bounds");
        for (index, (&lower, &upper)) in lower.iter().zip(&upper).enumerate() {
            // Written so that NaN is refused too.
            if !(lower < upper) {
                return Err(BoundsError { index, lower, upper });
            }
        }
        Ok(Self { lower, upper })
    }

    pub fn lower(&self, index: usize) -> f64 {
        self.lower[index]
    }
    pub fn upper(&self, index: usize) -> f64 {
        self.upper[index]
    }

    pub fn dimension(&self) -> usize {
        self.lower.len()
    }

    /// Half the width of a coordinate's interval, or 1 if it is infinite: what one scaled unit is.
    pub fn scale(&self, index: usize) -> f64 {
        let half = 0.5 * (self.upper[index] - self.lower[index]);
        if half.is_finite() { half } else { 1.0 }
    }

    /// The nearest point inside.
    pub fn project(&self, point: &mut [f64]) {
        for (x, (lower, upper)) in point.iter_mut().zip(self.lower.iter().zip(&self.upper)) {
            *x = x.clamp(*lower, *upper);
        }
    }

    /// To coordinates in units of [`Bounds::scale`], with the middle of the box (or 0) at 0.
    pub fn to_scaled(&self, point: &[f64]) -> Vec<f64> {
        point.iter().enumerate().map(|(i, x)| (x - self.middle(i)) / self.scale(i)).collect()
    }

    /// From scaled coordinates, inside the box.
    pub fn from_scaled(&self, scaled: &[f64]) -> Vec<f64> {
        let mut point: Vec<f64> =
            scaled.iter().enumerate().map(|(i, z)| self.middle(i) + z * self.scale(i)).collect();
        self.project(&mut point);
        point
    }

    /// From scaled coordinates anywhere, inside the box by reflection at its sides: unlike a
    /// projection, two different points near a side stay different.
    pub fn from_scaled_mirrored(&self, scaled: &[f64]) -> Vec<f64> {
        let mirror = |(i, &z): (usize, &f64)| {
            let (lower, upper) = (self.lower[i], self.upper[i]);
            match (lower.is_finite(), upper.is_finite()) {
                // A triangle wave of period 4 that is the identity on [-1, 1].
                (true, true) => 1.0 - ((z + 1.0).rem_euclid(4.0) - 2.0).abs(),
                (true, false) => lower + (z - lower).abs(),
                (false, true) => upper - (upper - z).abs(),
                (false, false) => z,
            }
        };
        self.from_scaled(&scaled.iter().enumerate().map(mirror).collect::<Vec<_>>())
    }

    fn middle(&self, index: usize) -> f64 {
        let middle = 0.5 * (self.lower[index] + self.upper[index]);
        if middle.is_finite() { middle } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_bounds_are_plus_and_minus_one_and_points_come_back() {
        let bounds = Bounds::new(vec![2.0, -5.0, f64::NEG_INFINITY], vec![4.0, 0.0, 7.0]).unwrap();
        assert_eq!(bounds.to_scaled(&[2.0, -5.0, 3.0]), [-1.0, -1.0, 3.0]);
        assert_eq!(bounds.to_scaled(&[4.0, 0.0, 7.0]), [1.0, 1.0, 7.0]);
        let point = [2.5, -1.25, -30.0];
        assert_eq!(bounds.from_scaled(&bounds.to_scaled(&point)), point);
        assert_eq!(bounds.from_scaled(&[3.0, -3.0, 9.0]), [4.0, -5.0, 7.0]);
    }

    #[test]
    fn a_mirrored_point_is_as_far_inside_as_it_was_outside() {
        let bounds = Bounds::new(vec![2.0, 0.0], vec![4.0, f64::INFINITY]).unwrap();
        assert_eq!(bounds.from_scaled_mirrored(&[0.5, 3.0]), [3.5, 3.0]);
        assert_eq!(bounds.from_scaled_mirrored(&[1.25, -3.0]), [3.75, 3.0]);
        assert_eq!(bounds.from_scaled_mirrored(&[-1.5, 0.0]), [2.5, 0.0]);
        assert_eq!(bounds.from_scaled_mirrored(&[4.5, 0.0]), [3.5, 0.0]);
    }

    #[test]
    fn empty_bounds_are_refused_by_index() {
        let error = Bounds::new(vec![0.0, 1.0], vec![1.0, 1.0]).unwrap_err();
        assert_eq!(error, BoundsError { index: 1, lower: 1.0, upper: 1.0 });
        assert!(Bounds::new(vec![f64::NAN], vec![1.0]).is_err());
    }
}

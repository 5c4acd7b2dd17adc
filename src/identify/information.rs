//! What an observation can tell: from the information `JᵀJ` at the fit.

use nalgebra::{DMatrix, SymmetricEigen};

/// The uncertainty of fitted coordinates, if residuals are independent.
#[derive(Clone, Debug, PartialEq)]
pub struct Information {
    /// Standard deviation of each coordinate, the others unknown.
    pub std: Vec<f64>,
    /// `[i * n + j]`, of the coordinates' errors.
    pub correlation: Vec<f64>,
    /// Principal directions, best told first.
    pub directions: Vec<Direction>,
}

/// A combination of coordinates that is told independently of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Direction {
    /// Unit vector of coordinates.
    pub combination: Vec<f64>,
    /// Standard deviation along it; infinite if nothing is told.
    pub std: f64,
}

/// Eigenvalues below this fraction of the largest are round-off.
const SINGULAR: f64 = 1e-14;

impl Information {
    /// From `JᵀJ` (row by row, n x n) and the standard deviation of a residual in the same unit.
    pub fn new(information: &[f64], residual_std: f64) -> Self {
        let n = information.len().isqrt();
        let eigen = SymmetricEigen::new(DMatrix::from_row_slice(n, n, information));
        let largest = eigen.eigenvalues.max();
        let mut directions: Vec<Direction> = (0..n)
            .map(|k| {
                let value = eigen.eigenvalues[k];
                let told = value > SINGULAR * largest && value > 0.0;
                let std = if told { residual_std / value.sqrt() } else { f64::INFINITY };
                Direction {
                    combination: eigen.eigenvectors.column(k).iter().copied().collect(),
                    std,
                }
            })
            .collect();
        directions.sort_by(|a, b| a.std.total_cmp(&b.std));
        let covariance = |i: usize, j: usize| -> f64 {
            let part = |d: &Direction| match d.combination[i] * d.combination[j] {
                // A direction that takes no part adds nothing, however badly it is told.
                0.0 => 0.0,
                both => both * d.std * d.std,
            };
            directions.iter().map(part).sum()
        };
        let std: Vec<f64> = (0..n).map(|i| covariance(i, i).sqrt()).collect();
        let correlation = (0..n * n)
            .map(|k| {
                let (i, j) = (k / n, k % n);
                let ratio = covariance(i, j) / (std[i] * std[j]);
                if i == j { 1.0 } else { ratio }
            })
            .collect();
        Self { std, correlation, directions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uncertainty_of_a_line_is_that_of_linear_regression() {
        // y = a + b t at t = 0, 1, 2, 3: JᵀJ = [4, 6; 6, 14], inverse [14, -6; -6, 4]/20.
        let told = Information::new(&[4.0, 6.0, 6.0, 14.0], 0.1);
        let std = |variance: f64| 0.1 * variance.sqrt();
        assert!((told.std[0] - std(0.7)).abs() < 1e-12 && (told.std[1] - std(0.2)).abs() < 1e-12);
        let correlation = -0.3 / (0.7f64 * 0.2).sqrt();
        assert!((told.correlation[1] - correlation).abs() < 1e-12);
        assert!(told.directions[0].std < told.directions[1].std);
    }

    #[test]
    fn a_sum_that_alone_is_seen_leaves_the_difference_untold() {
        let told = Information::new(&[1.0, 1.0, 1.0, 1.0], 0.1);
        assert!((told.directions[0].std - 0.1 / 2f64.sqrt()).abs() < 1e-12);
        assert_eq!(told.directions[1].std, f64::INFINITY);
        assert_eq!(told.std, [f64::INFINITY; 2]);
    }
}

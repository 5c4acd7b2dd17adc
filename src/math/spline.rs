//! Functions from their values at regular nodes: quadratic B-splines, smooth to the first derivative.

use super::Real;

/// Weights of the nodes at -1, 0, +1 from the nearest one, and their first and second derivatives, at
/// `t` in [-1/2, 1/2] spacings from it. Derivatives are by t.
#[inline(always)]
pub fn spline_weights<R: Real>(t: R) -> [[R; 3]; 3] {
    let (half, one, two) = (R::from_f64(0.5), R::one(), R::from_f64(2.0));
    let (left, right) = (half - t, half + t);
    [
        [half * left * left, R::from_f64(0.75) - t * t, half * right * right],
        [-left, -two * t, right],
        [one, -two, one],
    ]
}

/// The coefficients whose spline takes given values: `c = f - (second differences of f)/8`, the sum
/// over the axes. Local, so that a kink stays where it is, and exact for quadratic f; else the error
/// is of fourth order in the spacing. The first axis runs fastest; at the rim f counts as straight.
pub fn spline_coefficients<const N: usize>(values: &[f64], counts: [usize; N]) -> Vec<f64> {
    let mut coefficients = values.to_vec();
    let mut stride = 1;
    for count in counts {
        for (index, &value) in values.iter().enumerate() {
            let at = index / stride % count;
            if at > 0 && at + 1 < count {
                let beside = values[index - stride] + values[index + stride];
                coefficients[index] -= (beside - 2.0 * value) / 8.0;
            }
        }
        stride *= count;
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quadratic_is_reproduced_with_its_derivatives() {
        let f = |x: f64, y: f64| 0.3 - x + 2.0 * y + 0.5 * x * x - x * y + 0.25 * y * y;
        let counts = [7, 6];
        let values: Vec<f64> = (0..42).map(|n| f((n % 7) as f64, (n / 7) as f64)).collect();
        let coefficients = spline_coefficients(&values, counts);
        for (x, y) in [(3.0, 2.5), (2.7, 3.2), (3.49, 2.51), (2.0, 3.0)] {
            let (i, j) = ((x + 0.5f64).floor(), (y + 0.5f64).floor());
            let (wx, wy) = (spline_weights(x - i), spline_weights(y - j));
            let sum = |a: usize, b: usize| -> f64 {
                let node = |n: usize| {
                    let (di, dj) = (n % 3, n / 3);
                    let at = (i as usize + di - 1) + 7 * (j as usize + dj - 1);
                    wx[a][di] * wy[b][dj] * coefficients[at]
                };
                (0..9).map(node).sum()
            };
            let exact = [
                (sum(0, 0), f(x, y)),
                (sum(1, 0), -1.0 + x - y),
                (sum(0, 1), 2.0 - x + 0.5 * y),
                (sum(2, 0), 1.0),
                (sum(1, 1), -1.0),
                (sum(0, 2), 0.5),
            ];
            for (found, expected) in exact {
                assert!((found - expected).abs() < 1e-12, "{found} {expected} at {x}, {y}");
            }
        }
    }
}

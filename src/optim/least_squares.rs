//! Levenberg-Marquardt: few coordinates, many residuals, within bounds.
//!
//! A step solves `(JᵀJ + damping I) step = -Jᵀr` over the coordinates that are not held at a bound.
//! The damping is a multiple of the identity, not of the diagonal: a direction that the residuals do
//! not see stays where it is, instead of being thrown to its bound by round-off.

use super::Bounds;
use nalgebra::{DMatrix, DVector};

/// A sum of squares, `value = Σ r²`, that can be asked for its local model.
pub trait SumOfSquares {
    type Error;

    /// The value at a point; infinite where the residuals cannot be computed.
    fn value(&mut self, x: &[f64]) -> Result<f64, Self::Error>;

    /// `Jᵀr` and `JᵀJ` at the point last accepted.
    fn local(&mut self, x: &[f64]) -> Result<Local, Self::Error>;
}

/// The linearised residuals at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// `Jᵀr`, half the gradient of the sum of squares.
    pub gradient: Vec<f64>,
    /// `JᵀJ`, row by row.
    pub information: Vec<f64>,
}

/// When to stop, and how far to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeastSquaresOptions {
    /// Most local models that are asked for.
    pub iterations: usize,
    /// Converged when no coordinate would move by more.
    pub tolerance: f64,
    /// No coordinate moves by more in one step.
    pub longest_step: f64,
}

/// Where a minimisation came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    pub x: Vec<f64>,
    pub value: f64,
    /// Local models that were asked for.
    pub iterations: usize,
    /// No coordinate would have moved by more than the tolerance.
    pub converged: bool,
}

/// One accepted step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accepted<'a> {
    pub x: &'a [f64],
    pub value: f64,
}

/// Damping at the start, as a fraction of the largest diagonal entry of `JᵀJ`.
const FIRST_DAMPING: f64 = 1e-3;
/// Factor by which a rejected step raises the damping; an accepted one lowers it by as much.
const DAMPING_FACTOR: f64 = 4.0;
/// Rejections in a row after which no better point is to be expected.
const MOST_REJECTIONS: usize = 12;

/// Goes down from `start`, which lies within the bounds; `observe` sees every accepted step.
///
/// # Errors
/// Those of the residuals or of `observe`.
pub fn least_squares<S: SumOfSquares>(
    sum: &mut S,
    start: &[f64],
    bounds: &Bounds,
    options: &LeastSquaresOptions,
    observe: &mut dyn FnMut(&S, Accepted) -> Result<(), S::Error>,
) -> Result<Minimum, S::Error> {
    let mut x = start.to_vec();
    bounds.project(&mut x);
    let mut value = sum.value(&x)?;
    let mut damping = FIRST_DAMPING;
    for iteration in 0..options.iterations {
        let minimum = |x: &[f64], value, converged| Minimum {
            x: x.to_vec(),
            value,
            iterations: iteration + 1,
            converged,
        };
        let local = sum.local(&x)?;
        let mut rejections = 0;
        loop {
            let mut next = x.clone();
            let step = damped_step(&local, damping, &bounds_held(&local, &x, bounds));
            let longest = step.iter().fold(0.0f64, |most, s| most.max(s.abs()));
            let shorten = (options.longest_step / longest.max(f64::MIN_POSITIVE)).min(1.0);
            next.iter_mut().zip(&step).for_each(|(x, s)| *x += shorten * s);
            bounds.project(&mut next);
            let moved = next.iter().zip(&x).fold(0.0f64, |most, (a, b)| most.max((a - b).abs()));
            if moved <= options.tolerance {
                return Ok(minimum(&x, value, true));
            }
            let next_value = sum.value(&next)?;
            if next_value < value {
                (x, value) = (next, next_value);
                damping /= DAMPING_FACTOR;
                observe(sum, Accepted { x: &x, value })?;
                break;
            }
            damping *= DAMPING_FACTOR;
            rejections += 1;
            if rejections == MOST_REJECTIONS {
                return Ok(minimum(&x, value, false));
            }
        }
    }
    Ok(Minimum { x, value, iterations: options.iterations, converged: false })
}

/// Coordinates at a bound that descent would leave through it.
fn bounds_held(local: &Local, x: &[f64], bounds: &Bounds) -> Vec<bool> {
    let mut trial: Vec<f64> = x
        .iter()
        .zip(&local.gradient)
        .enumerate()
        .map(|(i, (x, g))| x - g.signum() * bounds.scale(i))
        .collect();
    bounds.project(&mut trial);
    trial.iter().zip(x).map(|(moved, x)| moved == x).collect()
}

/// `-(JᵀJ + damping I)⁻¹ Jᵀr`, zero in the coordinates that are held.
fn damped_step(local: &Local, damping: f64, held: &[bool]) -> Vec<f64> {
    let n = local.gradient.len();
    let largest = (0..n).map(|i| local.information[i * n + i]).fold(0.0, f64::max);
    let ridge = damping * largest + f64::MIN_POSITIVE;
    let matrix = DMatrix::from_fn(n, n, |i, j| match (held[i] || held[j], i == j) {
        (true, true) => 1.0,
        (true, false) => 0.0,
        (false, diagonal) => local.information[i * n + j] + if diagonal { ridge } else { 0.0 },
    });
    let right = DVector::from_fn(n, |i, _| if held[i] { 0.0 } else { -local.gradient[i] });
    match matrix.cholesky() {
        Some(factor) => factor.solve(&right).iter().copied().collect(),
        // Nothing is seen at all: there is no step to take.
        None => vec![0.0; n],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Residuals `f(x)` with a Jacobian by central differences.
    struct Residuals<F>(F);

    impl<F: Fn(&[f64]) -> Vec<f64>> SumOfSquares for Residuals<F> {
        type Error = Infallible;
        fn value(&mut self, x: &[f64]) -> Result<f64, Infallible> {
            Ok((self.0)(x).iter().map(|r| r * r).sum())
        }
        fn local(&mut self, x: &[f64]) -> Result<Local, Infallible> {
            let residuals = (self.0)(x);
            let columns: Vec<Vec<f64>> = (0..x.len())
                .map(|i| {
                    let moved = |by: f64| {
                        let mut x = x.to_vec();
                        x[i] += by;
                        (self.0)(&x)
                    };
                    let (high, low) = (moved(1e-5), moved(-1e-5));
                    high.iter().zip(&low).map(|(h, l)| (h - l) / 2e-5).collect()
                })
                .collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let information =
                columns.iter().flat_map(|a| columns.iter().map(|b| dot(a, b))).collect();
            Ok(Local {
                gradient: columns.iter().map(|c| dot(c, &residuals)).collect(),
                information,
            })
        }
    }

    const OPTIONS: LeastSquaresOptions =
        LeastSquaresOptions { iterations: 100, tolerance: 1e-9, longest_step: 1.0 };

    fn box_of(lower: f64, upper: f64, dimension: usize) -> Bounds {
        Bounds::new(vec![lower; dimension], vec![upper; dimension]).unwrap()
    }

    #[test]
    fn it_finds_the_bottom_of_rosenbrocks_valley_in_a_few_steps() {
        let mut sum = Residuals(|x: &[f64]| vec![1.0 - x[0], 10.0 * (x[1] - x[0] * x[0])]);
        let found =
            least_squares(&mut sum, &[-1.2, 1.0], &box_of(-2.0, 2.0, 2), &OPTIONS, &mut |_, _| {
                Ok(())
            });
        let found = found.unwrap();
        assert!(found.converged && found.iterations < 60, "{found:?}");
        assert!(found.x.iter().all(|x| (x - 1.0).abs() < 1e-7), "{found:?}");
    }

    #[test]
    fn a_decay_and_its_amplitude_are_recovered_from_samples() {
        let curve = |x: &[f64], t: f64| x[0].exp() * (-x[1].exp() * t).exp();
        let truth = [0.7, -0.4];
        let mut sum = Residuals(move |x: &[f64]| {
            (0..20).map(|i| 0.3 * f64::from(i)).map(|t| curve(x, t) - curve(&truth, t)).collect()
        });
        let found =
            least_squares(&mut sum, &[-1.0, 1.5], &box_of(-5.0, 5.0, 2), &OPTIONS, &mut |_, _| {
                Ok(())
            });
        let found = found.unwrap().x;
        assert!((found[0] - 0.7).abs() < 1e-6 && (found[1] + 0.4).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn a_coordinate_that_no_residual_sees_does_not_move() {
        let mut sum = Residuals(|x: &[f64]| vec![x[0] - 0.5]);
        let found =
            least_squares(&mut sum, &[-1.0, 0.3], &box_of(-2.0, 2.0, 2), &OPTIONS, &mut |_, _| {
                Ok(())
            });
        let found = found.unwrap();
        assert_eq!(found.x[1], 0.3);
        assert!((found.x[0] - 0.5).abs() < 1e-6);
    }

    #[test]
    fn a_minimum_outside_the_bounds_ends_at_the_bound_and_frees_the_other_coordinate() {
        let mut sum = Residuals(|x: &[f64]| vec![x[0] - 3.0, x[0] + x[1] - 1.5]);
        let found =
            least_squares(&mut sum, &[0.0, 0.0], &box_of(-1.0, 1.0, 2), &OPTIONS, &mut |_, _| {
                Ok(())
            });
        let found = found.unwrap();
        assert_eq!(found.x[0], 1.0);
        assert!((found.x[1] - 0.5).abs() < 1e-7, "{found:?}");
    }

    #[test]
    fn where_residuals_cannot_be_computed_is_walked_around() {
        struct Cliff(Residuals<fn(&[f64]) -> Vec<f64>>);
        impl SumOfSquares for Cliff {
            type Error = Infallible;
            fn value(&mut self, x: &[f64]) -> Result<f64, Infallible> {
                if x[0] > 0.6 { Ok(f64::INFINITY) } else { self.0.value(x) }
            }
            fn local(&mut self, x: &[f64]) -> Result<Local, Infallible> {
                self.0.local(x)
            }
        }
        let mut sum = Cliff(Residuals(|x| vec![x[0].tanh() - 0.5f64.tanh()]));
        let found =
            least_squares(&mut sum, &[-2.0], &box_of(-3.0, 3.0, 1), &OPTIONS, &mut |_, _| Ok(()));
        assert!((found.unwrap().x[0] - 0.5).abs() < 1e-6);
    }
}

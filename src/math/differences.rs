//! The derivative of a function of one variable from its values: from both sides, so that a kink is
//! told from a wrong derivative.

/// What the values of a function around 0 say about its derivative there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Differences {
    /// By central differences, of second order.
    pub central: f64,
    /// The step of `central`.
    pub step: f64,
    /// How far `central` is from that of the next smaller step, and what round-off may do to it.
    pub uncertainty: f64,
    /// From below, by the second smallest step.
    pub left: f64,
    /// From above, by the second smallest step.
    pub right: f64,
    /// Whether left and right do not meet: `central` is then their mean, and a derivative that is
    /// computed on one branch is not.
    pub kink: bool,
}

/// Left and right may differ by so much of the larger one: what is asked of a gradient in f64.
const KINK_TOLERANCE: f64 = 1e-6;
/// And, like central differences of two steps, by so many times what round-off may do to one of them.
const NOISE_MARGIN: f64 = 4.0;
/// They differ by curvature alone where the smaller step brings them together by more than this factor.
const KINK_SHARE: f64 = 0.5;

/// What round-off may have done to a value, relative to it: a value is the end of a long computation. (One
/// that is a small difference of large numbers is less certain than that.)
const ROUND_OFF: f64 = 8.0 * f64::EPSILON;

impl Differences {
    /// Tries every step; they fall, three of them at least. Of the central differences the one with the
    /// largest step counts that agrees, within round-off, with that of the next smaller step, and that
    /// with its next, down to the smallest: larger steps bend with the curve or cross a kink, smaller
    /// ones know less. (Not the one that agrees best: beyond a kink large steps agree with each other.)
    ///
    /// # Errors
    /// What `value` gives.
    ///
    /// # Panics
    /// With less than three steps.
    pub fn of<E>(steps: &[f64], mut value: impl FnMut(f64) -> Result<f64, E>) -> Result<Self, E> {
        assert!(steps.len() >= 3, "{} steps, three are needed", steps.len());
        let here = value(0.0)?;
        let mut largest = here.abs();
        let (mut left, mut right, mut central) = (Vec::new(), Vec::new(), Vec::new());
        for &step in steps {
            let (below, above) = (value(-step)?, value(step)?);
            largest = largest.max(below.abs()).max(above.abs());
            left.push((here - below) / step);
            right.push((above - here) / step);
            central.push((above - below) / (2.0 * step));
        }
        let noise: Vec<f64> = steps.iter().map(|step| ROUND_OFF * largest / step).collect();
        let last = steps.len() - 1;
        let change = |i: usize| (central[i] - central[(i + 1).min(last)]).abs();
        let mut index = last;
        while index > 0 && change(index - 1) <= NOISE_MARGIN * noise[index] {
            index -= 1;
        }
        // The smallest step has the most noise, and is for the central difference alone.
        let (near, far) = (last - 1, last - 2);
        let gap = |i: usize| (right[i] - left[i]).abs();
        let apart = |i: usize| {
            let larger = left[i].abs().max(right[i].abs());
            gap(i) > KINK_TOLERANCE * larger + NOISE_MARGIN * noise[i]
        };
        Ok(Self {
            central: central[index],
            step: steps[index],
            uncertainty: change(index) + noise[index],
            left: left[near],
            right: right[near],
            kink: apart(near) && apart(far) && gap(near) > KINK_SHARE * gap(far),
        })
    }

    /// How far a derivative is from the differences, relative to them: at a kink from the nearer of the two
    /// one-sided ones.
    pub fn relative_error(&self, derivative: f64) -> f64 {
        let error = |d: f64| (derivative - d).abs() / d.abs().max(f64::MIN_POSITIVE);
        match self.kink {
            true => error(self.left).min(error(self.right)),
            false => error(self.central),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const STEPS: [f64; 5] = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7];

    fn of(f: impl Fn(f64) -> f64) -> Differences {
        Differences::of(&STEPS, |x| Ok::<_, Infallible>(f(x))).unwrap()
    }

    #[test]
    fn a_smooth_function_has_its_derivative_and_no_kink() {
        let found = of(|x| (3.0 * x).exp());
        assert!(!found.kink, "{found:?}");
        for derivative in [found.central, found.left, found.right] {
            assert!((derivative / 3.0 - 1.0).abs() < 1e-5, "{found:?}");
        }
        assert!(found.relative_error(3.0) < 1e-8 && found.relative_error(3.01) > 1e-3);
    }

    #[test]
    fn a_small_kink_is_seen_and_either_side_is_a_derivative_of_it() {
        let found = of(|x| x.sin() + 1e-4 * x.max(0.0) + 1.0);
        assert!(found.kink, "{found:?}");
        assert!(found.relative_error(1.0) < 1e-7 && found.relative_error(1.0001) < 1e-7);
        assert!(found.relative_error(1.00005) > 1e-5, "the mean is no derivative");
    }

    #[test]
    fn steps_at_which_round_off_leaves_nothing_do_not_count() {
        // Small steps all give the same: nothing.
        let found = of(|x| 1e6 + 1e-4 * (3.0 * x).sin());
        assert!(found.step >= 1e-4, "{found:?}");
        assert!((found.central / 3e-4 - 1.0).abs() * 3e-4 < found.uncertainty, "{found:?}");
    }

    #[test]
    fn strong_curvature_is_no_kink() {
        let found = of(|x| x + 1e4 * x * x);
        assert!(!found.kink, "{found:?}");
        assert!(found.relative_error(1.0) < 1e-7, "{found:?}");
    }

    #[test]
    fn a_kink_beside_the_point_is_stepped_over() {
        let found = of(|x| x.sin() + 1e-2 * (x - 3e-6).max(0.0));
        assert!(!found.kink, "{found:?}");
        assert!(found.relative_error(1.0) < 1e-7, "{found:?}");
    }
}

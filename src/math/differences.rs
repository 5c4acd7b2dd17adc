//! The derivative of a function of one variable from its values: from both sides, so that a kink is
//! told from a wrong derivative.

/// What the values of a function around 0 say about its derivative there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Differences {
    /// By central differences, of second order.
    pub central: f64,
    /// The step of `central`.
    pub step: f64,
    /// How far apart the two central differences are that agree best.
    pub uncertainty: f64,
    /// From below, of second order.
    pub left: f64,
    /// From above, of second order.
    pub right: f64,
    /// Whether left and right do not meet: `central` is then their mean, and a derivative that is
    /// computed on one branch is not.
    pub kink: bool,
}

/// Left and right may differ by so much of the larger one: what is asked of a gradient in f64.
const KINK_TOLERANCE: f64 = 1e-6;
/// And by so many times what is uncertain of each.
const KINK_MARGIN: f64 = 10.0;

impl Differences {
    /// Tries every step; those must fall by a constant factor, three of them at least. The one counts
    /// at which a difference agrees best with its neighbour: larger ones bend with the curve or cross a
    /// kink, smaller ones drown in round-off.
    ///
    /// # Errors
    /// What `value` gives.
    ///
    /// # Panics
    /// With less than three steps.
    pub fn of<E>(steps: &[f64], mut value: impl FnMut(f64) -> Result<f64, E>) -> Result<Self, E> {
        assert!(steps.len() >= 3, "{} steps, three are needed", steps.len());
        let ratio = steps[0] / steps[1];
        let here = value(0.0)?;
        let (mut left, mut right, mut central) = (Vec::new(), Vec::new(), Vec::new());
        for &step in steps {
            let (below, above) = (value(-step)?, value(step)?);
            left.push((here - below) / step);
            right.push((above - here) / step);
            central.push((above - below) / (2.0 * step));
        }
        let (index, uncertainty) = most_settled(&central);
        let [(left, left_uncertainty), (right, right_uncertainty)] = [left, right].map(|first| {
            let second = extrapolated(&first, ratio);
            let (index, uncertainty) = most_settled(&second);
            (second[index], uncertainty)
        });
        let allowed = KINK_TOLERANCE * left.abs().max(right.abs())
            + KINK_MARGIN * (left_uncertainty + right_uncertainty);
        Ok(Self {
            central: central[index],
            step: steps[index],
            uncertainty,
            left,
            right,
            kink: (right - left).abs() > allowed,
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

/// What neighbours of first order, at steps of this ratio, say to second order.
fn extrapolated(first: &[f64], ratio: f64) -> Vec<f64> {
    first.windows(2).map(|pair| (ratio * pair[1] - pair[0]) / (ratio - 1.0)).collect()
}

/// The later of the two neighbours that differ least, and by how much.
fn most_settled(values: &[f64]) -> (usize, f64) {
    let gap = |i: usize| (values[i] - values[i - 1]).abs();
    let gaps = (1..values.len()).map(|i| (i, gap(i)));
    gaps.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::INFINITY))
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
            assert!((derivative / 3.0 - 1.0).abs() < 1e-7, "{found:?}");
        }
        assert!(found.relative_error(3.0) < 1e-8 && found.relative_error(3.01) > 1e-3);
    }

    #[test]
    fn a_small_kink_is_seen_and_either_side_is_a_derivative_of_it() {
        let found = of(|x| x.sin() + 1e-4 * x.max(0.0) + 1.0);
        assert!(found.kink, "{found:?}");
        assert!(found.relative_error(1.0) < 1e-8 && found.relative_error(1.0001) < 1e-8);
        assert!(found.relative_error(1.00005) > 1e-5, "the mean is no derivative");
    }

    #[test]
    fn a_kink_beside_the_point_is_stepped_over() {
        let found = of(|x| x.sin() + 1e-2 * (x - 3e-6).max(0.0));
        assert!(!found.kink, "{found:?}");
        assert!(found.relative_error(1.0) < 1e-7, "{found:?}");
    }
}

//! Adam [Kingma and Ba 2015] within bounds, by projection.
//!
//! It works in coordinates in which the box is [-1, 1] a side, so that one learning rate serves
//! metres per second and pascals: the rate is the step as a fraction of half a coordinate's range.
//!
//! A point without a value (infinite: its simulation broke) is left again: half of the step that led
//! to it is tried instead, and later steps are shorter until they have gone well for a while.

use super::{Bounds, Evaluation, Optimizer, OptimizerError, OptimizerState, Rate};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamOptions {
    /// Largest step of a coordinate, as a fraction of half its range.
    pub learning_rate: f64,
    pub rate: Rate,
    /// Decay of the mean of the gradient.
    pub beta1: f64,
    /// Decay of the mean of its square.
    pub beta2: f64,
    /// Added to the root of the mean square: gradients much below it (in objective units per half
    /// range) do not move anything.
    pub epsilon: f64,
    pub clip: Clip,
}

/// How long a gradient may be before it is shortened; lengths are Euclidean, of the scaled gradient.
///
/// The gradient of a long rollout with contact explodes at some points (a state change of round-off
/// size that grows through every impact). Unshortened, one such gradient fills the mean squares and
/// stalls the next hundred steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Clip {
    Off,
    /// This long [objective units per half range].
    Norm {
        longest: f64,
    },
    /// So many times the median of all lengths so far, the present one included.
    Median {
        factor: f64,
    },
}

impl Default for AdamOptions {
    fn default() -> Self {
        Self {
            learning_rate: 0.05,
            rate: Rate::Constant,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-12,
            clip: Clip::Median { factor: 2.0 },
        }
    }
}

impl AdamOptions {
    fn check(&self) -> Result<(), OptimizerError> {
        let positive = |option, value: f64| {
            if value > 0.0 && value.is_finite() {
                return Ok(());
            }
            Err(OptimizerError::Option { option, value, allowed: "a finite number > 0 is allowed" })
        };
        let decay = |option, value: f64| {
            if (0.0..1.0).contains(&value) {
                return Ok(());
            }
            Err(OptimizerError::Option { option, value, allowed: "0 <= value < 1 is allowed" })
        };
        positive("learning_rate", self.learning_rate)?;
        positive("epsilon", self.epsilon)?;
        decay("beta1", self.beta1)?;
        decay("beta2", self.beta2)?;
        if let Rate::Exponential { half_life } = self.rate {
            positive("half_life", half_life)?;
        }
        match self.clip {
            Clip::Off => Ok(()),
            Clip::Norm { longest } => positive("longest", longest),
            Clip::Median { factor } => positive("factor", factor),
        }
    }
}

/// Steps in a row that lead to points without a value, each half of the one before: then the search is over.
const MOST_RETREATS: u32 = 12;
/// What a step that went well gives back of the length that retreats took.
const RECOVERY: f64 = 1.1;

/// A stored [`Adam`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamState {
    iteration: usize,
    /// Present point, in the caller's coordinates.
    x: Vec<f64>,
    /// Means of the scaled gradient and of its square.
    mean: Vec<f64>,
    square: Vec<f64>,
    /// Lengths of the scaled gradients so far.
    norms: Vec<f64>,
    /// The last point that had a value; none before the first.
    last_good: Option<Vec<f64>>,
    /// Retreats from the present point since.
    retreats: u32,
    /// Factor of all steps, 1 unless some led to points without a value.
    caution: f64,
    options: AdamOptions,
    bounds: Bounds,
}

pub struct Adam {
    state: AdamState,
}

impl Adam {
    /// Starts at `start`, moved into the bounds.
    pub fn new(
        start: &[f64],
        bounds: Bounds,
        options: AdamOptions,
    ) -> Result<Self, OptimizerError> {
        let mut x = start.to_vec();
        shape("coordinates of the start", x.len(), bounds.dimension())?;
        bounds.project(&mut x);
        let zeros = vec![0.0; x.len()];
        Self::from_state(AdamState {
            iteration: 0,
            x,
            mean: zeros.clone(),
            square: zeros,
            norms: Vec::new(),
            last_good: None,
            retreats: 0,
            caution: 1.0,
            options,
            bounds,
        })
    }

    pub(super) fn from_state(state: AdamState) -> Result<Self, OptimizerError> {
        state.options.check()?;
        let dimension = state.bounds.dimension();
        shape("coordinates", state.x.len(), dimension)?;
        shape("means", state.mean.len(), dimension)?;
        shape("mean squares", state.square.len(), dimension)?;
        if let Some(good) = &state.last_good {
            shape("coordinates of the last good point", good.len(), dimension)?;
        }
        Ok(Self { state })
    }

    /// Goes half the way back to the last point that had a value, and forgets the momentum that led
    /// away from it.
    fn retreat(&mut self, value: f64) -> Result<(), OptimizerError> {
        let AdamState { x, mean, last_good, retreats, caution, .. } = &mut self.state;
        let Some(good) = last_good else { return Err(OptimizerError::Value { value }) };
        for (x, good) in x.iter_mut().zip(good) {
            *x = *good + 0.5 * (*x - *good);
        }
        mean.fill(0.0);
        *retreats += 1;
        *caution *= 0.5;
        Ok(())
    }
}

fn shape(what: &'static str, found: usize, expected: usize) -> Result<(), OptimizerError> {
    if found == expected {
        return Ok(());
    }
    Err(OptimizerError::Shape { what, found, expected })
}

/// The middle of a list that is not empty; of an even number, the lower of the two.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) / 2]
}

impl Optimizer for Adam {
    fn ask(&mut self) -> Vec<Vec<f64>> {
        vec![self.state.x.clone()]
    }

    fn needs_gradient(&self) -> bool {
        true
    }

    fn tell(&mut self, evaluations: &[Evaluation]) -> Result<(), OptimizerError> {
        shape("evaluations", evaluations.len(), 1)?;
        let Evaluation { value, gradient } = &evaluations[0];
        if *value == f64::INFINITY {
            return self.retreat(*value);
        }
        if !value.is_finite() {
            return Err(OptimizerError::Value { value: *value });
        }
        let gradient = gradient.as_deref().unwrap_or_default();
        let AdamState {
            iteration,
            x,
            mean,
            square,
            norms,
            last_good,
            retreats,
            caution,
            options,
            bounds,
        } = &mut self.state;
        shape("derivatives", gradient.len(), x.len())?;
        if let Some((index, &value)) = gradient.iter().enumerate().find(|(_, g)| !g.is_finite()) {
            return Err(OptimizerError::Gradient { index, value });
        }

        let mut scaled: Vec<f64> =
            gradient.iter().enumerate().map(|(i, g)| g * bounds.scale(i)).collect();
        let norm = scaled.iter().map(|g| g * g).sum::<f64>().sqrt();
        norms.push(norm);
        let longest = match options.clip {
            Clip::Off => f64::INFINITY,
            Clip::Norm { longest } => longest,
            Clip::Median { factor } => factor * median(norms),
        };
        if norm > longest {
            scaled.iter_mut().for_each(|g| *g *= longest / norm);
        }

        *last_good = Some(x.clone());
        if *retreats == 0 {
            *caution = (*caution * RECOVERY).min(1.0);
        }
        *retreats = 0;
        let step = *caution * options.learning_rate * options.rate.factor(*iteration);
        *iteration += 1;
        let power = *iteration as f64;
        let mean_bias = 1.0 - options.beta1.powf(power);
        let square_bias = 1.0 - options.beta2.powf(power);
        for i in 0..x.len() {
            mean[i] += (1.0 - options.beta1) * (scaled[i] - mean[i]);
            square[i] += (1.0 - options.beta2) * (scaled[i] * scaled[i] - square[i]);
            let direction =
                (mean[i] / mean_bias) / ((square[i] / square_bias).sqrt() + options.epsilon);
            x[i] -= step * bounds.scale(i) * direction;
        }
        bounds.project(x);
        Ok(())
    }

    fn converged(&self) -> Option<String> {
        (self.state.retreats > MOST_RETREATS).then(|| {
            format!(
                "no step from the last good point leads to one with a value, down to {:.1e} of the \
                 step's length",
                0.5f64.powi(MOST_RETREATS as i32)
            )
        })
    }

    fn state(&self) -> OptimizerState {
        OptimizerState::Adam(self.state.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(optimizer: &mut Adam, f: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> f64 {
        let x = optimizer.ask().remove(0);
        let (value, gradient) = f(&x);
        optimizer.tell(&[Evaluation { value, gradient: Some(gradient) }]).unwrap();
        value
    }

    fn box_of(lower: f64, upper: f64) -> Bounds {
        Bounds::new(vec![lower; 2], vec![upper; 2]).unwrap()
    }

    #[test]
    fn the_first_step_is_the_learning_rate_times_half_the_range_against_the_sign() {
        let bounds = Bounds::new(vec![-1.0, 0.0], vec![1.0, 1e4]).unwrap();
        let options = AdamOptions { learning_rate: 0.1, ..AdamOptions::default() };
        let mut adam = Adam::new(&[0.0, 5e3], bounds, options).unwrap();
        told(&mut adam, |_| (1.0, vec![3.0, -2e-5]));
        let x = adam.ask().remove(0);
        assert!((x[0] + 0.1).abs() < 1e-9 && (x[1] - 5.5e3).abs() < 1e-3, "{x:?}");
    }

    #[test]
    fn it_finds_the_bottom_of_rosenbrocks_valley() {
        let rate = Rate::Cosine { iterations: 6000, last: 1e-3 };
        let options = AdamOptions { learning_rate: 0.01, rate, ..AdamOptions::default() };
        let mut adam = Adam::new(&[-1.2, 1.0], box_of(-2.0, 2.0), options).unwrap();
        let mut value = f64::INFINITY;
        for _ in 0..6000 {
            value = told(&mut adam, |x| {
                let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
                (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b])
            });
        }
        assert!(value < 1e-6, "{value}");
    }

    #[test]
    fn a_minimum_outside_the_bounds_is_approached_at_the_bound() {
        let mut adam = Adam::new(&[0.5, 0.5], box_of(0.0, 1.0), AdamOptions::default()).unwrap();
        for _ in 0..200 {
            told(&mut adam, |x| {
                let d = [x[0] - 3.0, x[1] - 0.25];
                (d[0] * d[0] + d[1] * d[1], vec![2.0 * d[0], 2.0 * d[1]])
            });
        }
        let x = adam.ask().remove(0);
        assert_eq!(x[0], 1.0);
        assert!((x[1] - 0.25).abs() < 1e-2, "{x:?}");
    }

    #[test]
    fn clipping_shortens_a_gradient_and_keeps_its_direction() {
        let clip = Clip::Norm { longest: 1.0 };
        let options = AdamOptions { clip, ..AdamOptions::default() };
        let mut clipped = Adam::new(&[0.0; 2], box_of(-1.0, 1.0), options).unwrap();
        told(&mut clipped, |_| (0.0, vec![300.0, -400.0]));
        assert!((clipped.state.mean[0] - 0.1 * 0.6).abs() < 1e-15);
        assert!((clipped.state.mean[1] + 0.1 * 0.8).abs() < 1e-15);
    }

    #[test]
    fn one_exploded_gradient_is_shortened_to_twice_the_usual_length() {
        let mut adam = Adam::new(&[0.0; 2], box_of(-1.0, 1.0), AdamOptions::default()).unwrap();
        for _ in 0..3 {
            told(&mut adam, |_| (0.0, vec![0.0, 1.0]));
        }
        let before = adam.state.square.clone();
        told(&mut adam, |_| (0.0, vec![1e6, 0.0]));
        assert!((adam.state.square[0] - 0.01 * 4.0).abs() < 1e-12);
        assert!((adam.state.square[1] - 0.99 * before[1]).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_finite_is_an_error_and_moves_nothing() {
        let mut adam = Adam::new(&[0.1; 2], box_of(-1.0, 1.0), AdamOptions::default()).unwrap();
        let before = adam.state();
        let error = adam.tell(&[Evaluation { value: f64::NAN, gradient: Some(vec![0.0; 2]) }]);
        assert!(matches!(error, Err(OptimizerError::Value { .. })));
        let gradient = Some(vec![0.0, f64::INFINITY]);
        let error = adam.tell(&[Evaluation { value: 1.0, gradient }]).unwrap_err();
        assert_eq!(error, OptimizerError::Gradient { index: 1, value: f64::INFINITY });
        assert_eq!(adam.state(), before);
    }

    /// A slope towards a cliff at 0.3, behind which nothing has a value.
    fn to_the_cliff(adam: &mut Adam) -> Option<f64> {
        let x = adam.ask().remove(0)[0];
        let evaluation = match x < 0.3 {
            true => Evaluation { value: 1.0 - x, gradient: Some(vec![-1.0, 0.0]) },
            false => Evaluation { value: f64::INFINITY, gradient: None },
        };
        adam.tell(&[evaluation]).unwrap();
        (x < 0.3).then_some(x)
    }

    #[test]
    fn a_point_without_a_value_is_left_by_half_the_step_and_the_descent_goes_on() {
        let options = AdamOptions { learning_rate: 0.08, ..AdamOptions::default() };
        let mut adam = Adam::new(&[0.0; 2], box_of(-1.0, 1.0), options).unwrap();
        let good: Vec<_> = (0..4).map_while(|_| to_the_cliff(&mut adam)).collect();
        assert_eq!(good.len(), 4, "{good:?}");
        let last = good[3];
        assert_eq!(to_the_cliff(&mut adam), None);
        let retried = adam.ask().remove(0)[0];
        assert!((retried - (last + 0.04)).abs() < 1e-6, "{last} {retried}");

        let reached = (0..60).filter_map(|_| to_the_cliff(&mut adam)).fold(0.0, f64::max);
        assert!(reached > 0.29, "{reached}");
        assert_eq!(adam.converged(), None);
    }

    #[test]
    fn a_search_that_no_step_leads_on_ends_and_one_without_any_value_is_an_error() {
        let mut adam = Adam::new(&[0.0; 2], box_of(-1.0, 1.0), AdamOptions::default()).unwrap();
        let none = Evaluation { value: f64::INFINITY, gradient: None };
        let error = adam.tell(std::slice::from_ref(&none)).unwrap_err();
        assert_eq!(error, OptimizerError::Value { value: f64::INFINITY });

        told(&mut adam, |_| (0.0, vec![1.0, 1.0]));
        let tells = (0..100)
            .take_while(|_| {
                let goes_on = adam.converged().is_none();
                goes_on && adam.tell(std::slice::from_ref(&none)).is_ok()
            })
            .count();
        assert_eq!(tells, MOST_RETREATS as usize + 1);
        assert!(adam.converged().unwrap().starts_with("no step from the last good point"));
    }

    #[test]
    fn options_that_make_no_sense_are_refused_by_name() {
        let options = AdamOptions { beta2: 1.0, ..AdamOptions::default() };
        let error = Adam::new(&[0.0; 2], box_of(-1.0, 1.0), options).err().unwrap().to_string();
        assert_eq!(error, "beta2 is 1; 0 <= value < 1 is allowed");
    }
}

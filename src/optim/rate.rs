//! How a learning rate changes with the iterations.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// A factor on the learning rate by iteration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Rate {
    Constant,
    /// Half a cosine from 1 down to `last` at iteration `iterations`, `last` from there on.
    Cosine {
        iterations: usize,
        last: f64,
    },
    /// Halved every so many iterations.
    Exponential {
        half_life: f64,
    },
}

impl Rate {
    pub fn factor(&self, iteration: usize) -> f64 {
        match *self {
            Rate::Constant => 1.0,
            Rate::Cosine { iterations, last } => {
                let done = (iteration as f64 / iterations.max(1) as f64).min(1.0);
                last + (1.0 - last) * 0.5 * (1.0 + (PI * done).cos())
            }
            Rate::Exponential { half_life } => (-(iteration as f64) / half_life).exp2(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_pass_through_their_stated_points() {
        let cosine = Rate::Cosine { iterations: 10, last: 0.2 };
        assert_eq!(cosine.factor(0), 1.0);
        assert!((cosine.factor(5) - 0.6).abs() < 1e-15);
        assert_eq!(cosine.factor(10), 0.2);
        assert_eq!(cosine.factor(99), 0.2);
        assert_eq!(Rate::Exponential { half_life: 4.0 }.factor(8), 0.25);
        assert_eq!(Rate::Constant.factor(1000), 1.0);
    }
}

//! An optimisation in stages, whose horizon grows: what comes late is only worth searching for once
//! what comes before it is good, and the gradient of a short rollout is tamer than that of a long one.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How a horizon grows. One stage is an ordinary optimisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stages {
    /// Stages, at least one: stage k of n sees the first k/n of the horizon.
    pub count: usize,
    /// Whether a stage leaves the actions that earlier ones have chosen as they are.
    pub freeze: bool,
}

impl Default for Stages {
    fn default() -> Self {
        Self { count: 1, freeze: false }
    }
}

impl Stages {
    /// Control steps that are free in a stage (from 0); its rollout ends with them.
    pub fn free(&self, stage: usize, horizon: usize) -> Range<usize> {
        let end = |stages: usize| (horizon * stages).div_ceil(self.count);
        (if self.freeze { end(stage) } else { 0 })..end(stage + 1)
    }

    /// How much of a budget for the whole is spent when a stage ends: each has the same share.
    pub fn iterations(&self, stage: usize, iterations: usize) -> usize {
        iterations * (stage + 1) / self.count
    }

    /// As [`Self::iterations`], of time [s].
    pub fn secs(&self, stage: usize, secs: f64) -> f64 {
        secs * (stage + 1) as f64 / self.count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_end_with_the_whole_horizon_and_the_whole_budget() {
        for count in 1..6 {
            let stages = Stages { count, freeze: false };
            assert_eq!(stages.free(count - 1, 20), 0..20);
            assert_eq!(stages.iterations(count - 1, 7), 7);
            assert_eq!(stages.secs(count - 1, 3.0), 3.0);
        }
    }

    #[test]
    fn frozen_stages_cover_every_control_step_once() {
        let stages = Stages { count: 3, freeze: true };
        let spans: Vec<_> = (0..3).map(|stage| stages.free(stage, 10)).collect();
        assert_eq!(spans, [0..4, 4..7, 7..10]);
    }
}

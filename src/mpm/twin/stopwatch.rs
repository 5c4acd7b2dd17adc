//! Where the time of the substeps goes.

use std::time::Instant;

/// Wall-clock time by stage.
#[derive(Default)]
pub struct Stopwatch {
    since: Option<Instant>,
    stages: Vec<(String, f64)>,
}

impl Stopwatch {
    pub fn start(&mut self) {
        self.since = Some(Instant::now());
    }

    /// Books the time since the last lap on a stage.
    pub fn lap(&mut self, stage: &str) {
        let now = Instant::now();
        let secs = self.since.replace(now).map_or(0.0, |since| (now - since).as_secs_f64());
        match self.stages.iter_mut().find(|(name, _)| name == stage) {
            Some((_, sum)) => *sum += secs,
            None => self.stages.push((stage.into(), secs)),
        }
    }

    pub fn take(&mut self) -> Vec<(String, f64)> {
        std::mem::take(&mut self.stages)
    }
}

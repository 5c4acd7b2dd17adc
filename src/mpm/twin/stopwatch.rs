//! Where the time of the substeps goes.

use super::blocks::BlockKey;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

/// Most levels of resolution that there are.
const MOST_LEVELS: usize = 8;

/// What the blocks of each level take, over all threads; it runs only once somebody has asked.
#[derive(Default)]
pub struct LevelClock {
    runs: AtomicBool,
    nanos: [AtomicU64; MOST_LEVELS],
}

impl LevelClock {
    /// Does the work of a block, and books its time if that is wanted.
    #[inline(always)]
    pub fn block<T>(&self, key: BlockKey, work: impl FnOnce() -> T) -> T {
        let since = self.runs.load(Ordering::Relaxed).then(Instant::now);
        let done = work();
        if let Some(since) = since {
            let nanos = since.elapsed().as_nanos() as u64;
            self.nanos[usize::from(key.level)].fetch_add(nanos, Ordering::Relaxed);
        }
        done
    }

    /// Times of so many levels since the last call [s]; from now on the clock runs.
    pub fn take(&self, levels: usize) -> Vec<f64> {
        self.runs.store(true, Ordering::Relaxed);
        let secs = |nanos: &AtomicU64| nanos.swap(0, Ordering::Relaxed) as f64 * 1e-9;
        self.nanos[..levels].iter().map(secs).collect()
    }
}

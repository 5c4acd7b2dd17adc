//! Runs substeps in chunks, so that ctrl-C, progress and frames have moments to act, and keeps the
//! state before what stops a run.

use super::interrupt::Interrupt;
use crate::mpm::simulator::{SimulationError, Simulator};
use crate::mpm::state::State;
use std::ops::Range;
use std::time::{Duration, Instant};

/// The checkpoint slot that holds the last state known to be good.
const GOOD: usize = 0;

/// How long one chunk may keep the device before anyone looks at it.
const CHUNK_TIME: Duration = Duration::from_millis(400);

/// Why an advance came to an end early.
pub enum Stop {
    /// By the user; the simulator holds the state after this many substeps.
    Interrupted { substep: usize },
    /// Something diverged, or cannot be computed; the state is the one before.
    Broken { cause: SimulationError, substep: usize, state: Box<State<f64>> },
    /// Nothing can be read any more.
    Failed(SimulationError),
}

/// Runs `substeps` and reports the substep reached after each chunk.
pub fn advance(
    simulator: &mut dyn Simulator,
    substeps: Range<usize>,
    interrupt: &Interrupt,
    mut reached: impl FnMut(usize),
) -> Result<(), Stop> {
    simulator.reserve(1, 0).map_err(Stop::Failed)?;
    let mut at = substeps.start;
    let mut chunk = 1;
    while at < substeps.end {
        if interrupt.requested() {
            return Err(Stop::Interrupted { substep: at });
        }
        simulator.save(GOOD).map_err(Stop::Failed)?;
        let next = (at + chunk).min(substeps.end);
        let started = Instant::now();
        if let Err(cause) = run_and_wait(simulator, at..next) {
            return Err(state_before(simulator, at, cause));
        }
        at = next;
        reached(at);
        // Doubling finds the chunk that takes about CHUNK_TIME on any device.
        if started.elapsed() < CHUNK_TIME / 2 {
            chunk *= 2;
        }
    }
    Ok(())
}

/// A GPU reports a divergence to whoever waits for it, so every chunk ends by waiting.
fn run_and_wait(
    simulator: &mut dyn Simulator,
    substeps: Range<usize>,
) -> Result<(), SimulationError> {
    simulator.forward(substeps)?;
    simulator.observe(0)?;
    simulator.observation(0).map(drop)
}

/// Repeats the run, bitwise the same, from the last good state up to the substep that failed.
fn state_before(simulator: &mut dyn Simulator, good: usize, cause: SimulationError) -> Stop {
    let mut replay = |end: usize| {
        simulator.restore(GOOD)?;
        run_and_wait(simulator, good..end)?;
        simulator.read()
    };
    let last = cause.diverged_at().unwrap_or(good);
    for substep in [last, good] {
        if let Ok(state) = replay(substep) {
            return Stop::Broken { cause, substep, state: Box::new(state) };
        }
    }
    Stop::Failed(cause)
}

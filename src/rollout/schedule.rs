//! Which states to keep, and what to replay, so that a reverse pass fits a byte budget.
//!
//! The horizon is cut into segments. A segment is *walked* by recording all its states and going
//! back through them; what is kept between segments is chosen by the binomial schedule (Griewank
//! and Walther's Revolve), which with enough slots becomes the two-level scheme that replays every
//! segment once. The length of a segment is whatever makes the replay shortest (formulas.md 7).

use std::ops::Range;
use thiserror::Error;

/// What a reverse pass may hold, and what its parts cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// For stored states, recorded states and observations together.
    pub bytes: u64,
    pub state_bytes: u64,
    /// Of one recorded substep.
    pub record_bytes: u64,
    /// Of what one control step within a walk holds beside.
    pub change_bytes: u64,
    /// Substeps of a control step.
    pub control_interval: usize,
    pub observation_bytes: u64,
    /// Substeps from one observation to the next; `None` if only the end is observed.
    pub observation_interval: Option<usize>,
    /// Observations held at least, whatever the length of a segment.
    pub observations_kept: usize,
}

/// That no schedule fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the gradient needs at least {needed} bytes for checkpoints, {allowed} are allowed")]
pub struct ScheduleError {
    pub needed: u64,
    pub allowed: u64,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Store the present state.
    Save { slot: usize },
    /// Make a stored state the present one.
    Restore { slot: usize },
    /// Run forward, keeping nothing.
    Advance { substeps: Range<usize> },
    /// Run forward keeping every state, then back to the beginning.
    Walk { substeps: Range<usize> },
}

/// A sequence of [`Move`]s that starts at the initial state and ends with its cotangent.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub moves: Vec<Move>,
    /// Stored states at most.
    pub slots: usize,
    /// Substeps recorded at most.
    pub segment: usize,
    /// Observations held at most.
    pub observations: usize,
    /// Peak of all that is kept [bytes].
    pub bytes: u64,
}

impl Schedule {
    /// The schedule of least replay, among those the one of least memory.
    pub fn new(substeps: usize, budget: &Budget) -> Result<Self, ScheduleError> {
        let mut best: Option<(u128, u64, usize, usize)> = None;
        let mut previous_segment = 0;
        for segments in 1..=substeps.max(1) {
            let segment = substeps.div_ceil(segments);
            if segment == previous_segment {
                continue; // more segments of the same length at most
            }
            previous_segment = segment;
            let recorded = budget.cost(segment, 0);
            let spare = budget.bytes.saturating_sub(recorded) / budget.state_bytes.max(1);
            let slots = (spare as usize).min(segments - 1);
            if recorded > budget.bytes || (segments > 1 && slots == 0) {
                continue;
            }
            let replay = advances(segments, slots.max(1)) * segment as u128;
            let bytes = budget.cost(segment, slots);
            if best.is_none_or(|(r, b, ..)| (replay, bytes) < (r, b)) {
                best = Some((replay, bytes, segments, slots));
            }
        }
        let Some((_, bytes, segments, slots)) = best else {
            return Err(ScheduleError { needed: budget.cost(1, 1), allowed: budget.bytes });
        };
        let segment = substeps.div_ceil(segments);
        Ok(Self {
            moves: moves(substeps, segments, slots),
            slots,
            segment,
            observations: budget.observations(segment),
            bytes,
        })
    }

    /// Substeps run beyond the one visit that every substep needs.
    pub fn replayed_substeps(&self) -> usize {
        let advanced = |m: &Move| match m {
            Move::Advance { substeps } => substeps.len(),
            _ => 0,
        };
        self.moves.iter().map(advanced).sum()
    }
}

impl Budget {
    fn observations(&self, segment: usize) -> usize {
        let in_segment = self.observation_interval.map_or(1, |every| segment / every.max(1) + 1);
        in_segment.max(self.observations_kept)
    }

    fn cost(&self, segment: usize, slots: usize) -> u64 {
        segment as u64 * self.record_bytes
            + segment.div_ceil(self.control_interval.max(1)) as u64 * self.change_bytes
            + slots as u64 * self.state_bytes
            + self.observations(segment) as u64 * self.observation_bytes
    }
}

/// Segments advanced without recording by the best schedule with `slots` stored states, the
/// initial one included: `r n - C(slots + r, r - 1)`, r the smallest with `C(slots + r, r) >= n`.
pub(super) fn advances(segments: usize, slots: usize) -> u128 {
    let (n, mut reach, mut before, mut r) = (segments as u128, 1u128, 0u128, 0u128);
    // reach = C(slots + r, r), before = C(slots + r, r - 1) = reach * r / (slots + 1).
    while reach < n {
        r += 1;
        reach = reach * (slots as u128 + r) / r;
        before = reach * r / (slots as u128 + 1);
    }
    r * n - before
}

fn moves(substeps: usize, segments: usize, slots: usize) -> Vec<Move> {
    let mut plan = Plan { substeps, segments, moves: Vec::new() };
    if segments > 1 {
        plan.moves.push(Move::Save { slot: 0 });
    }
    plan.walk(0..segments, 0, slots);
    plan.moves
}

struct Plan {
    substeps: usize,
    segments: usize,
    moves: Vec<Move>,
}

impl Plan {
    /// Walks the segments, last first. The present state is that before the first of them and is
    /// stored in `slot`; the slots from there up to `slots` may be used.
    fn walk(&mut self, segments: Range<usize>, slot: usize, slots: usize) {
        let (mut end, first) = (segments.end, segments.start);
        while end - first > 1 {
            let middle = first + split(end - first, slots - slot);
            self.moves.push(Move::Advance { substeps: self.span(first..middle) });
            if end - middle > 1 {
                self.moves.push(Move::Save { slot: slot + 1 });
            }
            self.walk(middle..end, slot + 1, slots);
            self.moves.push(Move::Restore { slot });
            end = middle;
        }
        self.moves.push(Move::Walk { substeps: self.span(first..end) });
    }

    fn span(&self, segments: Range<usize>) -> Range<usize> {
        let start = |segment: usize| segment * self.substeps / self.segments;
        start(segments.start)..start(segments.end)
    }
}

/// How far to advance before storing the next state, so that the whole advances least.
fn split(segments: usize, slots: usize) -> usize {
    let total = |ahead: &usize| {
        let rest = segments - ahead;
        // Without a slot for it, the rest can only be walked if it is one segment.
        let walk_rest = match (rest, slots) {
            (1, _) => 0,
            (_, 0 | 1) => return u128::MAX,
            _ => advances(rest, slots - 1),
        };
        *ahead as u128 + walk_rest + advances(*ahead, slots)
    };
    (1..segments).min_by_key(total).unwrap_or(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(count: u64) -> Budget {
        Budget {
            bytes: count,
            state_bytes: 1,
            record_bytes: 1,
            change_bytes: 0,
            control_interval: 1,
            observation_bytes: 0,
            observation_interval: None,
            observations_kept: 0,
        }
    }

    /// Plays a plan and checks that every state it uses is there and every substep is walked once,
    /// from the last to the first; returns the substeps advanced.
    fn play(substeps: usize, moves: &[Move], slots: usize, segment: usize) -> usize {
        let (mut present, mut walked, mut advanced) = (0, substeps, 0);
        let mut stored = vec![None; slots];
        for m in moves {
            match m {
                Move::Save { slot } => stored[*slot] = Some(present),
                Move::Restore { slot } => present = stored[*slot].expect("an empty slot"),
                Move::Advance { substeps } => {
                    assert_eq!(present, substeps.start);
                    present = substeps.end;
                    advanced += substeps.len();
                }
                Move::Walk { substeps } => {
                    assert_eq!(present, substeps.start);
                    assert_eq!(walked, substeps.end);
                    assert!(substeps.len() <= segment);
                    walked = substeps.start;
                }
            }
        }
        assert_eq!(walked, 0);
        advanced
    }

    #[test]
    fn the_closed_form_is_the_minimum_over_all_schedules() {
        // table[slots - 1][n - 1] by dynamic programming over where the next state is stored.
        const SEGMENTS: usize = 80;
        let mut table: Vec<Vec<u128>> = Vec::new();
        for slots in 1..12 {
            let mut row = vec![0u128];
            for n in 2..=SEGMENTS {
                let best = (1..n)
                    .filter(|ahead| slots > 1 || n - ahead == 1)
                    .map(|ahead| {
                        let rest = n - ahead;
                        let walk_rest = if rest == 1 { 0 } else { table[slots - 2][rest - 1] };
                        ahead as u128 + walk_rest + row[ahead - 1]
                    })
                    .min();
                row.push(best.unwrap());
            }
            for n in 1..=SEGMENTS {
                assert_eq!(advances(n, slots), row[n - 1], "{n} segments, {slots} slots");
            }
            table.push(row);
        }
    }

    #[test]
    fn a_plan_walks_every_segment_once_and_advances_as_the_closed_form_says() {
        for segments in 1..60 {
            for slots in 1..segments.max(2) {
                let plan = moves(segments, segments, slots);
                let advanced = play(segments, &plan, slots, 1);
                assert_eq!(advanced as u128, advances(segments, slots), "{segments}, {slots}");
            }
        }
    }

    #[test]
    fn every_budget_from_two_states_up_gives_a_plan_that_keeps_it() {
        for substeps in [1, 2, 7, 100, 333] {
            for count in 2..120 {
                let plan = Schedule::new(substeps, &states(count)).unwrap();
                assert!(plan.bytes <= count);
                assert!((plan.slots + plan.segment) as u64 <= count);
                let advanced = play(substeps, &plan.moves, plan.slots, plan.segment);
                assert_eq!(advanced, plan.replayed_substeps());
            }
        }
        let error = Schedule::new(100, &states(1)).unwrap_err();
        assert_eq!(error, ScheduleError { needed: 2, allowed: 1 });
    }

    #[test]
    fn enough_memory_means_no_replay_and_more_memory_never_more_replay() {
        assert_eq!(Schedule::new(50, &states(50)).unwrap().replayed_substeps(), 0);
        let mut previous = usize::MAX;
        for count in 2..=400 {
            let replayed = Schedule::new(400, &states(count)).unwrap().replayed_substeps();
            // Uneven segments make the last few substeps of the estimate inexact.
            assert!(replayed <= previous.saturating_add(20), "{count}: {replayed} > {previous}");
            previous = replayed;
        }
    }

    #[test]
    fn two_thousand_substeps_of_a_hundred_thousand_particles_replay_once_by_default() {
        let state_bytes = 112 * 100_000;
        let budget = Budget {
            bytes: crate::rollout::DEFAULT_MEMORY_BYTES,
            state_bytes,
            record_bytes: state_bytes,
            change_bytes: 0,
            control_interval: 20,
            observation_bytes: 48 * 100_000,
            observation_interval: None,
            observations_kept: 1,
        };
        let plan = Schedule::new(2000, &budget).unwrap();
        assert!(plan.replayed_substeps() < 2000, "{}", plan.replayed_substeps());
        let observed = Budget { observation_interval: Some(20), observations_kept: 8, ..budget };
        let plan = Schedule::new(2000, &observed).unwrap();
        assert!(plan.bytes <= budget.bytes);
        assert!(plan.replayed_substeps() < 4000, "{}", plan.replayed_substeps());
        // Three states beside for each control step that is walked.
        let changing = Budget { change_bytes: 3 * state_bytes, ..budget };
        let changed = Schedule::new(2000, &changing).unwrap();
        let walked = changed.segment.div_ceil(20) as u64 * 3 + changed.segment as u64;
        let held = (walked + changed.slots as u64) * state_bytes + budget.observation_bytes;
        assert_eq!(changed.bytes, held);
        assert!(held <= budget.bytes && changed.segment < plan.segment);
    }
}

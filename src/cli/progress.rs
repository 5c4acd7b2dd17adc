//! Progress on standard error, with the time left. Silent where that is no terminal.

use crate::rollout;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over `length` units of work; it disappears when dropped.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new(what: &str, length: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        let template = "{msg} {wide_bar} {pos}/{len} {elapsed} elapsed, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self(bar)
    }

    /// A bar that is not shown, for work inside other work.
    pub fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// Moves the bar to `position` units.
    pub fn reach(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Sets how many units there are.
    pub fn expect(&self, length: u64) {
        self.0.set_length(length);
    }

    /// Follows a gradient: the forward sweep and the one back each fill half of the bar.
    pub fn follow(&self, seen: rollout::Progress) {
        let before = if seen.phase == rollout::Phase::Reverse { seen.substeps } else { 0 };
        self.expect(2 * seen.substeps as u64);
        self.reach((before + seen.substeps_done) as u64);
    }

    /// Does something that prints, with the bar out of the way.
    pub fn quietly<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    /// Replaces the text before the bar.
    pub fn say(&self, text: String) {
        self.0.set_message(text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

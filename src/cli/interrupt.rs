//! Ctrl-C as a request to stop at the next good moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of an interrupted program: 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;

/// Whether the user has asked to stop. A second ctrl-C ends the program at once.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for ctrl-C from now on. Where a handler cannot be set, ctrl-C keeps its usual
    /// meaning, which loses no more than it did before.
    pub fn listen() -> Self {
        let interrupt = Self::default();
        let flag = Arc::clone(&interrupt.0);
        let _ = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(INTERRUPTED));
            }
        });
        interrupt
    }

    /// For a rollout or a search that looks by itself.
    pub fn flag(&self) -> &AtomicBool {
        &self.0
    }

    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

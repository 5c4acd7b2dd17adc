//! Layer 6: what was typed, what to do, one file per command.

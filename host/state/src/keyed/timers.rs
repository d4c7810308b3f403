//! Timers.

/// A timer whose time has come.
#[derive(Debug)]
pub(super) struct Due;

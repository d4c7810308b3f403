//! How long a row takes in a call of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Nanoseconds a row, the least of the last calls: one that was interrupted by the system says nothing of
/// the model. Not known at first.
#[derive(Debug)]
pub(super) struct Quickness(AtomicU64);

impl Default for Quickness {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl Quickness {
    /// Whether so many rows take less than a time. Never before a call has been seen.
    pub fn is_below(&self, rows: usize, time: Duration) -> bool {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        let row = self.0.load(Ordering::Relaxed);
        let needed = u128::from(row.saturating_mul(rows.max(1)));
        row < u64::MAX && needed < time.as_nanos()
    }

    /// A call of so many rows has taken so long.
    pub fn saw(&self, rows: usize, time: Duration) {
        let row = time.as_nanos() / rows.max(1) as u128;
        let row = u64::try_from(row).unwrap_or(u64::MAX);
        let before = self.0.load(Ordering::Relaxed);
        // Up by a sixty-fourth a call, so that a model that has become slower is known for it soon.
        let risen = before.saturating_add(before / 64 + 1);
        self.0.store(row.min(risen), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSECOND: Duration = Duration::from_micros(1);

    #[test]
    fn one_call_that_was_interrupted_says_nothing() {
        let quickness = Quickness::default();
        assert!(!quickness.is_below(0, Duration::MAX));
        quickness.saw(4, 8 * MICROSECOND);
        assert!(quickness.is_below(4, 9 * MICROSECOND));
        assert!(!quickness.is_below(5, 9 * MICROSECOND));
        quickness.saw(1, Duration::from_secs(1));
        assert!(quickness.is_below(4, 9 * MICROSECOND));
    }

    #[test]
    fn a_model_that_has_become_slower_is_known_for_it() {
        let quickness = Quickness::default();
        quickness.saw(1, MICROSECOND);
        for _ in 0..200 {
            quickness.saw(1, 20 * MICROSECOND);
        }
        assert!(!quickness.is_below(1, 10 * MICROSECOND));
    }
}

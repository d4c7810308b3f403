//! A limit of the time that calls may take of a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What was not used of the last of this time may be used at once.
const BURST: Duration = Duration::from_millis(100);
/// The lowest limit, so that nobody waits for ever.
const LEAST: Duration = Duration::from_millis(1);
const SECOND: u128 = 1_000_000_000;

/// Time that may be used of each second.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// Nanoseconds of a second; `u64::MAX` where there is no limit.
    share: AtomicU64,
    /// The moment up to which what was used has used up the limit, in nanoseconds since `start`.
    used_up_to: AtomicU64,
    start: Instant,
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Throttle {
    pub fn new(share: Duration) -> Self {
        Self {
            share: AtomicU64::new(nanoseconds(share.max(LEAST))),
            used_up_to: AtomicU64::new(0),
            start: Instant::now(),
        }
    }

    pub fn set(&self, share: Duration) {
        let share = nanoseconds(share.max(LEAST));
        self.share.store(share, Ordering::Relaxed);
    }

    /// Notes time that was used until now; answers for how long nothing more may be used.
    pub fn spend(&self, time: Duration, now: Instant) -> Duration {
        let share = self.share.load(Ordering::Relaxed);
        if share == u64::MAX {
            return Duration::ZERO;
        }
        let now = nanoseconds(now.saturating_duration_since(self.start));
        let oldest = now.saturating_sub(nanoseconds(BURST));
        let lasts = time.as_nanos() * SECOND / u128::from(share);
        let lasts = u64::try_from(lasts).unwrap_or(u64::MAX);
        let later = |up_to: u64| up_to.max(oldest).saturating_add(lasts);
        let before = self
            .used_up_to
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |up_to| {
                Some(later(up_to))
            });
        let up_to = before.map_or(0, later);
        Duration::from_nanos(up_to.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_used_up_a_share_waits() {
        let milliseconds = Duration::from_millis;
        let throttle = Throttle::new(milliseconds(250));
        let now = throttle.start + Duration::from_secs(10);
        let spend = |time, at| throttle.spend(milliseconds(time), now + milliseconds(at));
        // A quarter of the last 100 ms.
        assert_eq!(spend(25, 0), Duration::ZERO);
        assert_eq!(spend(5, 0), milliseconds(20));
        assert_eq!(spend(0, 15), milliseconds(5));
        assert_eq!(spend(0, 20), Duration::ZERO);
        assert_eq!(spend(10, 60), Duration::ZERO);
        assert_eq!(spend(1, 60), milliseconds(4));
        throttle.set(Duration::MAX);
        assert_eq!(spend(1000, 60), Duration::ZERO);
    }
}

//! How far time has come in a pipeline.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Before any time. A watermark is in milliseconds since 1970: rows up to then have come.
pub(crate) const BEGINNING: i64 = i64::MIN;

/// The machine's clock, in milliseconds since 1970.
pub(crate) fn machine_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// So long at most the job sleeps until the machine's clock shows a time: it may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// When to look whether the machine's clock has come to a time, in milliseconds since 1970.
pub(super) fn instant_of(time: i64) -> Instant {
    let left = time.saturating_sub(machine_time());
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
    Instant::now() + left.min(LONGEST_SLEEP)
}

/// The watermarks of a pipeline. They stand still while an epoch runs.
///
/// Windows over the results of windows are of a higher level. What one level releases in an epoch
/// reaches the next in the same epoch: so the next level's watermark is the one of an epoch before.
#[derive(Debug)]
pub(crate) struct Clock {
    levels: Mutex<Vec<i64>>,
    /// For each level, how many milliseconds its rows may be behind those of the level below.
    behind: Mutex<Vec<i64>>,
    machine: bool,
}

impl Clock {
    pub(crate) fn new(levels: usize) -> Self {
        Clock {
            levels: Mutex::new(vec![BEGINNING; levels]),
            behind: Mutex::new(vec![0; levels]),
            machine: false,
        }
    }

    /// Of windows over processing time.
    pub(crate) fn of_machine(levels: usize) -> Self {
        Clock {
            machine: true,
            ..Clock::new(levels)
        }
    }

    /// Whether time goes on with the machine's clock, not with rows.
    pub(crate) fn is_machine(&self) -> bool {
        self.machine
    }

    /// The time of a row that is worked on now. It is behind the watermark, even where the machine's
    /// clock has been set back.
    pub(crate) fn now(&self) -> i64 {
        machine_time().max(self.watermark(0).saturating_add(1))
    }

    /// The rows of a level may be so many milliseconds older than the watermark of the level below.
    pub(crate) fn hold_back(&self, level: usize, milliseconds: i64) {
        if let Some(behind) = self.behind.lock().get_mut(level) {
            *behind = milliseconds.max(*behind);
        }
    }

    /// Of a level of windows, during this epoch.
    pub(crate) fn watermark(&self, level: usize) -> i64 {
        let watermark = self.levels.lock().get(level).copied().unwrap_or(BEGINNING);
        let behind = self.behind.lock();
        let behind = behind.iter().take(level + 1);
        let behind = behind.fold(0, |sum: i64, behind| sum.saturating_add(*behind));
        match watermark {
            // Nothing comes any more.
            i64::MAX => i64::MAX,
            watermark => watermark.saturating_sub(behind),
        }
    }

    /// Between two epochs: the sources' time has come to `watermark`.
    pub(crate) fn advance(&self, watermark: i64) {
        let mut levels = self.levels.lock();
        let behind = levels.len().saturating_sub(1);
        levels.copy_within(..behind, 1.min(behind));
        if let Some(first) = levels.first_mut() {
            *first = watermark.max(*first);
        }
    }

    /// Whether all levels have the same watermark.
    pub(crate) fn is_settled(&self) -> bool {
        let levels = self.levels.lock();
        levels.windows(2).all(|pair| pair[0] == pair[1])
    }

    pub(crate) fn levels(&self) -> Vec<i64> {
        self.levels.lock().clone()
    }

    pub(crate) fn restore(&self, saved: &[i64]) {
        let mut levels = self.levels.lock();
        levels.fill(BEGINNING);
        for (level, saved) in levels.iter_mut().zip(saved) {
            *level = *saved;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_is_late_where_the_machine_says_how_late_it_is() {
        let clock = Clock::of_machine(1);
        let before = machine_time();
        assert!(clock.now() >= before);
        // As if it had been set back by an hour since.
        let then = before + 3_600_000;
        clock.advance(then);
        assert_eq!(clock.now(), then + 1);
        clock.advance(clock.now() - 1);
        assert_eq!(clock.watermark(0), then);
        assert!(instant_of(then) <= Instant::now() + LONGEST_SLEEP);
    }

    #[test]
    fn higher_levels_follow_an_epoch_behind() {
        let clock = Clock::new(2);
        clock.advance(5);
        assert_eq!(clock.levels(), [5, BEGINNING]);
        clock.advance(3);
        assert_eq!(clock.levels(), [5, 5]);
        clock.advance(9);
        assert_eq!(clock.levels(), [9, 5]);
        clock.hold_back(1, 2);
        assert_eq!((clock.watermark(0), clock.watermark(1)), (9, 3));
        clock.advance(i64::MAX);
        clock.advance(i64::MAX);
        assert_eq!(clock.watermark(1), i64::MAX);
        let one = Clock::new(1);
        one.advance(7);
        assert_eq!(one.levels(), [7]);
        assert_eq!(one.watermark(1), BEGINNING);
    }
}

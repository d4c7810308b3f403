//! Whether a job that failed is begun again from its last checkpoint, and when: Flink's strategies.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rand::RngExt;

/// `restart-strategy.*`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RestartStrategy {
    /// The job fails.
    None,
    FixedDelay {
        attempts: u32,
        delay: Duration,
    },
    /// The job fails with more failures than this within the interval.
    FailureRate {
        failures: u32,
        interval: Duration,
        delay: Duration,
    },
    ExponentialDelay {
        initial: Duration,
        max: Duration,
        multiplier: f64,
        /// The share of a delay that it may be longer or shorter by.
        jitter: f64,
        /// The delay is the initial one again after this time without a failure.
        reset: Duration,
        attempts: Option<u32>,
    },
}

/// Counts a job's failures.
pub(super) struct Restarts {
    strategy: RestartStrategy,
    failures: VecDeque<Instant>,
    /// Failures that the current delay has grown by.
    in_a_row: u32,
}

impl Restarts {
    pub(super) fn new(strategy: RestartStrategy) -> Self {
        Restarts {
            strategy,
            failures: VecDeque::new(),
            in_a_row: 0,
        }
    }

    /// The time to wait after a failure; `None` if the job is to fail.
    pub(super) fn after_failure(&mut self, now: Instant) -> Option<Duration> {
        let before = self.failures.back().copied();
        match self.strategy {
            RestartStrategy::None => None,
            RestartStrategy::FixedDelay { attempts, delay } => {
                self.in_a_row += 1;
                (self.in_a_row <= attempts).then_some(delay)
            }
            RestartStrategy::FailureRate {
                failures,
                interval,
                delay,
            } => {
                self.failures.push_back(now);
                let recent = |failure: &Instant| now.duration_since(*failure) <= interval;
                self.failures.retain(recent);
                (self.failures.len() <= failures as usize).then_some(delay)
            }
            RestartStrategy::ExponentialDelay {
                initial,
                max,
                multiplier,
                jitter,
                reset,
                attempts,
            } => {
                self.failures = VecDeque::from([now]);
                if before.is_some_and(|before| now.duration_since(before) >= reset) {
                    self.in_a_row = 0;
                }
                self.in_a_row += 1;
                if attempts.is_some_and(|attempts| self.in_a_row > attempts) {
                    return None;
                }
                let grown = multiplier.powf(f64::from(self.in_a_row - 1));
                let delay = (initial.as_secs_f64() * grown).min(max.as_secs_f64());
                let swing = rand::rng().random_range(-jitter..=jitter);
                let delay = Duration::try_from_secs_f64(delay * (1.0 + swing));
                Some(delay.unwrap_or(max).min(max))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(strategy: RestartStrategy, seconds: &[u64]) -> Vec<Option<u64>> {
        let mut restarts = Restarts::new(strategy);
        let start = Instant::now();
        let failures = seconds
            .iter()
            .map(|after| start + Duration::from_secs(*after));
        failures
            .map(|now| restarts.after_failure(now).map(|delay| delay.as_secs()))
            .collect()
    }

    #[test]
    fn delays_are_flinks() {
        let second = Duration::from_secs(1);
        assert_eq!(delays(RestartStrategy::None, &[0]), [None]);
        let fixed = RestartStrategy::FixedDelay {
            attempts: 2,
            delay: 3 * second,
        };
        assert_eq!(delays(fixed, &[0, 9, 90]), [Some(3), Some(3), None]);
        let rate = RestartStrategy::FailureRate {
            failures: 1,
            interval: 60 * second,
            delay: second,
        };
        assert_eq!(
            delays(rate, &[0, 61, 122, 130]),
            [Some(1), Some(1), Some(1), None]
        );
        let exponential = RestartStrategy::ExponentialDelay {
            initial: second,
            max: 5 * second,
            multiplier: 2.0,
            jitter: 0.0,
            reset: 3600 * second,
            attempts: None,
        };
        assert_eq!(
            delays(exponential, &[0, 1, 3, 7, 13, 3613]),
            [Some(1), Some(2), Some(4), Some(5), Some(5), Some(1)]
        );
    }
}

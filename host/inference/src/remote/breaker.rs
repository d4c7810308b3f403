//! A circuit breaker: a server that has failed several times in a row is left alone for a while.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub(super) struct CircuitBreaker {
    /// Requests that may fail in a row; 0 switches it off.
    failures: u32,
    open_time: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failed: u32,
    /// Until when nothing is asked.
    open_until: Option<Instant>,
    /// One request is on its way to find out how the server is.
    trial: bool,
}

/// The permit to send one request, whose end it must be told.
pub(super) struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    trial: bool,
}

impl CircuitBreaker {
    pub fn new(failures: u32, open_time: Duration) -> Self {
        Self {
            failures,
            open_time,
            state: Mutex::default(),
        }
    }

    /// The permit to send a request; the error is for how long there is none.
    pub fn enter(&self) -> Result<Permit<'_>, Duration> {
        let mut state = self.state.lock();
        let trial = match state.open_until {
            None => false,
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() || state.trial {
                    return Err(left);
                }
                state.trial = true;
                true
            }
        };
        Ok(Permit {
            breaker: self,
            trial,
        })
    }
}

impl Permit<'_> {
    pub fn succeeded(self) {
        *self.breaker.state.lock() = State::default();
    }

    pub fn failed(self) {
        let mut state = self.breaker.state.lock();
        state.failed = state.failed.saturating_add(1);
        if self.breaker.failures > 0 && state.failed >= self.breaker.failures {
            state.open_until = Some(Instant::now() + self.breaker.open_time);
        }
    }
}

/// A request that was given up says nothing of the server; the next one may try it.
impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.breaker.state.lock().trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_and_lets_one_trial_through() {
        let breaker = CircuitBreaker::new(2, Duration::from_millis(50));
        breaker.enter().ok().unwrap().failed();
        breaker.enter().ok().unwrap().succeeded();
        breaker.enter().ok().unwrap().failed();
        breaker.enter().ok().unwrap().failed();
        assert!(breaker.enter().is_err());
        std::thread::sleep(Duration::from_millis(60));
        let trial = breaker.enter().ok().unwrap();
        assert!(breaker.enter().is_err(), "a second trial");
        trial.failed();
        assert!(breaker.enter().is_err());
        std::thread::sleep(Duration::from_millis(60));
        drop(breaker.enter().ok().unwrap());
        breaker.enter().ok().unwrap().succeeded();
        breaker.enter().ok().unwrap().failed();
        assert!(breaker.enter().is_ok());
    }

    #[test]
    fn can_be_switched_off() {
        let breaker = CircuitBreaker::new(0, Duration::from_secs(60));
        for _ in 0..100 {
            breaker.enter().ok().unwrap().failed();
        }
        assert!(breaker.enter().is_ok());
    }
}

//! Ends what runs past its deadline: one thread for all sessions.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::InferenceError;

type End = Box<dyn FnOnce() + Send>;

/// The deadline, and a number that keeps apart those of one instant.
type Place = (Instant, u64);

/// Calls what it was given when the time has come.
#[derive(Default)]
pub(super) struct Watchdog {
    watched: Mutex<Ends>,
    changed: Condvar,
}

#[derive(Default)]
struct Ends {
    /// The number of the last one.
    number: u64,
    ends: BTreeMap<Place, End>,
}

/// Keeps an end from being called, from when it is dropped.
pub(super) struct Watched {
    watchdog: &'static Watchdog,
    place: Place,
}

impl Watchdog {
    /// The one of this process.
    pub fn get() -> Result<&'static Self, InferenceError> {
        static WATCHDOG: OnceLock<Watchdog> = OnceLock::new();
        static STARTING: Mutex<bool> = Mutex::new(false);
        let watchdog = WATCHDOG.get_or_init(Watchdog::default);
        let mut started = STARTING.lock();
        if !*started {
            thread::Builder::new()
                .name("onnx-watchdog".to_owned())
                .spawn(|| watchdog.watch())
                .map_err(|error| InferenceError::Environment {
                    message: format!("no thread for the deadlines of models: {error}"),
                    hint: None,
                })?;
            *started = true;
        }
        Ok(watchdog)
    }

    /// Calls `end` at the deadline, unless what is returned is dropped before.
    pub fn call_at(
        &'static self,
        deadline: Instant,
        end: impl FnOnce() + Send + 'static,
    ) -> Watched {
        let mut watched = self.watched.lock();
        watched.number += 1;
        let place = (deadline, watched.number);
        let first = watched.ends.first_key_value();
        let first = first.is_none_or(|(first, _)| place < *first);
        watched.ends.insert(place, Box::new(end));
        drop(watched);
        if first {
            self.changed.notify_one();
        }
        Watched {
            watchdog: self,
            place,
        }
    }

    fn watch(&self) -> ! {
        let mut watched = self.watched.lock();
        loop {
            match watched.ends.first_entry() {
                None => self.changed.wait(&mut watched),
                Some(first) if first.key().0 <= Instant::now() => {
                    // Under the lock: one that is no longer watched is not ended.
                    let end = first.remove();
                    end();
                }
                Some(first) => {
                    let deadline = first.key().0;
                    self.changed.wait_until(&mut watched, deadline);
                }
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watchdog.watched.lock().ends.remove(&self.place);
    }
}

//! Timers that a call has set or cleared, and that the host does not know of yet.

use std::collections::BTreeMap;

use crate::Clock;
use crate::store::Store;

/// Timers by name, in the order in which the names came.
#[derive(Default)]
pub struct Pending {
    timers: Vec<Named>,
    places: BTreeMap<String, usize>,
    /// The one that was used last: most functions have one.
    last: usize,
}

struct Named {
    name: String,
    /// By key number, in the order in which it was said; the last one counts.
    said: Vec<(u32, Said)>,
}

/// What becomes of a timer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said {
    Event(i64),
    Processing(i64),
    Clear,
}

impl Pending {
    #[inline]
    pub fn say(&mut self, name: &str, key: u32, said: Said) {
        if self
            .timers
            .get(self.last)
            .is_none_or(|named| named.name != name)
        {
            self.last = self.place(name);
        }
        self.timers[self.last].said.push((key, said));
    }

    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.timers.len();
        self.places.insert(name.to_owned(), place);
        self.timers.push(Named {
            name: name.to_owned(),
            said: Vec::new(),
        });
        place
    }

    /// What was said last of a timer.
    pub fn said(&self, name: &str, key: u32) -> Option<Said> {
        let mut said = self.timers.get(*self.places.get(name)?)?.said.iter().rev();
        said.find_map(|(of, said)| (*of == key).then_some(*said))
    }

    /// Tells the host, which has so many keys.
    pub fn send<H: Store>(self, host: &H, keys: usize) {
        // Up to which name's number a key was seen.
        let mut seen = vec![0_usize; keys];
        for (number, named) in (1..).zip(self.timers) {
            let (mut event, mut processing) = (Times::default(), Times::default());
            let mut cleared = Vec::new();
            for (key, said) in named.said.into_iter().rev() {
                if std::mem::replace(&mut seen[key as usize], number) == number {
                    continue;
                }
                match said {
                    Said::Event(at) => event.push(key, at),
                    Said::Processing(at) => processing.push(key, at),
                    Said::Clear => cleared.push(key),
                }
            }
            event.send(host, Clock::Event, &named.name);
            processing.send(host, Clock::Processing, &named.name);
            if !cleared.is_empty() {
                cleared.reverse();
                host.clear_timers(&named.name, &cleared);
            }
        }
    }
}

/// Timers of a name and a clock, the last one first.
#[derive(Default)]
struct Times {
    keys: Vec<u32>,
    at: Vec<i64>,
}

impl Times {
    fn push(&mut self, key: u32, at: i64) {
        self.keys.push(key);
        self.at.push(at);
    }

    fn send<H: Store>(mut self, host: &H, clock: Clock, name: &str) {
        if !self.keys.is_empty() {
            self.keys.reverse();
            self.at.reverse();
            host.set_timers(clock, name, &self.keys, &self.at);
        }
    }
}

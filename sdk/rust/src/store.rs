//! Where the state of a call's keys comes from, and where it goes: the host, or a test.

use crate::read::Arrays;
use crate::{Built, Clock, Error, Keyed, Numbers, Read};

/// The time of a call.
pub trait Moment {
    /// Of each row or timer, where the job gives one.
    fn times(&self) -> Result<Option<Vec<i64>>, Error>;
    fn watermark(&self) -> Option<i64>;
    fn now(&self) -> i64;
}

/// The keys of a call with their state, as [`Keyed`] has them.
pub trait Store: Moment {
    type Column: Arrays;

    /// How many keys there are.
    fn keys(&self) -> usize;
    /// Of each row or timer the number of its key.
    fn numbers(&self) -> Vec<u32>;
    fn read(&self, slot: u32) -> Self::Column;
    fn write(&self, slot: u32, keys: &[u32], values: Built);
    fn append(&self, slot: u32, keys: &[u32], items: Built);
    fn put(&self, slot: u32, keys: &[u32], entries: Built, values: Built);
    fn set_timers(&self, clock: Clock, name: &str, keys: &[u32], at: &[i64]);
    fn clear_timers(&self, name: &str, keys: &[u32]);
}

impl Moment for Keyed {
    fn times(&self) -> Result<Option<Vec<i64>>, Error> {
        let times = self.times().map(|times| Numbers::read(&times));
        Ok(times.transpose()?.map(Numbers::into_items))
    }

    fn watermark(&self) -> Option<i64> {
        self.watermark()
    }

    fn now(&self) -> i64 {
        self.now()
    }
}

impl Store for Keyed {
    type Column = crate::Column;

    fn keys(&self) -> usize {
        self.keys().rows() as usize
    }

    fn numbers(&self) -> Vec<u32> {
        self.numbers()
    }

    fn read(&self, slot: u32) -> Self::Column {
        self.read(slot)
    }

    fn write(&self, slot: u32, keys: &[u32], values: Built) {
        self.write(slot, keys, &values.into_column());
    }

    fn append(&self, slot: u32, keys: &[u32], items: Built) {
        self.append(slot, keys, &items.into_column());
    }

    fn put(&self, slot: u32, keys: &[u32], entries: Built, values: Built) {
        self.put(slot, keys, &entries.into_column(), &values.into_column());
    }

    fn set_timers(&self, clock: Clock, name: &str, keys: &[u32], at: &[i64]) {
        self.set_timers(clock, name, keys, at);
    }

    fn clear_timers(&self, name: &str, keys: &[u32]) {
        self.clear_timers(name, keys);
    }
}

//! How much a function may use, and the limiter that sums its memory.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::error::{Seconds, Size};

/// What one function may use. Where nothing else is said an instance has the limit to itself; one that
/// runs over it fails its call and is thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all linear memories and tables of an instance together (a table's element counts
    /// as 8 bytes). Default: 256 MiB.
    pub memory: usize,
    /// Time of one call of the guest, `open` included, and with what it sleeps; time that a model or
    /// the network takes inside the call does not count. Checked every [`Limits::TICK`]. Default: 10 s.
    pub time: Duration,
    /// Time of one call with the models that run inside it, and with what it waits for the network. No
    /// model is interrupted: it is looked at when a model has answered. Default: 5 min.
    pub wall_time: Duration,
    /// Time that may pass until the rows of a batch are found on which the function fails, where the
    /// others are to go on: it is called for each by itself. Default: 5 min.
    pub batch_time: Duration,
    /// Instances of the function that may be alive at once: it has one for each of the calls that run
    /// at the same time. Default: 1,000.
    pub instances: usize,
    /// Bytes that one call may hand to the host (results, intermediate columns, messages, requests), and
    /// that it may read of responses.
    /// Default: 256 MiB.
    pub result_bytes: usize,
    /// Handles to columns, batches, models, streams and the like that an instance may hold at once. Default: 65,536.
    pub handles: usize,
    /// Lines that one call may log, the rest are dropped and counted. Default: 100.
    pub log_lines: usize,
    /// Bytes of a log line, an error message or a name, the rest is cut. Default: 4 KiB.
    pub text_bytes: usize,
    /// Different metrics that a function may name, the rest are dropped. Default: 100.
    pub metrics: usize,
}

/// One of [`Limits`].
#[derive(Debug)]
pub struct Limit {
    /// As jobs call it: `limit.memory`.
    pub option: &'static str,
    pub unit: Unit,
    get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64),
}

/// What a limit is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Nanoseconds,
    Things,
}

impl Limit {
    pub fn get(&self, limits: &Limits) -> u64 {
        (self.get)(limits)
    }

    pub fn set(&self, limits: &mut Limits, value: u64) {
        (self.set)(limits, value);
    }

    /// A value as messages have it.
    fn shown(&self, value: u64) -> String {
        match self.unit {
            Unit::Bytes => Size(saturated(value)).to_string(),
            Unit::Nanoseconds => Seconds(Duration::from_nanos(value)).to_string(),
            Unit::Things => value.to_string(),
        }
    }
}

fn saturated(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

macro_rules! limit {
    ($option:literal, Nanoseconds, $field:ident) => {
        Limit {
            option: $option,
            unit: Unit::Nanoseconds,
            get: |limits| u64::try_from(limits.$field.as_nanos()).unwrap_or(u64::MAX),
            set: |limits, value| limits.$field = Duration::from_nanos(value),
        }
    };
    ($option:literal, $unit:ident, $field:ident) => {
        Limit {
            option: $option,
            unit: Unit::$unit,
            get: |limits| limits.$field as u64,
            set: |limits, value| limits.$field = saturated(value),
        }
    };
}

impl Limits {
    /// How exactly the time limit is held.
    pub const TICK: Duration = Duration::from_millis(5);

    /// One for each field.
    pub const ALL: &[Limit] = &[
        limit!("limit.memory", Bytes, memory),
        limit!("limit.time", Nanoseconds, time),
        limit!("limit.wall-time", Nanoseconds, wall_time),
        limit!("limit.batch-time", Nanoseconds, batch_time),
        limit!("limit.instances", Things, instances),
        limit!("limit.result-bytes", Bytes, result_bytes),
        limit!("limit.handles", Things, handles),
        limit!("limit.log-lines", Things, log_lines),
        limit!("limit.text-bytes", Bytes, text_bytes),
        limit!("limit.metrics", Things, metrics),
    ];

    /// As much as can be said.
    pub fn unlimited() -> Self {
        let mut limits = Limits::default();
        for limit in Limits::ALL {
            limit.set(&mut limits, u64::MAX);
        }
        limits
    }

    /// The lower of each.
    pub(crate) fn lowered_to(&self, ceiling: &Limits) -> Self {
        let mut lowered = self.clone();
        for limit in Limits::ALL {
            limit.set(&mut lowered, limit.get(self).min(limit.get(ceiling)));
        }
        lowered
    }

    /// The first that is above a ceiling: its option, it, and the ceiling.
    pub(crate) fn above(&self, ceiling: &Limits) -> Option<(&'static str, String, String)> {
        let limit = Limits::ALL
            .iter()
            .find(|limit| limit.get(self) > limit.get(ceiling))?;
        let shown = |limits| limit.shown(limit.get(limits));
        Some((limit.option, shown(self), shown(ceiling)))
    }

    pub(crate) fn ticks(time: Duration) -> u64 {
        let ticks = time.as_nanos().div_ceil(Self::TICK.as_nanos());
        // The current tick may end at once.
        u64::try_from(ticks)
            .unwrap_or(u64::MAX >> 1)
            .min(u64::MAX >> 1)
            + 1
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            time: Duration::from_secs(10),
            wall_time: Duration::from_secs(300),
            batch_time: Duration::from_secs(300),
            instances: 1_000,
            result_bytes: 256 << 20,
            handles: 65_536,
            log_lines: 100,
            text_bytes: 4 << 10,
            metrics: 100,
        }
    }
}

/// Sums all memories and tables of one store.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: usize,
    used: usize,
    /// Total bytes that would have been in use after a growth that was refused.
    pub refused: Option<usize>,
}

/// Bytes that a table's element counts as.
const TABLE_ELEMENT: usize = 8;

impl MemoryLimiter {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            used: 0,
            refused: None,
        }
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let total = self.used.saturating_add(desired.saturating_sub(current));
        let allowed = total <= self.limit;
        if allowed {
            self.used = total;
        } else {
            self.refused = Some(total);
        }
        allowed
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // A growth past the module's own maximum fails anyway.
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum)
            && self.grow(
                current.saturating_mul(TABLE_ELEMENT),
                desired.saturating_mul(TABLE_ELEMENT),
            ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_its_option() {
        let mut limits = Limits::default();
        for (value, limit) in (1..).zip(Limits::ALL) {
            limit.set(&mut limits, value);
        }
        let values = Limits::ALL.iter().map(|limit| limit.get(&limits));
        assert!(values.eq(1..=Limits::ALL.len() as u64));
        assert_eq!(Limits::default().above(&Limits::default()), None);
        let lowered = Limits::default().lowered_to(&limits);
        assert_eq!(lowered, limits);
        let (option, asked, ceiling) = Limits::default().above(&limits).unwrap();
        assert_eq!(
            (option, &*asked, &*ceiling),
            ("limit.memory", "256 MiB", "1 bytes")
        );
    }

    #[test]
    fn memories_and_tables_are_summed() {
        let mut limiter = MemoryLimiter::new(1000);
        assert!(limiter.memory_growing(0, 600, None).unwrap());
        assert!(!limiter.memory_growing(0, 600, None).unwrap());
        assert_eq!(limiter.refused, Some(1200));
        assert!(limiter.table_growing(0, 50, None).unwrap());
        assert!(!limiter.table_growing(50, 51, None).unwrap());
        assert!(!limiter.memory_growing(600, usize::MAX, None).unwrap());
    }
}

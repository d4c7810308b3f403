//! How much may be used: by a function ([`Limits`]), and by all functions of a job or of a tenant
//! together ([`Budget`]).

use std::time::Duration;

use crate::error::{Seconds, Size};

/// What one function may use. Where nothing else is said an instance has the limit to itself; one that
/// runs over it fails its call and is thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all linear memories and tables of an instance together (a table's element counts
    /// as 8 bytes). Default: 256 MiB.
    pub memory: usize,
    /// Bytes of all linear memories and tables of all instances of the function together.
    /// Default: 2 GiB.
    pub total_memory: usize,
    /// Time of one call of the guest, `open` included, and with what it sleeps. What a model or the
    /// network takes inside the call does not count, nor what the call waits for its turn. Checked every [`Limits::TICK`]. Default: 10 s.
    pub time: Duration,
    /// Time of one call with all that it asks of its host: models are given it as their deadline,
    /// and a call that waits for a model waits no longer. What it waits for its turn does not count.
    /// Default: 5 min.
    pub wall_time: Duration,
    /// Time that may pass until the rows of a batch are found on which the function fails, where the
    /// others are to go on: it is called for each by itself. Default: 5 min.
    pub batch_time: Duration,
    /// Time that all calls of the function together may take of a second, without their models.
    /// A call waits where there is none left: none fails. Default: as much as there is.
    pub cpu: Duration,
    /// Instances of the function that may be alive at once: it has one for each of the calls that run
    /// at the same time. Default: 1,000.
    pub instances: usize,
    /// Rows of a column or of a batch that the guest makes; the items of lists are rows of a column
    /// too. Default: 16,777,216.
    pub result_rows: usize,
    /// Bytes that one call may hand to the host (results, intermediate columns, messages, requests), and
    /// that it may read of responses. Default: 256 MiB.
    pub result_bytes: usize,
    /// Models that may run at once for calls of the function; one more call waits for its model.
    /// Default: 64.
    pub model_calls: usize,
    /// Calls of the function that may wait for a model at once. Default: 1,000.
    pub model_queue: usize,
    /// Bytes of state of all keys together, wherever they are kept. Default: 8 GiB.
    pub state_bytes: usize,
    /// Handles to columns, batches, models, streams and the like that an instance may hold at once.
    /// Default: 65,536.
    pub handles: usize,
    /// Lines that one call may log, the rest are dropped and counted. Default: 100.
    pub log_lines: usize,
    /// Bytes of a log line, an error message or a name, the rest is cut. Default: 4 KiB.
    pub text_bytes: usize,
    /// Different metrics that a function may name, the rest are dropped. Default: 100.
    pub metrics: usize,
}

/// What all functions of a job, or of a tenant, may use together. Jobs have one each, tenants one for
/// all of their jobs; what is used is counted at every level at once (see
/// [`Account`](crate::Account)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of all linear memories and tables of all instances. Default: 4 GiB a job, 8 GiB a tenant.
    pub memory: usize,
    /// Instances that may be alive at once. Idle ones go before one is refused.
    /// Default: 1,500 a job, 2,000 a tenant.
    pub instances: usize,
    /// Time that all calls together may take of a second, without models: `'500 ms'` is half a core,
    /// `'2 s'` are two. A call waits where there is none left. Default: as much as there is.
    pub cpu: Duration,
    /// Bytes that calls which run at the same time have handed to the host.
    /// Default: 2 GiB a job, 4 GiB a tenant.
    pub result_bytes: usize,
    /// Models that may run at once for calls of functions. Default: 128 a job, 256 a tenant.
    pub model_calls: usize,
    /// Calls that may wait for a model at once. Default: 2,000 a job, 4,000 a tenant.
    pub model_queue: usize,
    /// Bytes of state of all keys of all functions. Default: 16 GiB a job, 32 GiB a tenant.
    pub state_bytes: usize,
}

/// One of [`Limits`] or of a [`Budget`].
#[derive(Debug)]
pub struct Limit<Of = Limits> {
    /// As jobs call it: `limit.memory`; of a budget `total.memory`, which is `job.total.memory` in a
    /// job.
    pub option: &'static str,
    pub unit: Unit,
    get: fn(&Of) -> u64,
    set: fn(&mut Of, u64),
}

/// What a limit is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Nanoseconds,
    Things,
}

impl<Of> Limit<Of> {
    pub fn get(&self, limits: &Of) -> u64 {
        (self.get)(limits)
    }

    pub fn set(&self, limits: &mut Of, value: u64) {
        (self.set)(limits, value);
    }

    /// A value as messages have it.
    pub fn shown(&self, value: u64) -> String {
        match self.unit {
            Unit::Bytes => Size(saturated(value)).to_string(),
            Unit::Nanoseconds => Seconds(Duration::from_nanos(value)).to_string(),
            Unit::Things => value.to_string(),
        }
    }
}

/// Time that nobody can use in a second.
const UNLIMITED: Duration = Duration::from_nanos(u64::MAX);

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

fn lowered<Of: Clone>(all: &[Limit<Of>], limits: &Of, ceiling: &Of) -> Of {
    let mut lowered = limits.clone();
    for limit in all {
        limit.set(&mut lowered, limit.get(limits).min(limit.get(ceiling)));
    }
    lowered
}

fn above<Of>(
    all: &[Limit<Of>],
    limits: &Of,
    ceiling: &Of,
) -> Option<(&'static str, String, String)> {
    let mut all = all.iter();
    let limit = all.find(|limit| limit.get(limits) > limit.get(ceiling))?;
    let shown = |limits| limit.shown(limit.get(limits));
    Some((limit.option, shown(limits), shown(ceiling)))
}

impl Limits {
    /// How exactly the time limit is held.
    pub const TICK: Duration = Duration::from_millis(5);

    /// One for each field.
    pub const ALL: &[Limit] = &[
        limit!("limit.memory", Bytes, memory),
        limit!("limit.total-memory", Bytes, total_memory),
        limit!("limit.time", Nanoseconds, time),
        limit!("limit.wall-time", Nanoseconds, wall_time),
        limit!("limit.batch-time", Nanoseconds, batch_time),
        limit!("limit.cpu", Nanoseconds, cpu),
        limit!("limit.instances", Things, instances),
        limit!("limit.result-rows", Things, result_rows),
        limit!("limit.result-bytes", Bytes, result_bytes),
        limit!("limit.model-calls", Things, model_calls),
        limit!("limit.model-queue", Things, model_queue),
        limit!("limit.state-bytes", Bytes, state_bytes),
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
        lowered(Limits::ALL, self, ceiling)
    }

    /// The first that is above a ceiling: its option, it, and the ceiling.
    pub(crate) fn above(&self, ceiling: &Limits) -> Option<(&'static str, String, String)> {
        above(Limits::ALL, self, ceiling)
    }

    /// What all instances of the function may use together.
    pub(crate) fn budget(&self) -> Budget {
        Budget {
            memory: self.total_memory,
            instances: self.instances,
            cpu: self.cpu,
            result_bytes: usize::MAX,
            model_calls: self.model_calls,
            model_queue: self.model_queue,
            state_bytes: self.state_bytes,
        }
    }
}

impl Budget {
    /// One for each field.
    pub const ALL: &[Limit<Budget>] = &[
        limit!("total.memory", Bytes, memory),
        limit!("total.instances", Things, instances),
        limit!("total.cpu", Nanoseconds, cpu),
        limit!("total.result-bytes", Bytes, result_bytes),
        limit!("total.model-calls", Things, model_calls),
        limit!("total.model-queue", Things, model_queue),
        limit!("total.state-bytes", Bytes, state_bytes),
    ];

    /// For a job that says nothing else.
    pub fn of_job() -> Self {
        Self {
            memory: 4 << 30,
            instances: 1_500,
            cpu: UNLIMITED,
            result_bytes: 2 << 30,
            model_calls: 128,
            model_queue: 2_000,
            state_bytes: 16 << 30,
        }
    }

    /// For a tenant of whom nothing else is said.
    pub fn of_tenant() -> Self {
        Self {
            memory: 8 << 30,
            instances: 2_000,
            cpu: UNLIMITED,
            result_bytes: 4 << 30,
            model_calls: 256,
            model_queue: 4_000,
            state_bytes: 32 << 30,
        }
    }

    /// The lower of each.
    pub fn lowered_to(&self, ceiling: &Budget) -> Self {
        lowered(Budget::ALL, self, ceiling)
    }

    /// The first that is above a ceiling: its option, it, and the ceiling.
    pub fn above(&self, ceiling: &Budget) -> Option<(&'static str, String, String)> {
        above(Budget::ALL, self, ceiling)
    }

    /// As much as can be said.
    pub fn unlimited() -> Self {
        let mut budget = Self::of_tenant();
        for limit in Self::ALL {
            limit.set(&mut budget, u64::MAX);
        }
        budget
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            total_memory: 2 << 30,
            time: Duration::from_secs(10),
            wall_time: Duration::from_secs(300),
            batch_time: Duration::from_secs(300),
            cpu: UNLIMITED,
            instances: 1_000,
            result_rows: 1 << 24,
            result_bytes: 256 << 20,
            model_calls: 64,
            model_queue: 1_000,
            state_bytes: 8 << 30,
            handles: 65_536,
            log_lines: 100,
            text_bytes: 4 << 10,
            metrics: 100,
        }
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
    fn every_sum_has_its_option() {
        let mut budget = Budget::of_job();
        for (value, limit) in (1..).zip(Budget::ALL) {
            limit.set(&mut budget, value);
        }
        let values = Budget::ALL.iter().map(|limit| limit.get(&budget));
        assert!(values.eq(1..=Budget::ALL.len() as u64));
    }
}

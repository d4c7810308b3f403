//! The keys of SET: ours, those of Flink that mean something here, and those that are let pass.

mod keys;
mod limits;
mod restart;

pub(crate) use keys::allows_unordered;
pub(crate) use limits::parse_limit;

use std::{collections::BTreeMap, time::Duration};

use self::keys::{check, check_name, zone_without_prefix};
use crate::{
    error::EngineError,
    job::EpochLimits,
    sql::{parse_duration, parse_memory_size},
};

/// The settings of a session.
#[derive(Debug, Default, Clone)]
pub(crate) struct Settings {
    values: BTreeMap<String, String>,
}

impl Settings {
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<(), EngineError> {
        check(key, value)?;
        self.values.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    pub(crate) fn reset(&mut self, key: Option<&str>) -> Result<(), EngineError> {
        match key {
            None => self.values.clear(),
            Some(key) => {
                if self.values.remove(key).is_none() {
                    check_name(key)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Partitions of a job; by default one a core.
    pub(crate) fn parallelism(&self) -> usize {
        self.get("parallelism.default")
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }

    pub(crate) fn batch_rows(&self) -> usize {
        self.get("job.batch-rows")
            .and_then(|value| value.parse().ok())
            .unwrap_or(8192)
    }

    /// What TIMESTAMP_LTZ is shown and read in, where that is not UTC.
    pub(crate) fn time_zone(&self) -> Option<&str> {
        self.get("table.local-time-zone")
            .map(zone_without_prefix)
            .filter(|zone| !matches!(*zone, "default" | "UTC"))
    }

    /// Bytes that sorts, joins and aggregations may hold before they spill to disk.
    pub(crate) fn memory(&self) -> usize {
        const DEFAULT: usize = 1 << 30;
        self.get("job.memory")
            .and_then(parse_memory_size)
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(DEFAULT)
    }

    /// When the epochs of a job without end close.
    pub(crate) fn epoch_limits(&self) -> EpochLimits {
        let rows = self.get("job.epoch-rows");
        let bytes = self.get("job.epoch-bytes").and_then(parse_memory_size);
        let linger = self.get("job.epoch-linger").and_then(parse_duration);
        EpochLimits {
            rows: rows.and_then(|value| value.parse().ok()).unwrap_or(1 << 16),
            bytes: bytes.unwrap_or(64 << 20),
            linger: linger.unwrap_or(Duration::from_millis(5)),
        }
    }

    /// For so long is a key known of which no row comes; `None` is for ever.
    pub(crate) fn state_ttl(&self) -> Option<Duration> {
        self.get("table.exec.state.ttl")
            .and_then(parse_duration)
            .filter(|ttl: &Duration| !ttl.is_zero())
    }

    /// Bytes of what a job without end holds that may be in memory; the rest is on disk.
    pub(crate) fn state_memory(&self) -> usize {
        const DEFAULT: usize = 256 << 20;
        self.get("taskmanager.memory.managed.size")
            .and_then(parse_memory_size)
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(DEFAULT)
    }

    /// Between two checkpoints of a job without end; `None` where it takes none.
    pub(crate) fn checkpoint_interval(&self) -> Option<Duration> {
        self.get("execution.checkpointing.interval")
            .and_then(parse_duration)
            .filter(|interval: &Duration| !interval.is_zero())
    }

    pub(crate) fn checkpoint_folder(&self) -> Option<&str> {
        self.get("execution.checkpointing.dir")
    }

    /// The savepoint that a job begins with.
    pub(crate) fn savepoint(&self) -> Option<&str> {
        self.get("execution.state-recovery.path")
    }

    pub(crate) fn retained_checkpoints(&self) -> usize {
        self.get("execution.checkpointing.num-retained")
            .and_then(|value| value.parse().ok())
            .unwrap_or(1)
    }

    /// After which a split without rows holds the watermark no longer back; `None` is never.
    pub(crate) fn idle_timeout(&self) -> Option<Duration> {
        self.get("table.exec.source.idle-timeout")
            .and_then(parse_duration)
    }

    pub(crate) fn job_name(&self) -> Option<&str> {
        self.get("pipeline.name")
    }

    /// What takes the bad records of tables that do not name a dead-letter table of their own.
    pub(crate) fn dead_letter_table(&self) -> Option<String> {
        self.get("dead-letter.table").map(str::to_owned)
    }

    /// What takes the rows that come too late.
    pub(crate) fn late_rows_table(&self) -> Option<String> {
        self.get("late-rows.table").map(str::to_owned)
    }

    /// What calls of ML_PREDICT ask for that do not say it themselves: a key of their config.
    pub(crate) fn async_ml_predict(&self, key: &str) -> Option<&str> {
        self.get(&format!("table.exec.async-ml-predict.{key}"))
    }

    /// Whether rows with a NULL for a NOT NULL column are left out instead of failing the job.
    pub(crate) fn drops_nulls(&self) -> bool {
        self.get("table.exec.sink.not-null-enforcer")
            .is_some_and(|value| value.eq_ignore_ascii_case("drop"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_flink_pass_and_others_do_not() {
        let mut settings = Settings::default();
        settings.set("taskmanager.numberOfTaskSlots", "2").unwrap();
        settings.set("parallelism.default", "3").unwrap();
        assert_eq!(settings.parallelism(), 3);
        let error = settings.set("parallelism.defualt", "3").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no setting 'parallelism.defualt'"
        );
        assert_eq!(error.hint().unwrap(), "did you mean 'parallelism.default'?");
        let error = settings.set("parallelism.default", "many").unwrap_err();
        assert_eq!(error.hint().unwrap(), "it is a number from 1 to 1024");
        assert!(settings.set("colour", "red").is_err());
    }
}

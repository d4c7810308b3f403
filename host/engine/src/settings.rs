//! The keys of SET: ours, those of Flink that mean something here, and those that are let pass.

mod limits;
mod restart;

pub(crate) use limits::parse_limit;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    error::{EngineError, nearest},
    job::EpochLimits,
    sql::{parse_duration, parse_memory_size},
};

/// A key that is checked, with what it does.
struct Key {
    name: &'static str,
    check: fn(&str) -> Result<(), &'static str>,
}

const KEYS: &[Key] = &[
    Key {
        name: "parallelism.default",
        check: parallelism,
    },
    Key {
        name: "execution.runtime-mode",
        check: runtime_mode,
    },
    Key {
        name: "table.local-time-zone",
        check: time_zone,
    },
    Key {
        name: "table.exec.async-ml-predict.max-concurrent-operations",
        check: count,
    },
    Key {
        name: "table.exec.async-ml-predict.output-mode",
        check: output_mode,
    },
    Key {
        name: "table.exec.async-ml-predict.timeout",
        check: positive_duration,
    },
    Key {
        name: "table.exec.sink.not-null-enforcer",
        check: not_null_enforcer,
    },
    Key {
        name: "table.exec.source.idle-timeout",
        check: duration,
    },
    Key {
        name: "pipeline.name",
        check: anything,
    },
    Key {
        name: "job.memory",
        check: memory,
    },
    Key {
        name: "job.batch-rows",
        check: batch_rows,
    },
    Key {
        name: "job.epoch-rows",
        check: count,
    },
    Key {
        name: "job.epoch-bytes",
        check: memory,
    },
    Key {
        name: "job.epoch-linger",
        check: duration,
    },
    Key {
        name: "execution.checkpointing.interval",
        check: duration,
    },
    Key {
        name: "execution.checkpointing.dir",
        check: anything,
    },
    Key {
        name: "execution.checkpointing.num-retained",
        check: count,
    },
    Key {
        name: "table.exec.state.ttl",
        check: duration,
    },
    Key {
        name: "taskmanager.memory.managed.size",
        check: size,
    },
    Key {
        name: "execution.state-recovery.path",
        check: anything,
    },
    Key {
        name: "dead-letter.table",
        check: anything,
    },
    Key {
        name: "late-rows.table",
        check: anything,
    },
    Key {
        name: "sql-client.execution.result-mode",
        check: anything,
    },
];

fn keys() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().chain(limits::KEYS).chain(restart::KEYS)
}

/// Namespaces of Flink: their keys are accepted, and change nothing.
const FLINK: &[&str] = &[
    "akka.",
    "blob.",
    "classloader.",
    "client.",
    "cluster.",
    "containerized.",
    "env.",
    "execution.",
    "fs.",
    "heartbeat.",
    "high-availability.",
    "historyserver.",
    "io.",
    "jobmanager.",
    "kubernetes.",
    "metrics.",
    "parallelism.",
    "pekko.",
    "pipeline.",
    "python.",
    "queryable-state.",
    "rest.",
    "restart-strategy.",
    "resourcemanager.",
    "s3.",
    "security.",
    "slot.",
    "slotmanager.",
    "sql-client.",
    "sql-gateway.",
    "state.",
    "table.",
    "taskmanager.",
    "task.",
    "web.",
    "yarn.",
    "zookeeper.",
];

fn parallelism(value: &str) -> Result<(), &'static str> {
    match value.parse::<usize>() {
        Ok(1..=1024) => Ok(()),
        _ => Err("a number from 1 to 1024"),
    }
}

fn batch_rows(value: &str) -> Result<(), &'static str> {
    match value.parse::<usize>() {
        Ok(1..=1_048_576) => Ok(()),
        _ => Err("a number of rows from 1 to 1048576"),
    }
}

fn runtime_mode(value: &str) -> Result<(), &'static str> {
    match value.to_lowercase().as_str() {
        "batch" | "streaming" | "automatic" => Ok(()),
        _ => Err("'streaming', 'batch' or 'automatic'"),
    }
}

fn time_zone(value: &str) -> Result<(), &'static str> {
    let zone: Result<arrow::array::timezone::Tz, _> = without_prefix(value).parse();
    if value == "default" || zone.is_ok() {
        return Ok(());
    }
    Err("a name such as 'Europe/Berlin', an offset such as '+02:00', or 'UTC'")
}

/// Java writes offsets like `GMT-08:00`.
fn without_prefix(zone: &str) -> &str {
    ["GMT", "UTC"]
        .iter()
        .find_map(|prefix| zone.strip_prefix(prefix))
        .filter(|offset| offset.starts_with(['+', '-']))
        .unwrap_or(zone)
}

fn not_null_enforcer(value: &str) -> Result<(), &'static str> {
    match value.to_lowercase().as_str() {
        "error" | "drop" => Ok(()),
        _ => Err("'error' or 'drop'"),
    }
}

fn memory(value: &str) -> Result<(), &'static str> {
    parse_memory_size(value)
        .filter(|bytes| *bytes >= 1 << 20)
        .map(|_| ())
        .ok_or("a size such as '2 gb', at least '1 mb'")
}

fn size(value: &str) -> Result<(), &'static str> {
    parse_memory_size(value)
        .map(|_| ())
        .ok_or("a size such as '512 mb'")
}

fn duration(value: &str) -> Result<(), &'static str> {
    parse_duration(value)
        .map(|_: Duration| ())
        .ok_or("a time such as '10 s'")
}

fn positive_duration(value: &str) -> Result<(), &'static str> {
    match parse_duration(value) {
        Some(time) if !time.is_zero() => Ok(()),
        _ => Err("a time such as '30 s'"),
    }
}

fn output_mode(value: &str) -> Result<(), &'static str> {
    match value.to_uppercase().as_str() {
        "ORDERED" | "ALLOW_UNORDERED" => Ok(()),
        _ => Err("'ORDERED' or 'ALLOW_UNORDERED'"),
    }
}

fn count(value: &str) -> Result<(), &'static str> {
    match value.parse::<u32>() {
        Ok(1..) => Ok(()),
        _ => Err("a whole number, at least 1"),
    }
}

fn anything(_: &str) -> Result<(), &'static str> {
    Ok(())
}

/// The settings of a session.
#[derive(Debug, Default, Clone)]
pub(crate) struct Settings {
    values: BTreeMap<String, String>,
}

impl Settings {
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<(), EngineError> {
        match keys().find(|known| known.name == key) {
            Some(known) => (known.check)(value).map_err(|expected| {
                EngineError::job(format!("the setting '{key}' cannot be '{value}'"))
                    .with_hint(format!("it is {expected}"))
            })?,
            None => check_name(key)?,
        }
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
            .map(without_prefix)
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

fn check_name(key: &str) -> Result<(), EngineError> {
    if keys().any(|known| known.name == key) {
        return Ok(());
    }
    // Flink's own keys resemble each other: within its namespaces only a slip of the keys counts.
    let in_flink = FLINK.iter().any(|namespace| key.starts_with(namespace));
    let near = nearest(key, keys().map(|known| known.name))
        .filter(|near| !in_flink || strsim::osa_distance(key, near) <= 2);
    if near.is_none() && in_flink {
        return Ok(());
    }
    let hint = near.map(|near| format!("did you mean '{near}'?"));
    Err(EngineError::job(format!("there is no setting '{key}'")).with_hint(hint))
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

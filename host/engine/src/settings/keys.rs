//! The keys themselves, and what each may be.

use std::time::Duration;

use super::{limits, restart};
use crate::{
    error::{EngineError, nearest},
    sql::{parse_duration, parse_memory_size},
};

/// A key that is checked, with what it does.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) check: fn(&str) -> Result<(), &'static str>,
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
    let zone: Result<arrow::array::timezone::Tz, _> = zone_without_prefix(value).parse();
    if value == "default" || zone.is_ok() {
        return Ok(());
    }
    Err("a name such as 'Europe/Berlin', an offset such as '+02:00', or 'UTC'")
}

/// Java writes offsets like `GMT-08:00`.
pub(super) fn zone_without_prefix(zone: &str) -> &str {
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

pub(super) fn duration(value: &str) -> Result<(), &'static str> {
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
    allows_unordered(value).map(|_| ())
}

/// Whether an output mode of asynchronous calls lets rows overtake each other; else what it may be.
pub(crate) fn allows_unordered(mode: &str) -> Result<bool, &'static str> {
    match mode.to_uppercase().as_str() {
        "ORDERED" => Ok(false),
        "ALLOW_UNORDERED" => Ok(true),
        _ => Err("'ORDERED' or 'ALLOW_UNORDERED'"),
    }
}

pub(super) fn count(value: &str) -> Result<(), &'static str> {
    match value.parse::<u32>() {
        Ok(1..) => Ok(()),
        _ => Err("a whole number, at least 1"),
    }
}

pub(super) fn anything(_: &str) -> Result<(), &'static str> {
    Ok(())
}

/// Whether a key may have a value.
pub(super) fn check(key: &str, value: &str) -> Result<(), EngineError> {
    match keys().find(|known| known.name == key) {
        Some(known) => (known.check)(value).map_err(|expected| {
            EngineError::job(format!("the setting '{key}' cannot be '{value}'"))
                .with_hint(format!("it is {expected}"))
        }),
        None => check_name(key),
    }
}

/// Whether a key is one of ours, or may be one of Flink's.
pub(super) fn check_name(key: &str) -> Result<(), EngineError> {
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

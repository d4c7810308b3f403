//! `job.limit.*`: the limits of all functions of a job that have none of their own.

use wasmill_plugin::{Limit, Unit};

use super::{Key, Settings};
use crate::sql::{parse_duration, parse_memory_size};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "job.limit.memory",
        check: size,
    },
    Key {
        name: "job.limit.time",
        check: time,
    },
    Key {
        name: "job.limit.wall-time",
        check: time,
    },
    Key {
        name: "job.limit.batch-time",
        check: time,
    },
    Key {
        name: "job.limit.instances",
        check: number,
    },
    Key {
        name: "job.limit.result-bytes",
        check: size,
    },
    Key {
        name: "job.limit.handles",
        check: number,
    },
    Key {
        name: "job.limit.log-lines",
        check: number,
    },
    Key {
        name: "job.limit.text-bytes",
        check: size,
    },
    Key {
        name: "job.limit.metrics",
        check: number,
    },
];

fn size(value: &str) -> Result<(), &'static str> {
    let bytes = parse_limit(Unit::Bytes, value);
    bytes.map(|_| ()).ok_or("a size such as '64 mb'")
}

fn time(value: &str) -> Result<(), &'static str> {
    let time = parse_limit(Unit::Nanoseconds, value);
    time.map(|_| ()).ok_or("a time such as '2 s'")
}

fn number(value: &str) -> Result<(), &'static str> {
    let number = parse_limit(Unit::Things, value);
    number.map(|_| ()).ok_or("a number above 0")
}

/// What a text says, in the unit.
pub(crate) fn parse_limit(unit: Unit, text: &str) -> Option<u64> {
    let value = match unit {
        Unit::Bytes => parse_memory_size(text),
        Unit::Nanoseconds => {
            parse_duration(text).and_then(|time| u64::try_from(time.as_nanos()).ok())
        }
        Unit::Things => text.trim().parse().ok(),
    };
    value.filter(|value| *value > 0)
}

impl Settings {
    /// What the job says of a limit.
    pub(crate) fn limit(&self, limit: &Limit) -> Option<&str> {
        self.get(&format!("job.{}", limit.option))
    }
}

#[cfg(test)]
mod tests {
    use wasmill_plugin::Limits;

    use super::*;

    #[test]
    fn every_limit_is_a_setting() {
        let wanted = Limits::ALL
            .iter()
            .map(|limit| format!("job.{}", limit.option));
        assert!(wanted.eq(KEYS.iter().map(|key| key.name)));
        for limit in Limits::ALL {
            let mut settings = Settings::default();
            let value = match limit.unit {
                Unit::Nanoseconds => "3 s",
                _ => "3",
            };
            settings
                .set(&format!("job.{}", limit.option), value)
                .unwrap();
            assert_eq!(settings.limit(limit), Some(value));
        }
    }
}

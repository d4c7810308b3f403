//! `job.limit.*`: the limits of all functions of a job that have none of their own. `job.total.*`: what
//! they may use together.

use wasmill_plugin::{Budget, Limit, Unit};

use super::{Settings, keys::Key};
use crate::sql::{parse_duration, parse_memory_size};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "job.limit.memory",
        check: size,
    },
    Key {
        name: "job.limit.total-memory",
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
        name: "job.limit.cpu",
        check: time,
    },
    Key {
        name: "job.limit.instances",
        check: number,
    },
    Key {
        name: "job.limit.result-rows",
        check: number,
    },
    Key {
        name: "job.limit.result-bytes",
        check: size,
    },
    Key {
        name: "job.limit.model-calls",
        check: number,
    },
    Key {
        name: "job.limit.model-queue",
        check: number,
    },
    Key {
        name: "job.limit.state-bytes",
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
    Key {
        name: "job.total.memory",
        check: size,
    },
    Key {
        name: "job.total.instances",
        check: number,
    },
    Key {
        name: "job.total.cpu",
        check: time,
    },
    Key {
        name: "job.total.result-bytes",
        check: size,
    },
    Key {
        name: "job.total.model-calls",
        check: number,
    },
    Key {
        name: "job.total.model-queue",
        check: number,
    },
    Key {
        name: "job.total.state-bytes",
        check: size,
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

    /// What the job says of a sum.
    pub(crate) fn total(&self, sum: &Limit<Budget>) -> Option<&str> {
        self.get(&format!("job.{}", sum.option))
    }
}

#[cfg(test)]
mod tests {
    use wasmill_plugin::Limits;

    use super::*;

    #[test]
    fn every_limit_is_a_setting() {
        let limits = Limits::ALL.iter().map(|limit| (limit.option, limit.unit));
        let sums = Budget::ALL.iter().map(|sum| (sum.option, sum.unit));
        let wanted: Vec<_> = limits
            .chain(sums)
            .map(|(option, unit)| (format!("job.{option}"), unit))
            .collect();
        assert!(
            wanted
                .iter()
                .map(|(name, _)| name.as_str())
                .eq(KEYS.iter().map(|key| key.name))
        );
        let mut settings = Settings::default();
        for (name, unit) in &wanted {
            let value = match unit {
                Unit::Nanoseconds => "3 s",
                _ => "3",
            };
            settings.set(name, value).unwrap();
        }
        for limit in Limits::ALL {
            assert!(settings.limit(limit).is_some());
        }
        for sum in Budget::ALL {
            assert!(settings.total(sum).is_some());
        }
    }
}

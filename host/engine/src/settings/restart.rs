//! `restart-strategy.*`, with Flink's names and defaults.

use std::time::Duration;

use super::{
    Settings,
    keys::{Key, anything, count, duration},
};
use crate::{job::RestartStrategy, sql::parse_duration};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "restart-strategy.type",
        check: strategy,
    },
    Key {
        name: "restart-strategy.fixed-delay.attempts",
        check: count,
    },
    Key {
        name: "restart-strategy.fixed-delay.delay",
        check: duration,
    },
    Key {
        name: "restart-strategy.failure-rate.max-failures-per-interval",
        check: count,
    },
    Key {
        name: "restart-strategy.failure-rate.failure-rate-interval",
        check: duration,
    },
    Key {
        name: "restart-strategy.failure-rate.delay",
        check: duration,
    },
    Key {
        name: "restart-strategy.exponential-delay.initial-backoff",
        check: duration,
    },
    Key {
        name: "restart-strategy.exponential-delay.max-backoff",
        check: duration,
    },
    Key {
        name: "restart-strategy.exponential-delay.backoff-multiplier",
        check: multiplier,
    },
    Key {
        name: "restart-strategy.exponential-delay.jitter-factor",
        check: share,
    },
    Key {
        name: "restart-strategy.exponential-delay.reset-backoff-threshold",
        check: duration,
    },
    Key {
        name: "restart-strategy.exponential-delay.attempts-before-reset-backoff",
        check: anything,
    },
];

fn strategy(value: &str) -> Result<(), &'static str> {
    match value {
        "none" | "off" | "disable" | "fixed-delay" | "fixeddelay" | "failure-rate"
        | "failurerate" | "exponential-delay" | "exponentialdelay" => Ok(()),
        _ => Err("'none', 'fixed-delay', 'failure-rate' or 'exponential-delay'"),
    }
}

fn multiplier(value: &str) -> Result<(), &'static str> {
    match value.parse::<f64>() {
        Ok(factor) if factor >= 1.0 && factor.is_finite() => Ok(()),
        _ => Err("a number, at least 1"),
    }
}

fn share(value: &str) -> Result<(), &'static str> {
    match value.parse::<f64>() {
        Ok(0.0..=1.0) => Ok(()),
        _ => Err("a number from 0 to 1"),
    }
}

impl Settings {
    /// What becomes of a job without end that failed through no fault of its own: by default it is
    /// begun again from its last checkpoint, if it takes any.
    pub(crate) fn restart_strategy(&self) -> RestartStrategy {
        let text = |key: &str| self.get(&format!("restart-strategy.{key}"));
        let time = |key: &str, default: u64| {
            let set = text(key).and_then(parse_duration);
            set.unwrap_or(Duration::from_secs(default))
        };
        let number = |key: &str| text(key).and_then(|value| value.parse().ok());
        let fraction = |key: &str| text(key).and_then(|value| value.parse().ok());
        let default = match self.checkpoint_interval() {
            Some(_) => "exponential-delay",
            None => "none",
        };
        match text("type").unwrap_or(default) {
            "fixed-delay" | "fixeddelay" => RestartStrategy::FixedDelay {
                attempts: number("fixed-delay.attempts").unwrap_or(1),
                delay: time("fixed-delay.delay", 1),
            },
            "failure-rate" | "failurerate" => RestartStrategy::FailureRate {
                failures: number("failure-rate.max-failures-per-interval").unwrap_or(1),
                interval: time("failure-rate.failure-rate-interval", 60),
                delay: time("failure-rate.delay", 1),
            },
            "exponential-delay" | "exponentialdelay" => RestartStrategy::ExponentialDelay {
                initial: time("exponential-delay.initial-backoff", 1),
                max: time("exponential-delay.max-backoff", 60),
                multiplier: fraction("exponential-delay.backoff-multiplier").unwrap_or(1.5),
                jitter: fraction("exponential-delay.jitter-factor").unwrap_or(0.1),
                reset: time("exponential-delay.reset-backoff-threshold", 3600),
                attempts: number("exponential-delay.attempts-before-reset-backoff"),
            },
            _ => RestartStrategy::None,
        }
    }
}

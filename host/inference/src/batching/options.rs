//! The options `batch.*` of a `CREATE MODEL` statement.

use std::time::Duration;

use crate::{InferenceError, ModelDefinition};

/// How the calls of a model are batched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batching {
    /// Rows of a batch of several callers. A caller's own rows are never divided.
    pub max_rows: usize,
    /// How long the first caller of a batch waits for others; zero by default.
    pub max_delay: Duration,
    /// Calls that run at once.
    pub max_concurrent: usize,
    /// A call that takes less time is made at once, however many run. Zero where the job says how many may
    /// run, or that callers wait for each other.
    pub quick: Duration,
    /// Rows of a tenant that may wait; who has more waits before the queue.
    pub max_waiting_rows: usize,
}

/// What it costs to wait for another's call, about: a thread goes to sleep, is woken, and has to get a
/// processor again.
const HANDOVER: Duration = Duration::from_micros(10);

pub(crate) const OPTIONS: &[&str] = &[
    "batch.max-rows",
    "batch.max-delay",
    "batch.max-concurrent",
    "batch.max-waiting-rows",
];

impl Batching {
    /// What the options `batch.*` of a definition say; `None` without `batch.max-rows`.
    ///
    /// # Errors
    /// When an option is not what it must be, or others stand without `batch.max-rows`.
    pub fn of(definition: &ModelDefinition) -> Result<Option<Self>, InferenceError> {
        let given = |key: &&&str| definition.options.contains_key(**key);
        let Some(first) = OPTIONS.iter().find(given) else {
            return Ok(None);
        };
        if !definition.options.contains_key(OPTIONS[0]) {
            let message = format!("the option '{first}' needs 'batch.max-rows'");
            return Err(InferenceError::definition(&definition.name, message)
                .with_hint("for example 'batch.max-rows' = '1024'"));
        }
        let positive = |key: &str, default: usize| match definition.number(key, default)? {
            0 => {
                let message = format!("the option '{key}' must be more than 0");
                Err(InferenceError::definition(&definition.name, message))
            }
            number => Ok(number),
        };
        let max_rows = positive("batch.max-rows", 1)?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let waiting = max_rows.saturating_mul(16);
        Ok(Some(Self {
            max_rows,
            max_delay: match definition
                .options
                .get("batch.max-delay")
                .map(|text| text.trim())
            {
                Some("0") => Duration::ZERO,
                _ => definition.duration("batch.max-delay", Duration::ZERO)?,
            },
            max_concurrent: positive("batch.max-concurrent", processors)?,
            quick: match ["batch.max-delay", "batch.max-concurrent"]
                .iter()
                .any(|key| definition.options.contains_key(*key))
            {
                true => Duration::ZERO,
                false => HANDOVER,
            },
            max_waiting_rows: positive("batch.max-waiting-rows", waiting)?,
        }))
    }
}

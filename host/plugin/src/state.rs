//! What a store holds for its guest: the handles, the limits, the log of the call.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::Fields;
use parking_lot::Mutex;
use wasmtime::UpdateDeadline;
use wasmtime::component::{Resource, ResourceTable};

use crate::account::{Account, Charge, Excess, Resource as Counted};
use crate::client::HttpClient;
use crate::epoch::{Epoch, Rows};
use crate::error::{PluginError, Size, escape};
use crate::grants::{Grants, Level, Log, LogLine, Metrics, Model};
use crate::imports::{self, Wasi};
use crate::limits::Limits;
use crate::lines::LineTables;
use crate::memory::MemoryLimiter;
use crate::turns::Turn;

/// `column` of the contract.
#[derive(Debug)]
pub(crate) struct Column(pub ArrayRef);

/// `batch` of the contract: one column a field, all of `rows` rows.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub fields: Fields,
    pub columns: Vec<ArrayRef>,
    pub rows: u32,
}

/// `model` of the contract.
#[derive(Debug)]
pub(crate) struct OpenModel(pub Arc<dyn Model>);

/// Why the host refused a call of the guest. It traps the guest.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// What the guest handed in is wrong.
    #[error("{0}")]
    Data(String),
    /// The guest would run over a limit: see [`PluginError::Limit`](crate::PluginError::Limit).
    #[error("{asked}")]
    Limit {
        option: &'static str,
        limit: String,
        asked: String,
    },
    /// The guest has slept away all its time.
    #[error("no time is left")]
    Time,
    /// All instances of a level together would run over what it may have.
    #[error("{0}")]
    Sum(Excess),
    /// Models and the network have taken all the time that the call has.
    #[error("no time is left")]
    WallTime,
    /// A timer is set for the time of rows, which have none.
    #[error("rows have no time")]
    NoTimes,
    /// The guest asked to be ended.
    #[error("it exited with the code {0}")]
    Exit(u8),
}

/// Longer than any call.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
/// Log lines that an error shows.
const SHOWN_LOG_LINES: usize = 8;

/// What the guest is, and what it may do.
pub(crate) struct Surroundings {
    /// As messages name it: `predict (predict.wasm#predict)`.
    pub function: String,
    /// The same as the subject of a sentence: `function predict (predict.wasm#predict)`.
    pub who: String,
    pub grants: Grants,
    pub limits: Limits,
    /// What all instances of the function use together.
    pub account: Arc<Account>,
    /// Of its plugin's code.
    pub lines: Arc<LineTables>,
    /// Of its job.
    pub epoch: Epoch,
    pub log: Arc<dyn Log>,
    pub metrics: Arc<dyn Metrics>,
    /// Of all instances: one that is replaced gets no new ones.
    pub metric_names: Mutex<HashSet<String>>,
    /// Sends the requests that are granted.
    pub http: HttpClient,
    /// Of the numbers that the guest gets for random ones.
    pub seed: [u8; 32],
}

/// The data of a guest's store.
pub(crate) struct State {
    pub surroundings: Arc<Surroundings>,
    pub memory: MemoryLimiter,
    /// Of the running call.
    pub call: Call,
    /// What the next call is about.
    pub next_rows: Option<Rows>,
    /// The running call's.
    pub turn: Option<Turn>,
    /// Bytes that the running call has handed in.
    handed_in: Charge,
    /// A model that the guest opened without a grant.
    pub denied_model: Option<String>,
    pub wasi: Wasi,
    handles: ResourceTable,
    live_handles: usize,
    recent_log: VecDeque<String>,
}

/// What one call of the guest has used.
pub(crate) struct Call {
    epoch: Option<u64>,
    /// The rows that it is about.
    rows: Option<Rows>,
    /// Copied into the guest by `column.read`.
    pub bytes_in: usize,
    /// Copied out of the guest by the `column` constructor.
    pub bytes_out: usize,
    /// That came from the network.
    pub bytes_fetched: usize,
    pub log_lines: usize,
    /// Of the guest, put off while models run.
    pub deadline: Instant,
    /// Of the call with all its models.
    pub wall_deadline: Instant,
}

impl State {
    pub fn new(surroundings: Arc<Surroundings>) -> Self {
        let limits = &surroundings.limits;
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(limits.handles);
        Self {
            memory: MemoryLimiter::new(limits.memory, surroundings.account.clone()),
            call: Call::new(&surroundings, None),
            next_rows: None,
            turn: None,
            handed_in: Charge::none(&surroundings.account, Counted::ResultBytes),
            denied_model: None,
            wasi: Wasi::default(),
            handles,
            live_handles: 0,
            recent_log: VecDeque::new(),
            surroundings,
        }
    }

    pub fn start_call(&mut self) {
        self.end_lines();
        self.call = Call::new(&self.surroundings, self.next_rows.take());
        self.memory.refused = None;
        self.recent_log.clear();
    }

    /// The call is over. Gives its turn.
    pub fn end_call(&mut self) -> Option<Turn> {
        self.handed_in.clear();
        self.turn.take()
    }

    /// Asked while the guest runs: whether it may go on, and from when.
    pub fn tick(&mut self) -> UpdateDeadline {
        if let Some(turn) = &mut self.turn {
            let waited = turn.tick();
            self.call.put_off(waited);
        }
        match self.call.is_over() {
            true => UpdateDeadline::Interrupt,
            false => UpdateDeadline::Continue(1),
        }
    }

    /// Waits while others have the call's turn. Answers how long it then waited for another one, which
    /// is no time of the call's.
    pub fn pause(&mut self, wait: impl FnOnce()) -> Duration {
        let mut turn = self.turn.take();
        if let Some(turn) = &mut turn {
            turn.pause();
        }
        wait();
        let queued = turn
            .as_mut()
            .map_or(Duration::ZERO, |turn| turn.go_on(Duration::ZERO));
        self.turn = turn;
        self.call.put_off(queued);
        queued
    }

    pub fn push<T: Send + 'static>(&mut self, entry: T) -> Result<Resource<T>, Refusal> {
        let limit = self.surroundings.limits.handles;
        let resource = self.handles.push(entry).map_err(|_| Refusal::Limit {
            option: "limit.handles",
            limit: format!("{limit} handles"),
            asked: "it wants one more".to_owned(),
        })?;
        self.live_handles += 1;
        Ok(resource)
    }

    pub fn get<T: 'static>(&self, handle: &Resource<T>) -> Result<&T, Refusal> {
        self.handles
            .get(handle)
            .map_err(|error| Refusal::Data(error.to_string()))
    }

    pub fn get_mut<T: 'static>(&mut self, handle: &Resource<T>) -> Result<&mut T, Refusal> {
        self.handles
            .get_mut(handle)
            .map_err(|error| Refusal::Data(error.to_string()))
    }

    pub fn take<T: 'static>(&mut self, handle: Resource<T>) -> Result<T, Refusal> {
        let entry = self
            .handles
            .delete(handle)
            .map_err(|error| Refusal::Data(error.to_string()))?;
        self.live_handles -= 1;
        Ok(entry)
    }

    pub fn live_handles(&self) -> usize {
        self.live_handles
    }

    /// Bytes of the arrays, requests and responses behind all live handles; shared buffers count once
    /// a handle.
    pub fn held_bytes(&mut self) -> usize {
        self.handles
            .iter_mut()
            .map(|entry| {
                if let Some(Column(array)) = entry.downcast_ref::<Column>() {
                    array.get_array_memory_size()
                } else if let Some(batch) = entry.downcast_ref::<Batch>() {
                    batch
                        .columns
                        .iter()
                        .map(|array| array.get_array_memory_size())
                        .sum()
                } else {
                    imports::held_bytes(entry)
                }
            })
            .sum()
    }

    /// Refuses columns that would be larger together than what the guest may hand in if they were
    /// written down: they may share their buffers.
    pub fn check_written_size(&self, columns: &[ArrayRef]) -> Result<(), Refusal> {
        let limit = self.surroundings.limits.result_bytes;
        let sizes = columns
            .iter()
            .map(|column| column.to_data().get_slice_memory_size());
        let size = sizes
            .sum::<Result<usize, _>>()
            .map_err(|error| Refusal::Data(error.to_string()))?;
        if size <= limit {
            return Ok(());
        }
        Err(Refusal::Limit {
            option: "limit.result-bytes",
            limit: format!("{} handed to its host", Size(limit)),
            asked: format!("a column of it is {} long", Size(size)),
        })
    }

    /// Counts bytes that the guest hands in, or has its host allocate.
    pub fn take_in(&mut self, bytes: usize) -> Result<(), Refusal> {
        let limit = self.surroundings.limits.result_bytes;
        self.call.bytes_out = self.call.bytes_out.saturating_add(bytes);
        if self.call.bytes_out > limit {
            return Err(Refusal::Limit {
                option: "limit.result-bytes",
                limit: format!("{} handed to its host", Size(limit)),
                asked: format!("it has come to {}", Size(self.call.bytes_out)),
            });
        }
        self.handed_in.add(bytes as u64).map_err(Refusal::Sum)
    }

    /// Checks the rows of what the guest makes.
    pub fn check_rows(&self, rows: u32) -> Result<(), Refusal> {
        let limit = self.surroundings.limits.result_rows;
        if rows as usize > limit {
            return Err(Refusal::Limit {
                option: "limit.result-rows",
                limit: format!("{limit} rows of a column or a batch"),
                asked: format!("it makes one of {rows}"),
            });
        }
        Ok(())
    }

    pub fn log(&mut self, level: Level, message: &str) {
        let limits = &self.surroundings.limits;
        self.call.log_lines += 1;
        if self.call.log_lines > limits.log_lines {
            return;
        }
        let line = escape(message, limits.text_bytes);
        let surroundings = &self.surroundings;
        surroundings.log.log(LogLine {
            level,
            function: &surroundings.function,
            epoch: self.call.epoch,
            rows: self.call.rows.as_ref(),
            text: &line,
        });
        if self.recent_log.len() == SHOWN_LOG_LINES {
            self.recent_log.pop_front();
        }
        self.recent_log.push_back(format!("{level}: {line}"));
    }

    /// The last log lines of this call.
    pub fn recent_log(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.recent_log.iter().cloned().collect();
        for (level, line) in self.open_lines() {
            let line = escape(&line, self.surroundings.limits.text_bytes);
            lines.push(format!("{level}: {line}"));
        }
        if self.call.log_lines > self.surroundings.limits.log_lines {
            lines.push("(what it logged after that was dropped)".to_owned());
        }
        lines
    }

    /// A metric's name made fit, `None` if the function names too many.
    pub fn metric_name(&self, name: &str) -> Option<String> {
        let limits = &self.surroundings.limits;
        let name = escape(name, limits.text_bytes);
        let mut names = self.surroundings.metric_names.lock();
        if !names.contains(&name) {
            if names.len() >= limits.metrics {
                return None;
            }
            names.insert(name.clone());
        }
        Some(name)
    }

    /// What the guest gave is not what it should be; the reason may have words of its own.
    pub fn wrong_result(&self, reason: &str) -> PluginError {
        let surroundings = &self.surroundings;
        PluginError::WrongResult {
            function: surroundings.function.clone(),
            reason: escape(reason, surroundings.limits.text_bytes),
            log: self.recent_log(),
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.end_lines();
    }
}

impl Call {
    fn new(surroundings: &Surroundings, rows: Option<Rows>) -> Self {
        let begun = Instant::now();
        let limits = &surroundings.limits;
        Self {
            epoch: surroundings.epoch.current(),
            rows,
            bytes_in: 0,
            bytes_out: 0,
            bytes_fetched: 0,
            log_lines: 0,
            deadline: later(begun, limits.time),
            wall_deadline: later(begun, limits.wall_time),
        }
    }

    /// Time that is not the call's.
    pub fn put_off(&mut self, time: Duration) {
        self.deadline = later(self.deadline, time);
        self.wall_deadline = later(self.wall_deadline, time);
    }

    /// Time that is the call's, but not the guest's own.
    pub fn put_off_guest(&mut self, time: Duration) {
        self.deadline = later(self.deadline, time);
    }

    fn is_over(&self) -> bool {
        self.deadline.min(self.wall_deadline) <= Instant::now()
    }
}

fn later(instant: Instant, time: Duration) -> Instant {
    instant.checked_add(time).unwrap_or_else(|| instant + FAR)
}

//! Rows of several callers in one call of a model.
//!
//! A model has one queue. A caller that finds fewer calls running than may run makes its own at once;
//! the others wait. When a call is done, one of those that wait takes what waits, as many rows as a
//! batch may have, and makes the next call for all of them. So nothing is delayed that need not wait,
//! and the busier a model is, the larger its batches are. There is no thread of its own.
//!
//! A batch is filled from the tenants in turn, one caller of each at a time, so that a tenant with many
//! callers does not keep out one that has few.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::ArrayRef;
use arrow::compute::concat;
use arrow::datatypes::Field;
use parking_lot::{Condvar, Mutex};

use crate::{InferenceError, Model, ModelDefinition};

/// How the calls of a model are batched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batching {
    /// Rows of a batch of several callers. A caller's own rows are never divided.
    pub max_rows: usize,
    /// How long the first caller of a batch waits for others; zero by default.
    pub max_delay: Duration,
    /// Calls that run at once.
    pub max_concurrent: usize,
    /// Rows of a tenant that may wait; who has more waits before the queue.
    pub max_waiting_rows: usize,
}

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
            max_waiting_rows: positive("batch.max-waiting-rows", waiting)?,
        }))
    }
}

/// The callers of one model.
#[derive(Debug)]
pub struct Queue {
    name: String,
    model: Arc<dyn Model>,
    batching: Batching,
    waiting: Mutex<Waiting>,
    /// Rows have left the queue or come to it.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Calls that run.
    running: usize,
    /// Who waits, by tenant; the tenant whose turn it is comes first.
    tenants: VecDeque<(Arc<str>, VecDeque<Arc<Caller>>)>,
    rows: usize,
}

/// A caller that waits.
#[derive(Debug)]
struct Caller {
    columns: Vec<ArrayRef>,
    rows: usize,
    deadline: Option<Instant>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
enum State {
    Waits,
    /// It is its turn to make a call, for itself and others.
    Leads,
    /// Somebody makes a call for it.
    Taken,
    Done(Result<Vec<ArrayRef>, InferenceError>),
}

/// A tenant's way to a model with a queue.
#[derive(Debug)]
struct Tenant {
    queue: Arc<Queue>,
    name: Arc<str>,
}

impl Queue {
    /// A queue before the model that a job calls `name`.
    pub fn new(name: &str, model: Arc<dyn Model>, batching: Batching) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            model,
            batching,
            waiting: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// The model as one tenant calls it.
    pub fn tenant(self: &Arc<Self>, name: &str) -> Arc<dyn Model> {
        Arc::new(Tenant {
            queue: Arc::clone(self),
            name: name.into(),
        })
    }

    fn call(
        &self,
        tenant: &Arc<str>,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let mut waiting = self.waiting.lock();
        let idle = waiting.running < self.batching.max_concurrent && waiting.tenants.is_empty();
        if idle && (self.batching.max_delay.is_zero() || rows >= self.batching.max_rows) {
            waiting.running += 1;
            drop(waiting);
            let _turn = Turn(self);
            return self.model.predict(columns, rows, deadline);
        }
        // Rows of a tenant that wait already are let go first; one caller may always wait.
        while waiting.rows_of(tenant) > 0
            && waiting.rows_of(tenant) + rows > self.batching.max_waiting_rows
        {
            if self.wait(&mut waiting, deadline) {
                return Err(InferenceError::deadline(&self.name));
            }
        }
        let caller = Arc::new(Caller {
            columns: columns.to_vec(),
            rows,
            deadline,
            state: Mutex::new(State::Waits),
            changed: Condvar::new(),
        });
        waiting.push(tenant, &caller);
        self.changed.notify_all();
        if waiting.running < self.batching.max_concurrent {
            waiting.running += 1;
            *caller.state.lock() = State::Leads;
        }
        drop(waiting);
        self.follow(tenant, &caller)
    }

    /// Waits for a change of the queue; returns whether the deadline has come.
    fn wait(
        &self,
        waiting: &mut parking_lot::MutexGuard<'_, Waiting>,
        deadline: Option<Instant>,
    ) -> bool {
        match deadline {
            Some(deadline) => self.changed.wait_until(waiting, deadline).timed_out(),
            None => {
                self.changed.wait(waiting);
                false
            }
        }
    }

    /// Waits until somebody has made the call, or it is the caller's turn to make one.
    fn follow(
        &self,
        tenant: &Arc<str>,
        caller: &Arc<Caller>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let mut state = caller.state.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Done(result) => return result,
                State::Leads => {
                    drop(state);
                    self.lead(caller);
                    state = caller.state.lock();
                }
                // Who makes the call looks to the deadline.
                State::Taken => caller.changed.wait(&mut state),
                State::Waits => {
                    *state = State::Waits;
                    let Some(deadline) = caller.deadline else {
                        caller.changed.wait(&mut state);
                        continue;
                    };
                    if caller.changed.wait_until(&mut state, deadline).timed_out() {
                        drop(state);
                        if self.waiting.lock().remove(tenant, caller) {
                            self.changed.notify_all();
                            return Err(InferenceError::deadline(&self.name));
                        }
                        // It was taken, or got its turn, in between.
                        state = caller.state.lock();
                    }
                }
            }
        }
    }

    /// Takes what waits, the caller's own rows among them, and makes the call.
    fn lead(&self, caller: &Arc<Caller>) {
        let turn = Turn(self);
        let (late, batch) = self.gather(caller);
        for caller in late {
            caller.done(Err(InferenceError::deadline(&self.name)));
        }
        let batch = Batch(&self.name, batch);
        let rows = batch.1.iter().map(|caller| caller.rows).sum();
        if let [only] = batch.1.as_slice() {
            only.done(self.model.predict(&only.columns, only.rows, only.deadline));
        } else {
            let together = self.together(&batch.1, rows);
            for (place, caller) in batch.1.iter().enumerate() {
                caller.done(match &together {
                    Some(results) => Ok(results[place].clone()),
                    // Whose fault it was does not show; who is without fault gets its rows.
                    None => self
                        .model
                        .predict(&caller.columns, caller.rows, caller.deadline),
                });
            }
        }
        // Not before all have their rows: another batch takes the processor from them.
        drop(turn);
    }

    /// The callers whose deadline is over, and those of the next batch; one of them is who leads.
    fn gather(&self, leader: &Arc<Caller>) -> (Vec<Arc<Caller>>, Vec<Arc<Caller>>) {
        let mut waiting = self.waiting.lock();
        if !self.batching.max_delay.is_zero() {
            let until = Instant::now() + self.batching.max_delay;
            let until = leader
                .deadline
                .map_or(until, |deadline| deadline.min(until));
            while waiting.rows < self.batching.max_rows
                && !self.changed.wait_until(&mut waiting, until).timed_out()
            {}
        }
        let batch = waiting.take(leader, self.batching.max_rows);
        drop(waiting);
        self.changed.notify_all();
        let now = Instant::now();
        let late = |caller: &Arc<Caller>| caller.deadline.is_some_and(|deadline| deadline <= now);
        batch.into_iter().partition(late)
    }

    /// One call for several callers; `None` where it fails.
    fn together(&self, callers: &[Arc<Caller>], rows: usize) -> Option<Vec<Vec<ArrayRef>>> {
        let width = callers.first()?.columns.len();
        let columns: Vec<ArrayRef> = (0..width)
            .map(|column| {
                let parts: Vec<_> = callers
                    .iter()
                    .map(|caller| &*caller.columns[column])
                    .collect();
                concat(&parts).ok()
            })
            .collect::<Option<_>>()?;
        let deadline = callers.iter().filter_map(|caller| caller.deadline).min();
        let outputs = self.model.predict(&columns, rows, deadline).ok()?;
        if outputs.iter().any(|output| output.len() != rows) {
            return None;
        }
        let mut first = 0;
        let part = |caller: &Arc<Caller>| {
            let part = outputs
                .iter()
                .map(|output| output.slice(first, caller.rows))
                .collect();
            first += caller.rows;
            part
        };
        Some(callers.iter().map(part).collect())
    }

    /// A call has ended: one of those who wait makes the next.
    fn pass_on(&self) {
        let mut waiting = self.waiting.lock();
        for caller in waiting.tenants.iter().flat_map(|(_, callers)| callers) {
            let mut state = caller.state.lock();
            if matches!(*state, State::Waits) {
                *state = State::Leads;
                caller.changed.notify_all();
                return;
            }
        }
        waiting.running -= 1;
    }
}

/// The right to make a call, which is passed on in the end, whatever happens.
struct Turn<'a>(&'a Queue);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

/// Callers of one batch, who get an answer whatever happens.
struct Batch<'a>(&'a str, Vec<Arc<Caller>>);

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for caller in &self.1 {
            let mut state = caller.state.lock();
            if matches!(*state, State::Taken) {
                let message = "the call that had these rows among its own was broken off";
                *state = State::Done(Err(InferenceError::Runtime {
                    model: self.0.to_owned(),
                    message: message.into(),
                }));
                caller.changed.notify_all();
            }
        }
    }
}

impl Caller {
    fn done(&self, result: Result<Vec<ArrayRef>, InferenceError>) {
        *self.state.lock() = State::Done(result);
        self.changed.notify_all();
    }

    fn same_types(&self, other: &Self) -> bool {
        let (own, others) = (self.columns.iter(), other.columns.iter());
        own.map(|column| column.data_type())
            .eq(others.map(|column| column.data_type()))
    }
}

impl Waiting {
    fn rows_of(&self, tenant: &str) -> usize {
        let callers = self.tenants.iter().find(|(name, _)| **name == *tenant);
        callers.map_or(0, |(_, callers)| {
            callers.iter().map(|caller| caller.rows).sum()
        })
    }

    fn push(&mut self, tenant: &Arc<str>, caller: &Arc<Caller>) {
        self.rows += caller.rows;
        match self.tenants.iter_mut().find(|(name, _)| name == tenant) {
            Some((_, callers)) => callers.push_back(Arc::clone(caller)),
            None => self
                .tenants
                .push_back((Arc::clone(tenant), [Arc::clone(caller)].into())),
        }
    }

    /// Takes a caller out that waits; returns whether it was there.
    fn remove(&mut self, tenant: &str, caller: &Arc<Caller>) -> bool {
        if !matches!(*caller.state.lock(), State::Waits) {
            return false;
        }
        let place = self.tenants.iter().position(|(name, callers)| {
            **name == *tenant && callers.iter().any(|other| Arc::ptr_eq(other, caller))
        });
        let Some(place) = place else { return false };
        self.take_out(place, caller);
        true
    }

    /// Takes a caller of the tenant at a place out; returns whether others of it wait.
    fn take_out(&mut self, place: usize, caller: &Arc<Caller>) -> bool {
        let callers = &mut self.tenants[place].1;
        callers.retain(|other| !Arc::ptr_eq(other, caller));
        let others = !callers.is_empty();
        if !others {
            self.tenants.remove(place);
        }
        self.rows -= caller.rows;
        others
    }

    /// Takes the callers of a batch: the leader, and as many others as there is room for, one of each
    /// tenant in turn.
    fn take(&mut self, leader: &Arc<Caller>, max_rows: usize) -> Vec<Arc<Caller>> {
        let place = self
            .tenants
            .iter()
            .position(|(_, callers)| callers.iter().any(|other| Arc::ptr_eq(other, leader)));
        if let Some(place) = place
            && self.take_out(place, leader)
        {
            self.turn_after(place);
        }
        let mut batch = vec![Arc::clone(leader)];
        let mut rows = leader.rows;
        let mut passed_over = 0;
        while passed_over < self.tenants.len() {
            let next = self.tenants[0].1.iter().find(|caller| {
                rows + caller.rows <= max_rows
                    && caller.same_types(leader)
                    && matches!(*caller.state.lock(), State::Waits)
            });
            let remains = match next.cloned() {
                Some(caller) => {
                    *caller.state.lock() = State::Taken;
                    rows += caller.rows;
                    passed_over = 0;
                    let remains = self.take_out(0, &caller);
                    batch.push(caller);
                    remains
                }
                None => {
                    passed_over += 1;
                    true
                }
            };
            if remains {
                self.turn_after(0);
            }
        }
        batch
    }

    /// The tenant at a place has had its turn.
    fn turn_after(&mut self, place: usize) {
        if let Some(tenant) = self.tenants.remove(place) {
            self.tenants.push_back(tenant);
        }
    }
}

impl Model for Tenant {
    fn inputs(&self) -> &[Field] {
        self.queue.model.inputs()
    }

    fn outputs(&self) -> &[Field] {
        self.queue.model.outputs()
    }

    fn version(&self) -> &str {
        self.queue.model.version()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        self.queue.call(&self.name, columns, rows, deadline)
    }
}

//! Rows of several callers in one call of a model.
//!
//! A model has one queue. A caller that finds fewer calls running than may run makes its own at once;
//! the others wait. When a call is done, one of those that wait takes what waits, as many rows as a
//! batch may have, and makes the next call for all of them. So nothing is delayed that need not wait,
//! and the busier a model is, the larger its batches are. There is no thread of its own.
//!
//! To wait costs a caller some microseconds, for which its thread sleeps and is woken. So rows that take less
//! in a call of their own do not wait.
//!
//! A batch is filled from the tenants in turn, one caller of each at a time, so that a tenant with many
//! callers does not keep out one that has few.

mod options;
mod quickness;
mod waiting;

use std::sync::Arc;
use std::time::Instant;

use arrow::array::ArrayRef;
use arrow::compute::concat;
use arrow::datatypes::Field;
use parking_lot::{Condvar, Mutex};

use crate::{InferenceError, Model};
use quickness::Quickness;
use waiting::{Caller, State, Waiting};

pub use options::Batching;
pub(crate) use options::OPTIONS;

/// The callers of one model.
#[derive(Debug)]
pub struct Queue {
    name: String,
    model: Arc<dyn Model>,
    batching: Batching,
    quickness: Quickness,
    waiting: Mutex<Waiting>,
    /// Rows have left the queue or come to it.
    changed: Condvar,
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
            quickness: Quickness::default(),
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
        if self.quickness.is_below(rows, self.batching.quick) {
            return self.alone(columns, rows, deadline);
        }
        let mut waiting = self.waiting.lock();
        let idle = waiting.running < self.batching.max_concurrent && waiting.tenants.is_empty();
        if idle && (self.batching.max_delay.is_zero() || rows >= self.batching.max_rows) {
            waiting.running += 1;
            drop(waiting);
            let _turn = Turn(self);
            return self.alone(columns, rows, deadline);
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

    /// A call for one caller.
    fn alone(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        if self.batching.quick.is_zero() {
            return self.model.predict(columns, rows, deadline);
        }
        let begun = Instant::now();
        let predicted = self.model.predict(columns, rows, deadline)?;
        self.quickness.saw(rows, begun.elapsed());
        Ok(predicted)
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
            only.done(self.alone(&only.columns, only.rows, only.deadline));
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

impl Model for Tenant {
    fn inputs(&self) -> &[Field] {
        self.queue.model.inputs()
    }

    fn outputs(&self) -> &[Field] {
        self.queue.model.outputs()
    }

    fn version(&self) -> String {
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

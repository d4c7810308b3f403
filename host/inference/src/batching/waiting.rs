//! Who waits for a call, and who goes together in one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::ArrayRef;
use parking_lot::{Condvar, Mutex};

use crate::InferenceError;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Calls that run.
    pub running: usize,
    /// Who waits, by tenant; the tenant whose turn it is comes first.
    pub tenants: VecDeque<(Arc<str>, VecDeque<Arc<Caller>>)>,
    pub rows: usize,
}

/// A caller that waits.
#[derive(Debug)]
pub(super) struct Caller {
    pub columns: Vec<ArrayRef>,
    pub rows: usize,
    pub deadline: Option<Instant>,
    pub state: Mutex<State>,
    pub changed: Condvar,
}

#[derive(Debug)]
pub(super) enum State {
    Waits,
    /// It is its turn to make a call, for itself and others.
    Leads,
    /// Somebody makes a call for it.
    Taken,
    Done(Result<Vec<ArrayRef>, InferenceError>),
}

impl Caller {
    pub fn done(&self, result: Result<Vec<ArrayRef>, InferenceError>) {
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
    pub fn rows_of(&self, tenant: &str) -> usize {
        let callers = self.tenants.iter().find(|(name, _)| **name == *tenant);
        callers.map_or(0, |(_, callers)| {
            callers.iter().map(|caller| caller.rows).sum()
        })
    }

    pub fn push(&mut self, tenant: &Arc<str>, caller: &Arc<Caller>) {
        self.rows += caller.rows;
        match self.tenants.iter_mut().find(|(name, _)| name == tenant) {
            Some((_, callers)) => callers.push_back(Arc::clone(caller)),
            None => self
                .tenants
                .push_back((Arc::clone(tenant), [Arc::clone(caller)].into())),
        }
    }

    /// Takes a caller out that waits; returns whether it was there.
    pub fn remove(&mut self, tenant: &str, caller: &Arc<Caller>) -> bool {
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
    pub fn take(&mut self, leader: &Arc<Caller>, max_rows: usize) -> Vec<Arc<Caller>> {
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

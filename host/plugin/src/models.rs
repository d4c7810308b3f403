//! Models at work: how many calls may ask one at once, and how many may wait for one.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::account::{Account, Charge, Excess, Resource};

/// Where calls wait that would have one more model at work than they may.
#[derive(Debug, Default)]
pub(crate) struct ModelGate {
    waiting: Mutex<()>,
    freed: Condvar,
}

/// A model that may work, until this is dropped.
pub(crate) struct ModelCall {
    charge: Charge,
    account: Arc<Account>,
}

impl ModelCall {
    /// Waits until one more may work, but not behind the deadline, and not with too many others.
    pub fn begin(account: &Arc<Account>, deadline: Instant) -> Result<Self, Excess> {
        let begin = || {
            Ok(Self {
                charge: Charge::new(account, Resource::ModelCalls, 1)?,
                account: account.clone(),
            })
        };
        if let Ok(begun) = begin() {
            return Ok(begun);
        }
        let _queued = Charge::new(account, Resource::ModelQueue, 1)?;
        let gate = &account.room().models;
        let mut waiting = gate.waiting.lock();
        loop {
            match begin() {
                Ok(begun) => return Ok(begun),
                Err(excess) => {
                    if gate.freed.wait_until(&mut waiting, deadline).timed_out() {
                        return Err(excess);
                    }
                }
            }
        }
    }
}

impl Drop for ModelCall {
    fn drop(&mut self) {
        self.charge.clear();
        let gate = &self.account.room().models;
        // Who waits has seen that there is room, or is woken.
        drop(gate.waiting.lock());
        gate.freed.notify_all();
    }
}

//! Idle instances: each function keeps its own for the next call, until others need the room.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;

use crate::account::Account;
use crate::instance::Instance;

/// Of the idle instances that may go, one in so many goes at once.
const SHARE: usize = 16;

/// The idle instances of one function.
pub(crate) struct Idle {
    account: Arc<Account>,
    /// The one that was used last is the last, and is used next.
    instances: Mutex<VecDeque<(Instant, Instance)>>,
}

impl Idle {
    pub fn new(account: &Arc<Account>) -> Arc<Self> {
        let idle = Arc::new(Self {
            account: account.clone(),
            instances: Mutex::default(),
        });
        account.room().idle.add(&idle);
        idle
    }

    pub fn push(&self, instance: Instance) {
        let now = Instant::now();
        self.instances.lock().push_back((now, instance));
    }

    pub fn pop(&self) -> Option<Instance> {
        let used_last = self.instances.lock().pop_back();
        used_last.map(|(_, instance)| instance)
    }
}

/// The idle instances of all functions of a host.
#[derive(Default)]
pub(crate) struct IdleSets {
    sets: Mutex<Vec<Weak<Idle>>>,
}

impl IdleSets {
    fn add(&self, idle: &Arc<Idle>) {
        let mut sets = self.sets.lock();
        // Most are in use, so those that are not are looked for now and then only.
        if sets.len() == sets.capacity() {
            sets.retain(|set| set.strong_count() > 0);
        }
        sets.push(Arc::downgrade(idle));
    }

    /// Drops idle instances of functions in this account, those that were not used for longest.
    /// Answers whether there were any.
    pub fn evict(&self, account: &Account) -> bool {
        let sets: Vec<_> = {
            let sets = self.sets.lock();
            let sets = sets.iter().filter_map(Weak::upgrade);
            sets.filter(|set| set.account.is_in(account)).collect()
        };
        let mut used: Vec<Instant> = Vec::new();
        for set in &sets {
            used.extend(set.instances.lock().iter().map(|(used, _)| *used));
        }
        if used.is_empty() {
            return false;
        }
        let last = used.len().div_ceil(SHARE) - 1;
        let (_, &mut last, _) = used.select_nth_unstable(last);
        for set in &sets {
            let mut gone = Vec::new();
            let mut instances = set.instances.lock();
            while instances.front().is_some_and(|(used, _)| *used <= last) {
                gone.extend(instances.pop_front());
            }
            drop(instances);
            // Only now: their memory goes with them.
            drop(gone);
        }
        true
    }
}

//! Accounts: what the functions of a level use together.
//!
//! They are a tree: a function's account is in its job's, that in its tenant's, that in the host's. What
//! is used is charged to a function and climbs up to the host; where a level has no
//! room none is charged, and idle instances of that level go before anything is refused. What has
//! been charged is given back when whoever used it is dropped.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use crate::idle::IdleSets;
use crate::limits::{Budget, Limits};
use crate::models::ModelGate;
use crate::throttle::Throttle;
use crate::turns::Turns;

/// What the functions of a job, or of a tenant, use together, and may use.
pub struct Account {
    level: Level,
    parent: Option<Arc<Account>>,
    budget: RwLock<Budget>,
    used: [AtomicU64; Resource::COUNT],
    throttle: Throttle,
    /// Time that its guests have had while others waited: see [`Turns`].
    pub(crate) had: AtomicU64,
    /// Of the host, shared by all accounts in it.
    room: Arc<Room>,
}

/// What all accounts of a host share.
pub(crate) struct Room {
    /// Held by who charges; to give back needs no lock.
    charging: Mutex<()>,
    pub turns: Turns,
    pub idle: IdleSets,
    pub models: ModelGate,
}

/// Whose account it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Function,
    Job,
    Tenant(Arc<str>),
    Host,
}

/// What is counted in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Memory,
    Instances,
    ResultBytes,
    ModelCalls,
    ModelQueue,
    StateBytes,
}

impl Resource {
    const COUNT: usize = 6;

    fn of(self, budget: &Budget) -> u64 {
        let limit = match self {
            Resource::Memory => budget.memory,
            Resource::Instances => budget.instances,
            Resource::ResultBytes => budget.result_bytes,
            Resource::ModelCalls => budget.model_calls,
            Resource::ModelQueue => budget.model_queue,
            Resource::StateBytes => budget.state_bytes,
        };
        limit as u64
    }

    /// As jobs call it below `job.`.
    fn total(self) -> &'static str {
        match self {
            Resource::Memory => "total.memory",
            Resource::Instances => "total.instances",
            Resource::ResultBytes => "total.result-bytes",
            Resource::ModelCalls => "total.model-calls",
            Resource::ModelQueue => "total.model-queue",
            Resource::StateBytes => "total.state-bytes",
        }
    }

    /// As functions call it.
    fn option(self) -> &'static str {
        match self {
            Resource::Memory => "limit.total-memory",
            Resource::Instances => "limit.instances",
            Resource::ResultBytes => "limit.result-bytes",
            Resource::ModelCalls => "limit.model-calls",
            Resource::ModelQueue => "limit.model-queue",
            Resource::StateBytes => "limit.state-bytes",
        }
    }

    /// With a number before it.
    fn thing(self, number: u64) -> &'static str {
        match (self, number) {
            (Resource::Memory, _) => " of memory",
            (Resource::Instances, 1) => " instance",
            (Resource::Instances, _) => " instances",
            (Resource::ResultBytes, _) => " handed to their host",
            (Resource::ModelCalls, 1) => " model at work",
            (Resource::ModelCalls, _) => " models at work",
            (Resource::ModelQueue, 1) => " call that waits for a model",
            (Resource::ModelQueue, _) => " calls that wait for a model",
            (Resource::StateBytes, _) => " of state",
        }
    }
}

/// A level has no room for what is asked.
#[derive(Clone, Debug)]
pub(crate) struct Excess {
    pub level: Level,
    pub resource: Resource,
    pub limit: u64,
    /// All that the level would have.
    pub asked: u64,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.level {
            Level::Function => f.write_str("all its instances together")?,
            Level::Job => f.write_str("all functions of the job together")?,
            Level::Tenant(name) => write!(f, "all functions of the tenant `{name}` together")?,
            Level::Host => f.write_str("all functions of this host together")?,
        }
        let shown = |value: u64| {
            let limit = Budget::ALL
                .iter()
                .find(|limit| limit.option == self.resource.total());
            limit.map_or_else(|| value.to_string(), |limit| limit.shown(value))
        };
        let thing = self.resource.thing(self.limit);
        write!(
            f,
            " may have {}{thing}, and would have {}",
            shown(self.limit),
            shown(self.asked)
        )
    }
}

impl Excess {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match &self.level {
            Level::Function => format!(
                "a higher limit can be given with '{}' in the function's WITH",
                self.resource.option()
            ),
            Level::Job => format!(
                "SET 'job.{}' before the functions gives the job more, or use a lower \
                 'parallelism.default'",
                self.resource.total()
            ),
            Level::Tenant(_) => format!(
                "wait until the tenant's other jobs need less, or have whoever runs this host give \
                 it more: --tenant-limit {}=…",
                self.resource.total()
            ),
            Level::Host => "use fewer functions or a lower parallelism".to_owned(),
        }
    }

    /// Whether others than the job may have used it up.
    pub fn is_outside_of_the_job(&self) -> bool {
        matches!(self.level, Level::Tenant(_) | Level::Host)
    }
}

impl Account {
    /// Of a host on which so many guests may run at once.
    pub(crate) fn host(budget: Budget, turns: usize) -> Arc<Self> {
        let room = Arc::new(Room {
            charging: Mutex::default(),
            turns: Turns::new(turns),
            idle: IdleSets::default(),
            models: ModelGate::default(),
        });
        Account::new(Level::Host, None, budget, room)
    }

    fn new(
        level: Level,
        parent: Option<Arc<Account>>,
        budget: Budget,
        room: Arc<Room>,
    ) -> Arc<Self> {
        Arc::new(Self {
            level,
            parent,
            throttle: Throttle::new(budget.cpu),
            budget: RwLock::new(budget),
            used: Default::default(),
            had: AtomicU64::new(0),
            room,
        })
    }

    fn child(self: &Arc<Self>, level: Level, budget: Budget) -> Arc<Self> {
        Account::new(level, Some(self.clone()), budget, self.room.clone())
    }

    pub(crate) fn tenant(self: &Arc<Self>, name: &str, budget: Budget) -> Arc<Self> {
        self.child(Level::Tenant(name.into()), budget)
    }

    /// The account of a job of this tenant.
    pub fn job(self: &Arc<Self>, budget: Budget) -> Arc<Self> {
        self.child(Level::Job, budget)
    }

    pub(crate) fn function(self: &Arc<Self>, limits: &Limits) -> Arc<Self> {
        self.child(Level::Function, limits.budget())
    }

    /// From now on. What is used already stays.
    pub fn set_budget(&self, budget: Budget) {
        self.throttle.set(budget.cpu);
        *self.budget.write() = budget;
    }

    /// What is used now; of time, none.
    pub fn used(&self) -> Budget {
        let used = |resource: Resource| {
            let used = self.used[resource as usize].load(Ordering::Relaxed);
            usize::try_from(used).unwrap_or(usize::MAX)
        };
        Budget {
            memory: used(Resource::Memory),
            instances: used(Resource::Instances),
            cpu: Duration::ZERO,
            result_bytes: used(Resource::ResultBytes),
            model_calls: used(Resource::ModelCalls),
            model_queue: used(Resource::ModelQueue),
            state_bytes: used(Resource::StateBytes),
        }
    }

    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// It, and all that it is in.
    fn climb(&self) -> impl Iterator<Item = &Account> {
        std::iter::successors(Some(self), |account| account.parent.as_deref())
    }

    /// Whether it is that account, or in it.
    pub(crate) fn is_in(&self, account: &Account) -> bool {
        self.climb().any(|own| std::ptr::eq(own, account))
    }

    /// The tenant's account that it is in; the host's own functions have the host's.
    pub(crate) fn payer(self: &Arc<Self>) -> &Arc<Account> {
        let mut account = self;
        while let (Level::Function | Level::Job, Some(parent)) = (&account.level, &account.parent) {
            account = parent;
        }
        account
    }

    /// Charges it and all that it is in, or none; drops idle instances where that makes room.
    pub(crate) fn charge(&self, resource: Resource, amount: u64) -> Result<(), Excess> {
        loop {
            let (full, excess) = match self.try_charge(resource, amount) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            let evictable = matches!(resource, Resource::Memory | Resource::Instances);
            if !evictable || !self.room.idle.evict(full) {
                return Err(excess);
            }
        }
    }

    fn try_charge(&self, resource: Resource, amount: u64) -> Result<(), (&Account, Excess)> {
        // Who charges a level that has room must not be refused for one who is refused above it.
        let _charging = self.room.charging.lock();
        for account in self.climb() {
            let used = account.used[resource as usize].load(Ordering::Acquire);
            let asked = used.saturating_add(amount);
            let limit = resource.of(&account.budget.read());
            if asked > limit {
                let excess = Excess {
                    level: account.level.clone(),
                    resource,
                    limit,
                    asked,
                };
                return Err((account, excess));
            }
        }
        for account in self.climb() {
            account.used[resource as usize].fetch_add(amount, Ordering::AcqRel);
        }
        Ok(())
    }

    pub(crate) fn refund(&self, resource: Resource, amount: u64) {
        if amount == 0 {
            return;
        }
        for account in self.climb() {
            account.used[resource as usize].fetch_sub(amount, Ordering::AcqRel);
        }
    }

    /// Notes time that a call has taken. Answers for how long it must wait, so that no level takes
    /// more of a second than it may.
    pub(crate) fn spend(&self, time: Duration, now: Instant) -> Duration {
        let waits = self
            .climb()
            .map(|account| account.throttle.spend(time, now));
        waits.max().unwrap_or_default()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("level", &self.level)
            .field("used", &self.used())
            .finish_non_exhaustive()
    }
}

/// What has been charged, until it is dropped.
pub(crate) struct Charge {
    account: Arc<Account>,
    resource: Resource,
    amount: u64,
}

impl Charge {
    pub fn none(account: &Arc<Account>, resource: Resource) -> Self {
        Self {
            account: account.clone(),
            resource,
            amount: 0,
        }
    }

    pub fn new(account: &Arc<Account>, resource: Resource, amount: u64) -> Result<Self, Excess> {
        let mut charge = Self::none(account, resource);
        charge.add(amount)?;
        Ok(charge)
    }

    pub fn add(&mut self, amount: u64) -> Result<(), Excess> {
        self.account.charge(self.resource, amount)?;
        self.amount += amount;
        Ok(())
    }

    /// From now on it is so much.
    pub fn set(&mut self, amount: u64) -> Result<(), Excess> {
        match amount.checked_sub(self.amount) {
            Some(more) => self.add(more),
            None => {
                self.account.refund(self.resource, self.amount - amount);
                self.amount = amount;
                Ok(())
            }
        }
    }

    /// Gives everything back.
    pub fn clear(&mut self) {
        self.account.refund(self.resource, self.amount);
        self.amount = 0;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_level_refuses_is_charged_nowhere() {
        let host = Account::host(Budget::unlimited(), 1);
        let tenant = host.tenant(
            "acme",
            Budget {
                memory: 100,
                ..Budget::of_tenant()
            },
        );
        let jobs = [tenant.job(Budget::of_job()), tenant.job(Budget::of_job())];
        let functions = jobs.each_ref().map(|job| job.function(&Limits::default()));
        let first = Charge::new(&functions[0], Resource::Memory, 60).unwrap();
        let error = Charge::new(&functions[1], Resource::Memory, 60)
            .err()
            .unwrap();
        assert_eq!(
            (error.to_string(), error.is_outside_of_the_job()),
            (
                "all functions of the tenant `acme` together may have 100 bytes of memory, and would \
                 have 120 bytes"
                    .to_owned(),
                true
            )
        );
        let used = || {
            let accounts = [&functions[1], &jobs[1], &tenant, &host];
            accounts.map(|account| account.used().memory)
        };
        assert_eq!(used(), [0, 0, 60, 60]);
        drop(first);
        assert_eq!(used(), [0; 4]);
        assert!(Charge::new(&functions[1], Resource::Memory, 100).is_ok());
        assert_eq!(used(), [0; 4]);
    }
}

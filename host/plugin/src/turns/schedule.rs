//! Who has had how much, and who is next.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::account::Account;

/// A tenant goes on until it has had so many nanoseconds more than who waits.
pub(super) const GRANULARITY: u64 = 1_000_000;
/// For so long a turn is kept for a tenant's next call.
const KEPT: Duration = Duration::from_micros(300);
/// How much less than the others one may have had who comes back.
const CREDIT: u64 = 10_000_000;
/// And how much more.
const DEBT: u64 = 100_000_000;

#[derive(Debug)]
pub(super) struct Schedule {
    /// Of all times below.
    start: Instant,
    pub free: usize,
    /// Of tenants with calls that run or wait.
    pub shares: Vec<Share>,
    /// The least that one of them has had.
    floor: u64,
}

#[derive(Debug)]
pub(super) struct Share {
    tenant: Arc<Account>,
    /// Nanoseconds that were charged.
    had: u64,
    running: u64,
    /// The sum of the moments, in nanoseconds, up to which its running calls were charged.
    charged: u64,
    pub waiting: VecDeque<Arc<Waiter>>,
    /// Turns that are kept for its next calls, since when.
    kept: VecDeque<Instant>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    thread: Thread,
    pub has_turn: AtomicBool,
    /// When it got its turn.
    pub since: OnceLock<Instant>,
}

impl Waiter {
    pub fn of_this_thread() -> Arc<Self> {
        Arc::new(Self {
            thread: thread::current(),
            has_turn: AtomicBool::new(false),
            since: OnceLock::new(),
        })
    }

    fn give_turn(&self, now: Instant) {
        self.since.get_or_init(|| now);
        self.has_turn.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Share {
    pub fn is_of(&self, tenant: &Arc<Account>) -> bool {
        Arc::ptr_eq(&self.tenant, tenant)
    }

    /// Nanoseconds that it has had, with those of its calls that run.
    pub fn has_had(&self, now: u64) -> u64 {
        let running = (self.running * now).saturating_sub(self.charged);
        self.had + running
    }
}

impl Schedule {
    pub fn new(turns: usize) -> Self {
        Self {
            start: Instant::now(),
            free: turns.max(1),
            shares: Vec::new(),
            floor: 0,
        }
    }

    pub fn moment(&self, instant: Instant) -> u64 {
        nanoseconds(instant.saturating_duration_since(self.start))
    }

    /// The share of a tenant, which may have had none so far.
    pub fn share(&mut self, tenant: &Arc<Account>) -> &mut Share {
        let known = self.shares.iter().position(|share| share.is_of(tenant));
        let index = match known {
            Some(index) => index,
            None => {
                let had = tenant.had.load(Ordering::Relaxed);
                let (least, most) = (self.floor.saturating_sub(CREDIT), self.floor + DEBT);
                self.shares.push(Share {
                    tenant: tenant.clone(),
                    had: had.clamp(least, most),
                    running: 0,
                    charged: 0,
                    waiting: VecDeque::new(),
                    kept: VecDeque::new(),
                });
                self.shares.len() - 1
            }
        };
        &mut self.shares[index]
    }

    /// Time for which a tenant had no turn.
    pub fn charge(&mut self, tenant: &Arc<Account>, time: Duration) {
        self.share(tenant).had += nanoseconds(time);
    }

    /// A tenant has had a turn from one moment to another.
    pub fn charge_turn(&mut self, tenant: &Arc<Account>, from: Instant, to: Instant) {
        let (from, to) = (self.moment(from), self.moment(to));
        let share = self.share(tenant);
        share.had += to.saturating_sub(from);
        share.charged += to.saturating_sub(from);
        let least = self.shares.iter().map(|share| share.has_had(to)).min();
        self.floor = self.floor.max(least.unwrap_or_default());
    }

    /// One more call of a tenant runs.
    pub fn begin(&mut self, tenant: &Arc<Account>, now: Instant) {
        let now = self.moment(now);
        let share = self.share(tenant);
        share.running += 1;
        share.charged += now;
    }

    /// The share of the tenant whose call is next, if one waits.
    pub fn next(&self, now: Instant) -> Option<&Share> {
        let now = self.moment(now);
        let waiting = self.shares.iter().filter(|share| !share.waiting.is_empty());
        waiting.min_by_key(|share| share.has_had(now))
    }

    /// Whether a tenant has had so much that this one is to run instead.
    fn has_had_enough(&self, tenant: &Share, other: &Share, now: Instant) -> bool {
        let now = self.moment(now);
        tenant.has_had(now) >= other.has_had(now) + GRANULARITY
    }

    /// A turn that was kept, for a call of this tenant: its own, or that of one who has had enough.
    pub fn take_kept(&mut self, tenant: &Arc<Account>, now: Instant) -> bool {
        if self.share(tenant).kept.pop_front().is_some() {
            let share = self.shares.iter().find(|share| share.is_of(tenant));
            let must_wait = share
                .zip(self.next(now))
                .is_some_and(|(own, next)| self.has_had_enough(own, next, now));
            if must_wait {
                self.release(now);
            }
            return !must_wait;
        }
        let Some(own) = self.shares.iter().find(|share| share.is_of(tenant)) else {
            return false;
        };
        let moment = self.moment(now);
        let is_next = |next: &Share| own.has_had(moment) < next.has_had(moment);
        if !self.next(now).is_none_or(is_next) {
            return false;
        }
        let other = self
            .shares
            .iter()
            .position(|other| !other.kept.is_empty() && self.has_had_enough(other, own, now));
        other.is_some_and(|other| self.shares[other].kept.pop_front().is_some())
    }

    /// A tenant's call has ended: its turn is kept for another one, or goes to whoever is next.
    pub fn end(&mut self, tenant: &Arc<Account>, now: Instant) {
        self.stop(tenant, now);
        let share = self.shares.iter().find(|share| share.is_of(tenant));
        let keep = share.zip(self.next(now)).is_some_and(|(own, next)| {
            own.waiting.is_empty() && !self.has_had_enough(own, next, now)
        });
        match keep {
            true => self.share(tenant).kept.push_back(now),
            false => self.release(now),
        }
        self.forget();
    }

    /// A tenant's turn goes to whoever is next.
    pub fn hand_on(&mut self, tenant: &Arc<Account>, now: Instant) {
        self.stop(tenant, now);
        self.release(now);
        self.forget();
    }

    /// One call less of a tenant runs.
    fn stop(&mut self, tenant: &Arc<Account>, now: Instant) {
        let moment = self.moment(now);
        let share = self.share(tenant);
        share.running -= 1;
        share.charged -= moment;
    }

    /// A turn that nobody has goes to whoever is next.
    fn release(&mut self, now: Instant) {
        match self.next(now).map(|share| share.tenant.clone()) {
            Some(next) => {
                self.begin(&next, now);
                if let Some(waiter) = self.share(&next).waiting.pop_front() {
                    waiter.give_turn(now);
                }
            }
            None => self.free += 1,
        }
    }

    /// Turns that were kept for too long go to whoever is next.
    pub fn reclaim(&mut self, now: Instant) {
        let is_old = |since: &mut Instant| now.saturating_duration_since(*since) >= KEPT;
        let mut old = 0;
        for share in &mut self.shares {
            while share.kept.pop_front_if(is_old).is_some() {
                old += 1;
            }
        }
        for _ in 0..old {
            self.release(now);
        }
        self.forget();
    }

    /// Tenants whose calls neither run nor wait have no share.
    pub fn forget(&mut self) {
        self.shares.retain(|share| {
            let active = share.running > 0 || !share.waiting.is_empty() || !share.kept.is_empty();
            if !active {
                share.tenant.had.store(share.had, Ordering::Relaxed);
            }
            active
        });
    }
}

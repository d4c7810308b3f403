//! Turns: which guests run now, so that no tenant's calls hold up another's.
//!
//! - A **turn** is what a call needs to run; there are as many as cores. A call holds one from its
//!   beginning to its end, except while a model works for it: a model cannot be interrupted.
//! - A **tenant** has had some time: what its calls held turns for, and what models worked for them.
//!   Who has had least is next. One that comes back after a pause is treated as one that has had
//!   about as much as the others, so that nobody saves time up.
//! - A turn is **kept** for a tenant's next call where another tenant waits that has had about as much:
//!   to hand it on after each short call would cost more than the calls. What is kept and not used soon
//!   is handed on by the clock.
//! - A guest is **preempted** at its next branch when somebody waits who has had less: the engine's
//!   epoch callback runs on the guest's own thread, hands its turn on and waits there for another.
//!   Whoever comes and has to wait advances the epoch, so a turn changes hands in microseconds; and
//!   all who wait do so in turn from then on, because a clock's thread alone may be kept from its
//!   core by the very guest that it is to interrupt.
//! - A core is **given away** by a guest that goes on, for a moment: a thread between two calls needs
//!   one too, and has no turn.
//!
//! **Invariants.** A turn is free only if nobody waits, and kept for a tick at most. Time in which a
//! call waits is not the call's: it puts off the deadlines of the call. A call that waits blocks its
//! thread, so tenants must not share worker threads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use wasmtime::Engine;

use crate::account::Account;

/// A tenant goes on until it has had so many nanoseconds more than who waits.
const GRANULARITY: u64 = 1_000_000;
/// For so long a turn is kept for a tenant's next call.
const KEPT: Duration = Duration::from_micros(300);
/// So often one of those who wait has the guests look whether they are to be preempted.
const TICK: Duration = Duration::from_micros(500);
/// A guest goes on for so long before another one of the same tenant has its turn.
const SLICE: Duration = Duration::from_millis(10);
/// How much less than the others one may have had who comes back.
const CREDIT: u64 = 10_000_000;
/// And how much more.
const DEBT: u64 = 100_000_000;

/// The turns of a host.
#[derive(Debug)]
pub(crate) struct Turns {
    schedule: Mutex<Schedule>,
    /// Runs the guests that are to be preempted.
    engine: OnceLock<Engine>,
}

#[derive(Debug)]
struct Schedule {
    /// Of all times below.
    start: Instant,
    free: usize,
    /// Of tenants with calls that run or wait.
    shares: Vec<Share>,
    /// The least that one of them has had.
    floor: u64,
}

#[derive(Debug)]
struct Share {
    tenant: Arc<Account>,
    /// Nanoseconds that were charged.
    had: u64,
    running: u64,
    /// The sum of the moments, in nanoseconds, up to which its running calls were charged.
    charged: u64,
    waiting: VecDeque<Arc<Waiter>>,
    /// Turns that are kept for its next calls, since when.
    kept: VecDeque<Instant>,
}

#[derive(Debug)]
struct Waiter {
    thread: Thread,
    has_turn: AtomicBool,
    /// When it got its turn.
    since: OnceLock<Instant>,
}

impl Waiter {
    fn of_this_thread() -> Arc<Self> {
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

/// Lets another thread have this one's core, if one is ready there. A thread between two calls has no turn
/// and yet needs a core; the kernel itself would let it wait for its own slice of 3 or 4 ms.
fn give_way() {
    thread::yield_now();
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Share {
    fn is_of(&self, tenant: &Arc<Account>) -> bool {
        Arc::ptr_eq(&self.tenant, tenant)
    }

    /// Nanoseconds that it has had, with those of its calls that run.
    fn has_had(&self, now: u64) -> u64 {
        let running = (self.running * now).saturating_sub(self.charged);
        self.had + running
    }
}

impl Schedule {
    fn moment(&self, instant: Instant) -> u64 {
        nanoseconds(instant.saturating_duration_since(self.start))
    }

    /// The share of a tenant, which may have had none so far.
    fn share(&mut self, tenant: &Arc<Account>) -> &mut Share {
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
    fn charge(&mut self, tenant: &Arc<Account>, time: Duration) {
        self.share(tenant).had += nanoseconds(time);
    }

    /// A tenant has had a turn from one moment to another.
    fn charge_turn(&mut self, tenant: &Arc<Account>, from: Instant, to: Instant) {
        let (from, to) = (self.moment(from), self.moment(to));
        let share = self.share(tenant);
        share.had += to.saturating_sub(from);
        share.charged += to.saturating_sub(from);
        let least = self.shares.iter().map(|share| share.has_had(to)).min();
        self.floor = self.floor.max(least.unwrap_or_default());
    }

    /// One more call of a tenant runs.
    fn begin(&mut self, tenant: &Arc<Account>, now: Instant) {
        let now = self.moment(now);
        let share = self.share(tenant);
        share.running += 1;
        share.charged += now;
    }

    /// The share of the tenant whose call is next, if one waits.
    fn next(&self, now: Instant) -> Option<&Share> {
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
    fn take_kept(&mut self, tenant: &Arc<Account>, now: Instant) -> bool {
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
    fn end(&mut self, tenant: &Arc<Account>, now: Instant) {
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
    fn hand_on(&mut self, tenant: &Arc<Account>, now: Instant) {
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
    fn reclaim(&mut self, now: Instant) {
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
    fn forget(&mut self) {
        self.shares.retain(|share| {
            let active = share.running > 0 || !share.waiting.is_empty() || !share.kept.is_empty();
            if !active {
                share.tenant.had.store(share.had, Ordering::Relaxed);
            }
            active
        });
    }
}

impl Turns {
    pub fn new(turns: usize) -> Self {
        Self {
            schedule: Mutex::new(Schedule {
                start: Instant::now(),
                free: turns.max(1),
                shares: Vec::new(),
                floor: 0,
            }),
            engine: OnceLock::new(),
        }
    }

    /// Guests run in this engine.
    pub fn preempt(&self, engine: &Engine) {
        self.engine.get_or_init(|| engine.clone());
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        let schedule = self.schedule.lock();
        let waiting = schedule.shares.iter().map(|share| share.waiting.len());
        waiting.sum()
    }

    /// To be called at each tick of the clock.
    pub fn reclaim(&self) {
        self.schedule.lock().reclaim(Instant::now());
    }

    /// Waits for a turn: since when there is one.
    fn take(&self, tenant: &Arc<Account>) -> Instant {
        let mut schedule = self.schedule.lock();
        let now = Instant::now();
        let is_free = schedule.free > 0;
        if is_free {
            schedule.free -= 1;
        }
        if is_free || schedule.take_kept(tenant, now) {
            schedule.begin(tenant, now);
            drop(schedule);
            if !is_free {
                give_way();
            }
            return now;
        }
        let waiter = Waiter::of_this_thread();
        schedule.share(tenant).waiting.push_back(waiter.clone());
        self.wait(schedule, &waiter)
    }

    /// Until it has its turn: since when.
    fn wait(&self, schedule: MutexGuard<'_, Schedule>, waiter: &Waiter) -> Instant {
        drop(schedule);
        while !waiter.has_turn.load(Ordering::Acquire) {
            thread::park_timeout(self.tick());
        }
        *waiter.since.get_or_init(Instant::now)
    }

    /// Has all guests look whether they are to hand their turns on. Answers when who called, and waits
    /// for a turn, is to do so again.
    fn tick(&self) -> Duration {
        if let Some(engine) = self.engine.get() {
            engine.increment_epoch();
        }
        TICK.saturating_mul(u32::try_from(self.waiting()).unwrap_or(u32::MAX))
    }
}

/// The turn of a call, until it is dropped.
pub(crate) struct Turn {
    account: Arc<Account>,
    /// When the call got it.
    begun: Instant,
    /// Time before has been charged.
    charged: Instant,
    held: bool,
}

impl Turn {
    /// Waits for a turn for a call of this function.
    pub fn begin(account: &Arc<Account>) -> Self {
        let mut turn = Self {
            account: account.clone(),
            begun: Instant::now(),
            charged: Instant::now(),
            held: false,
        };
        turn.take();
        turn
    }

    /// To be asked now and then by who has it: gives it to whoever is next, and waits for another one.
    /// Answers how long that took.
    pub fn tick(&mut self) -> Duration {
        let now = Instant::now();
        let time = now.saturating_duration_since(self.charged);
        let must_wait = self.account.spend(time, now);
        let tenant = self.account.payer();
        let turns = &self.account.room().turns;
        let mut schedule = turns.schedule.lock();
        schedule.charge_turn(tenant, self.charged, now);
        self.charged = now;
        if !must_wait.is_zero() {
            schedule.hand_on(tenant, now);
            self.held = false;
            drop(schedule);
            self.take();
            return now.elapsed();
        }
        let moment = schedule.moment(now);
        let own = schedule.share(tenant).has_had(moment);
        let Some(next) = schedule.next(now) else {
            return Duration::ZERO;
        };
        let is_own = next.is_of(tenant);
        let is_over = match is_own {
            true => now.saturating_duration_since(self.begun) >= SLICE,
            false => own >= next.has_had(moment) + GRANULARITY,
        };
        if !is_over {
            drop(schedule);
            give_way();
            return now.elapsed();
        }
        let waiter = Waiter::of_this_thread();
        let waiting = &mut schedule.share(tenant).waiting;
        match is_own {
            true => waiting.push_back(waiter.clone()),
            false => waiting.push_front(waiter.clone()),
        }
        schedule.hand_on(tenant, now);
        self.begun = turns.wait(schedule, &waiter);
        self.charged = self.begun;
        now.elapsed()
    }

    /// Lets others run while the call does something that cannot be interrupted.
    pub fn pause(&mut self) {
        self.give_back(Schedule::hand_on);
    }

    /// Ends the turn before work that cannot be interrupted. The tenant is charged with the time that it
    /// answers.
    pub fn end_with(mut self, work: impl FnOnce() -> Duration) {
        self.pause();
        let time = work();
        self.account.spend(time, Instant::now());
        let mut schedule = self.account.room().turns.schedule.lock();
        schedule.charge(self.account.payer(), time);
        schedule.forget();
    }

    /// Waits for a turn after a pause, some of which was work for the call. Answers how long it waits.
    pub fn go_on(&mut self, work: Duration) -> Duration {
        let now = Instant::now();
        let tenant = self.account.payer();
        self.account
            .room()
            .turns
            .schedule
            .lock()
            .charge(tenant, work);
        self.take();
        now.elapsed()
    }

    fn take(&mut self) {
        let must_wait = self.account.spend(Duration::ZERO, Instant::now());
        if !must_wait.is_zero() {
            thread::sleep(must_wait);
        }
        self.begun = self.account.room().turns.take(self.account.payer());
        self.held = true;
        self.charged = self.begun;
    }

    fn give_back(&mut self, how: impl FnOnce(&mut Schedule, &Arc<Account>, Instant)) {
        let now = Instant::now();
        let time = now.saturating_duration_since(self.charged);
        self.account.spend(time, now);
        let tenant = self.account.payer();
        let mut schedule = self.account.room().turns.schedule.lock();
        schedule.charge_turn(tenant, self.charged, now);
        how(&mut schedule, tenant, now);
        self.held = false;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.held {
            self.give_back(Schedule::end);
        }
    }
}

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

mod schedule;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use wasmtime::Engine;

use crate::account::Account;

use schedule::{GRANULARITY, Schedule, Waiter};

/// So often one of those who wait has the guests look whether they are to be preempted.
const TICK: Duration = Duration::from_micros(500);
/// A guest goes on for so long before another one of the same tenant has its turn.
const SLICE: Duration = Duration::from_millis(10);

/// The turns of a host.
#[derive(Debug)]
pub(crate) struct Turns {
    schedule: Mutex<Schedule>,
    /// Runs the guests that are to be preempted.
    engine: OnceLock<Engine>,
}

/// Lets another thread have this one's core, if one is ready there. A thread between two calls has no turn
/// and yet needs a core; the kernel itself would let it wait for its own slice of 3 or 4 ms.
fn give_way() {
    thread::yield_now();
}

impl Turns {
    pub fn new(turns: usize) -> Self {
        Self {
            schedule: Mutex::new(Schedule::new(turns)),
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

//! The clock of epoch interruption: a thread that ticks while calls run, and sleeps otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

use crate::account::Account;
use crate::limits::Limits;

/// A tick while calls wait for a turn.
const SHORT_TICK: Duration = Duration::from_micros(500);

/// Ticks without a call after which the thread sleeps until the next one.
const IDLE_TICKS: u32 = 20;

#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    running_calls: AtomicUsize,
    asleep: AtomicBool,
    stop: AtomicBool,
}

impl Ticker {
    pub fn start(engine: &Engine, host: Arc<Account>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let engine = engine.weak();
        let thread = thread::Builder::new()
            .name("wasmill-ticker".to_owned())
            .spawn({
                let shared = shared.clone();
                move || {
                    go_first();
                    let mut idle_ticks = 0;
                    while !shared.stop.load(Ordering::SeqCst) {
                        thread::sleep(match host.room().turns.waiting() {
                            0 => Limits::TICK,
                            _ => SHORT_TICK,
                        });
                        match engine.upgrade() {
                            Some(engine) => engine.increment_epoch(),
                            None => return,
                        }
                        host.room().turns.reclaim();
                        if shared.running_calls.load(Ordering::SeqCst) > 0 {
                            idle_ticks = 0;
                            continue;
                        }
                        idle_ticks += 1;
                        if idle_ticks >= IDLE_TICKS {
                            shared.sleep();
                        }
                    }
                }
            })?;
        Ok(Self { shared, thread })
    }

    /// The clock ticks at least until the guard is dropped.
    pub fn run(&self) -> RunningCall<'_> {
        self.shared.running_calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.thread.thread().unpark();
        }
        RunningCall(&self.shared)
    }
}

impl Shared {
    /// A call announces itself before it looks at `asleep`, and this thread announces its sleep
    /// before it looks for calls: one of both always sees the other.
    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while self.running_calls.load(Ordering::SeqCst) == 0 && !self.stop.load(Ordering::SeqCst) {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.thread.thread().unpark();
    }
}

/// Asks the kernel to run this thread as soon as it wakes. Without it the clock of a busy machine ticks
/// only when a guest's own slice is over (3 ms), and that guest runs as much longer than its turn.
///
/// A thread that says that it needs the processor for a short time goes before those that say nothing:
/// see `sched_runtime` of `SCHED_OTHER`, Linux 6.12. Older kernels do not mind.
#[cfg(target_os = "linux")]
fn go_first() {
    const SLICE: Duration = Duration::from_micros(100);
    const THIS_THREAD: libc::pid_t = 0;
    const NO_FLAGS: libc::c_uint = 0;
    let size = size_of::<libc::sched_attr>();
    let mut attributes = std::mem::MaybeUninit::<libc::sched_attr>::zeroed();
    // SAFETY: the kernel writes `size` bytes at most, and reads as many; all bits are valid numbers.
    let refused = unsafe {
        libc::syscall(
            libc::SYS_sched_getattr,
            THIS_THREAD,
            attributes.as_mut_ptr(),
            size,
            NO_FLAGS,
        ) != 0
            || {
                (*attributes.as_mut_ptr()).sched_runtime = SLICE.as_nanos() as u64;
                libc::syscall(
                    libc::SYS_sched_setattr,
                    THIS_THREAD,
                    attributes.as_ptr(),
                    NO_FLAGS,
                ) != 0
            }
    };
    if refused {
        tracing::debug!(
            "the clock goes as any other thread: {}",
            std::io::Error::last_os_error()
        );
    }
}

#[cfg(not(target_os = "linux"))]
fn go_first() {}

pub(crate) struct RunningCall<'a>(&'a Shared);

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        self.0.running_calls.fetch_sub(1, Ordering::SeqCst);
    }
}

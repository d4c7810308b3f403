//! Guests that are gone and had much memory are dropped by a thread of their own, at low priority.
//!
//! The kernel takes a guest's memory back in one piece: for 256 MiB it needs 10 ms, in which no turn
//! can be handed on. So the call hands its own on before, and waits until the memory is free. The
//! thread goes on when nobody else wants its core; what it needs is charged to the guest's tenant.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use crate::instance::Instance;
use crate::turns::Turn;

/// Guests of at least so many bytes; it takes a third of a millisecond to drop them.
const LARGE: usize = 8 << 20;

/// See the module. The thread ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Retirement(Sender<Retired>);

struct Retired {
    instance: Instance,
    /// Told how long the processor had to do with it.
    dropped: SyncSender<Duration>,
}

impl Retirement {
    pub fn start() -> io::Result<Self> {
        let (sender, retired) = mpsc::channel();
        thread::Builder::new()
            .name("wasmill-retire".to_owned())
            .spawn(move || drop_all(&retired))?;
        Ok(Self(sender))
    }

    /// Drops a guest in the call's turn, or behind it.
    pub fn retire(&self, instance: Instance, turn: Option<Turn>) {
        match turn {
            Some(turn) if instance.state().memory.used() >= LARGE => {
                turn.end_with(|| self.drop_elsewhere(instance));
            }
            // In the turn, which is dropped last.
            _ => drop(instance),
        }
    }

    fn drop_elsewhere(&self, instance: Instance) -> Duration {
        let (sender, dropped) = mpsc::sync_channel(1);
        let retired = Retired {
            instance,
            dropped: sender,
        };
        // A thread that is gone gives the guest back, and this one drops it.
        if self.0.send(retired).is_err() {
            return Duration::ZERO;
        }
        dropped.recv().unwrap_or_default()
    }
}

fn drop_all(retired: &Receiver<Retired>) {
    step_back();
    for Retired { instance, dropped } in retired {
        let begun = processor_time();
        drop(instance);
        let time = processor_time().saturating_sub(begun);
        // Whoever waits for it is there.
        dropped.send(time).ok();
    }
}

/// Gives this thread a tenth of a core that others want, and all of one that nobody wants.
#[cfg(target_os = "linux")]
fn step_back() {
    const THIS_THREAD: libc::id_t = 0;
    const NICE: libc::c_int = 10;
    // SAFETY: there are no pointers in it.
    let refused = unsafe { libc::setpriority(libc::PRIO_PROCESS, THIS_THREAD, NICE) != 0 };
    if refused {
        let error = io::Error::last_os_error();
        tracing::debug!("guests are dropped at the priority of others: {error}");
    }
}

/// Elsewhere a thread has no priority of its own to set.
#[cfg(not(target_os = "linux"))]
fn step_back() {}

/// What this thread has had.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one `timespec`.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}

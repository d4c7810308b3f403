//! `wasi:clocks`: the machine's clocks where they are granted. Else both stand at 0 and go on only by
//! the time that the guest sleeps, which then does not pass: so what a function does depends on what it
//! is given alone.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower, Resource};

use super::instance;
use super::io::Pollable;
use crate::state::{Refusal, State};

type Cx<'a> = StoreContextMut<'a, State>;

/// `datetime` of `wasi:clocks/wall-clock`.
#[derive(ComponentType, Lower, Clone, Copy, Debug)]
#[component(record)]
pub(super) struct Datetime {
    pub seconds: u64,
    pub nanoseconds: u32,
}

impl From<Duration> for Datetime {
    fn from(since_epoch: Duration) -> Self {
        Self {
            seconds: since_epoch.as_secs(),
            nanoseconds: since_epoch.subsec_nanos(),
        }
    }
}

/// The clocks of one instance.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Nanoseconds that the guest has slept, where it has no clock.
    slept: u64,
    /// When the guest first looked at the machine's clock.
    started: Option<Instant>,
}

impl State {
    /// Nanoseconds of the guest's monotonic clock.
    pub(super) fn monotonic(&mut self) -> u64 {
        if !self.surroundings.grants.clock {
            return self.wasi.clock.slept;
        }
        let started = self.wasi.clock.started.get_or_insert_with(Instant::now);
        u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether time passes by itself.
    pub(super) fn has_clock(&self) -> bool {
        self.surroundings.grants.clock
    }

    /// A guest without a clock has slept until then.
    pub(super) fn sleep_until(&mut self, when: u64) {
        let clock = &mut self.wasi.clock;
        clock.slept = clock.slept.max(when);
    }

    fn wall(&mut self) -> Datetime {
        if self.has_clock() {
            return SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .into();
        }
        Duration::from_nanos(self.wasi.clock.slept).into()
    }

    fn timer(&mut self, when: u64) -> Result<Resource<Pollable>, Refusal> {
        self.push(Pollable::Timer(when))
    }
}

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut monotonic = instance(linker, "wasi:clocks/monotonic-clock")?;
    monotonic.func_wrap("now", |mut cx: Cx, ()| Ok((cx.data_mut().monotonic(),)))?;
    monotonic.func_wrap("resolution", |_: Cx, ()| Ok((1_u64,)))?;
    monotonic.func_wrap("subscribe-instant", |mut cx: Cx, (when,): (u64,)| {
        Ok((cx.data_mut().timer(when)?,))
    })?;
    monotonic.func_wrap("subscribe-duration", |mut cx: Cx, (duration,): (u64,)| {
        let state = cx.data_mut();
        let when = state.monotonic().saturating_add(duration);
        Ok((state.timer(when)?,))
    })?;

    let mut wall = instance(linker, "wasi:clocks/wall-clock")?;
    wall.func_wrap("now", |mut cx: Cx, ()| Ok((cx.data_mut().wall(),)))?;
    wall.func_wrap("resolution", |_: Cx, ()| {
        Ok((Datetime::from(Duration::from_nanos(1)),))
    })
}

//! What a `#[process]` function may use beside the state of its key.

use std::cell::OnceCell;

use crate::pending::{Pending, Said};
use crate::side_output::Sides;
use crate::store::Moment;
use crate::{SideOutput, SideRows, TableRow};

/// A row, or a timer whose time has come: its time, timers of its key, side outputs, and what was made
/// of the broadcast table, a `B`. What is done by it counts when the call gives no error.
pub struct Call<'a, B = ()> {
    moment: &'a dyn Moment,
    // Asked for once a call.
    times: OnceCell<Vec<i64>>,
    watermark: OnceCell<Option<i64>>,
    now: OnceCell<i64>,
    broadcast: &'a B,
    pub(crate) pending: Pending,
    pub(crate) sides: Sides<'a>,
    pub(crate) row: u32,
    pub(crate) key: u32,
    /// What the function does that it said it would not.
    pub(crate) failed: Option<String>,
}

impl<'a, B> Call<'a, B> {
    pub(crate) fn new(moment: &'a dyn Moment, broadcast: &'a B, sides: &'a [SideRows]) -> Self {
        Self {
            moment,
            times: OnceCell::new(),
            watermark: OnceCell::new(),
            now: OnceCell::new(),
            broadcast,
            pending: Pending::default(),
            sides: Sides::new(sides),
            row: 0,
            key: 0,
            failed: None,
        }
    }

    /// A call of one row, for tests of the function's methods.
    pub fn of(moment: &'a At, broadcast: &'a B) -> Self {
        Self::new(moment, broadcast, &moment.side_outputs)
    }

    /// The time of the row or of the timer, in milliseconds since 1970; none where the job gives none.
    #[inline]
    pub fn time(&self) -> Option<i64> {
        let times = self.times.get_or_init(|| self.read_times());
        times.get(self.row as usize).copied()
    }

    #[cold]
    fn read_times(&self) -> Vec<i64> {
        let times = self.moment.times().ok().flatten();
        times.unwrap_or_default()
    }

    /// All rows up to this time have come, in milliseconds since 1970; none before the first ones.
    /// [`i64::MAX`] once all rows of a table with an end have come.
    pub fn watermark(&self) -> Option<i64> {
        *self.watermark.get_or_init(|| self.moment.watermark())
    }

    /// The machine's clock as the call began, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        *self.now.get_or_init(|| self.moment.now())
    }

    /// Has the key's timer of this name fire once the watermark has come to `at`, in milliseconds since
    /// 1970. A key has one timer of a name: it replaces the one before.
    #[inline]
    pub fn set_timer(&mut self, name: &str, at: i64) {
        self.pending.say(name, self.key, Said::Event(at));
    }

    /// The same, by the machine's clock.
    #[inline]
    pub fn set_processing_timer(&mut self, name: &str, at: i64) {
        self.pending.say(name, self.key, Said::Processing(at));
    }

    /// Has the key's timer of this name not fire.
    #[inline]
    pub fn clear_timer(&mut self, name: &str) {
        self.pending.say(name, self.key, Said::Clear);
    }

    /// For when this call has set a timer of the key.
    pub fn timer(&self, name: &str) -> Option<i64> {
        match self.pending.said(name, self.key)? {
            Said::Event(at) | Said::Processing(at) => Some(at),
            Said::Clear => None,
        }
    }

    /// Gives a row of a side output, which the attribute's `side_outputs(…)` names.
    #[inline]
    pub fn give<R: TableRow<Builders: 'static>>(&mut self, output: &SideOutput<R>, row: R) {
        if let Err(message) = self.sides.give(output, self.row, row) {
            self.failed = Some(message);
        }
    }

    /// What the rows of the broadcast table are: of all that have come, what `broadcast` makes of each.
    #[inline]
    pub fn broadcast(&self) -> &'a B {
        self.broadcast
    }
}

/// When a [`Call`] of a test is.
///
/// ```
/// use wasmill_sdk::{At, Call};
///
/// let at = At::time(5);
/// let mut call = Call::of(&at, &());
/// call.set_timer("end", call.time().unwrap_or_default() + 10);
/// assert_eq!(call.timer("end"), Some(15));
/// ```
#[derive(Clone, Debug, Default)]
pub struct At {
    pub time: Option<i64>,
    pub watermark: Option<i64>,
    pub now: i64,
    /// Those that the function may give rows of.
    pub side_outputs: Vec<SideRows>,
}

impl At {
    /// A row of this time.
    pub fn time(time: i64) -> Self {
        Self {
            time: Some(time),
            ..Self::default()
        }
    }
}

impl Moment for At {
    fn times(&self) -> Result<Option<Vec<i64>>, crate::Error> {
        Ok(self.time.map(|time| vec![time]))
    }

    fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    fn now(&self) -> i64 {
        self.now
    }
}

//! The groups of an aggregate function live in a guest, call after call: which one, and who shares it.

mod accumulators;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use arrow::datatypes::Fields;
use parking_lot::Mutex;
use wasmtime::component::ResourceAny;

use crate::contract::Schema;
use crate::error::PluginError;
use crate::function::Function;
use crate::instance::Instance;
use crate::signature::state_columns;

/// Groups that share a guest with others are at most so many: each is a handle of the guest's.
const MOST_TOGETHER: usize = 1_000;
/// A guest whose groups have taken more memory than this is not kept for others.
const KEPT_MEMORY: usize = 16 << 20;

/// What an aggregate function says of itself beyond what all functions do.
pub(crate) struct Aggregate {
    state: Fields,
    retracts: bool,
    /// Guests in which some live together.
    shared: Mutex<Vec<Weak<Seat>>>,
}

impl Aggregate {
    pub fn new(state: &Schema, retracts: bool) -> Result<Self, String> {
        Ok(Self {
            state: state_columns(state)?,
            retracts,
            shared: Mutex::default(),
        })
    }
}

/// A guest in which groups live. None is left of it when a call has ended it.
struct Seat {
    instance: Mutex<Option<Instance>>,
    /// Of how many [`Accumulators`].
    live: AtomicUsize,
}

impl Seat {
    fn new(instance: Instance) -> Arc<Self> {
        Arc::new(Self {
            instance: Mutex::new(Some(instance)),
            live: AtomicUsize::new(0),
        })
    }
}

/// Groups of an aggregate function, numbered from 0, none at first. Their guest keeps them; an error of
/// [`PluginError::Trap`]'s kind, or a limit that is run over, ends it, and every later call fails.
pub struct Accumulators {
    function: Arc<Function>,
    seat: Arc<Seat>,
    accumulators: ResourceAny,
    /// How many groups the guest has.
    count: u32,
}

impl Function {
    /// The columns of a group's state; none if it is no aggregate function.
    pub fn state(&self) -> &Fields {
        static NONE: std::sync::LazyLock<Fields> = std::sync::LazyLock::new(Fields::empty);
        self.aggregate
            .as_ref()
            .map_or(&NONE, |aggregate| &aggregate.state)
    }

    /// Whether [`Accumulators::retract`] works.
    pub fn retracts(&self) -> bool {
        self.aggregate
            .as_ref()
            .is_some_and(|aggregate| aggregate.retracts)
    }

    /// No groups yet, in a guest of their own. An error if it is no aggregate function.
    pub fn accumulators(self: &Arc<Self>) -> Result<Accumulators, PluginError> {
        let instance = match self.idle.pop() {
            Some(instance) => instance,
            None => self.start()?,
        };
        Accumulators::open(self, Seat::new(instance))
    }

    /// The same in a guest that they share with others: where there are many of them, each with few
    /// groups. Calls of those that share one wait for each other.
    pub fn shared_accumulators(self: &Arc<Self>) -> Result<Accumulators, PluginError> {
        let Some(aggregate) = &self.aggregate else {
            return self.accumulators();
        };
        // A call needs some for its batch.
        let most = MOST_TOGETHER.min(self.limits().handles / 2);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut shared = aggregate.shared.lock();
        shared.retain(|seat| seat.strong_count() > 0);
        let seats = shared.iter().filter_map(Weak::upgrade);
        let live = |seat: &Arc<Seat>| seat.live.load(Ordering::Relaxed);
        let least = seats.min_by_key(live);
        if let Some(seat) = least
            && live(&seat) < most
            && (live(&seat) == 0 || shared.len() >= cores)
            && let Some(opened) = Accumulators::join(self, seat)?
        {
            return Ok(opened);
        }
        let instance = match self.idle.pop() {
            Some(instance) => instance,
            None => self.start()?,
        };
        let seat = Seat::new(instance);
        shared.push(Arc::downgrade(&seat));
        Accumulators::open(self, seat)
    }
}

/// One call of a guest; one that it does not survive is its last.
fn call<T>(
    function: &Function,
    place: &mut Option<Instance>,
    run: impl FnOnce(&mut Instance) -> Result<T, PluginError>,
) -> Result<T, PluginError> {
    let Some(instance) = place else {
        return Err(gone(function));
    };
    let given = run(instance);
    let turn = instance.end_turn();
    let lives = given.as_ref().err().is_none_or(PluginError::leaves_guest);
    if !lives && let Some(instance) = place.take() {
        function.ended(instance, turn);
    }
    given
}

fn gone(function: &Function) -> PluginError {
    PluginError::Failed {
        function: function.label().to_owned(),
        message: "an earlier call has ended the guest that had these groups".to_owned(),
        log: Vec::new(),
    }
}

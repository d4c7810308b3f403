//! Write wasmill functions in Rust.
//!
//! A plain function with an attribute is a whole plugin:
//!
//! ```
//! use wasmill_sdk::scalar;
//!
//! /// The greatest common divisor; NULL where both are 0.
//! #[scalar]
//! fn gcd(a: i32, b: i32) -> Option<i32> {
//!     let (mut a, mut b) = (a, b);
//!     while b != 0 {
//!         (a, b) = (b, a.wrapping_rem(b));
//!     }
//!     (a != 0).then(|| a.wrapping_abs())
//! }
//! ```
//!
//! So is a function that gives any number of rows for one:
//!
//! ```
//! use wasmill_sdk::table;
//!
//! /// The words of a text, each with its place.
//! #[table(columns(word, place))]
//! fn words(text: &str) -> impl Iterator<Item = (&str, i64)> {
//!     text.split_whitespace().zip(1..)
//! }
//!
//! /// The whole numbers from one to another.
//! #[table]
//! fn numbers(from: i64, to: i64) -> Result<std::ops::RangeInclusive<i64>, String> {
//!     match from <= to {
//!         true => Ok(from..=to),
//!         false => Err(format!("{from} is above {to}")),
//!     }
//! }
//!
//! assert_eq!(words("a bc").collect::<Vec<_>>(), [("a", 1), ("bc", 2)]);
//! ```
//!
//! A type that is one group, with what adds a row to it, is an aggregate function:
//!
//! ```
//! use wasmill_sdk::aggregate;
//!
//! #[derive(Default)]
//! struct Mean {
//!     sum: f64,
//!     count: i64,
//! }
//!
//! /// The sum of the values by their count; NULL of none.
//! #[aggregate]
//! impl Mean {
//!     fn update(&mut self, value: f64) {
//!         self.sum += value;
//!         self.count += 1;
//!     }
//!
//!     fn state(&self) -> (f64, i64) {
//!         (self.sum, self.count)
//!     }
//!
//!     fn merge(&mut self, sum: f64, count: i64) {
//!         self.sum += sum;
//!         self.count += count;
//!     }
//!
//!     fn evaluate(&self) -> Option<f64> {
//!         (self.count > 0).then(|| self.sum / self.count as f64)
//!     }
//! }
//! ```
//!
//! A type that is what is kept of a key, with what is done for each of its rows and timers, is a process
//! function:
//!
//! ```
//! use wasmill_sdk::{At, Call, State, process};
//!
//! #[derive(Default, State)]
//! struct Visits {
//!     count: i64,
//! }
//!
//! /// How many visits there were, when nobody has come for ten minutes.
//! #[process(columns(visits))]
//! impl Visits {
//!     fn eval(&mut self, call: &mut Call) {
//!         self.count += 1;
//!         call.set_timer("idle", call.time().unwrap_or_default() + 600_000);
//!     }
//!
//!     fn on_timer(&mut self) -> Option<i64> {
//!         Some(std::mem::take(&mut self.count))
//!     }
//! }
//!
//! let at = At::time(5);
//! let mut call = Call::of(&at, &());
//! let mut visits = Visits::default();
//! visits.eval(&mut call);
//! assert_eq!(call.timer("idle"), Some(600_005));
//! assert_eq!(visits.on_timer(), Some(1));
//! ```
//!
//! - An argument may be a `bool`, an integer, a float, `&str` or [`String`], `&[u8]` or `Vec<u8>`,
//!   [`Timestamp`], [`Date`], `&[T]` of numbers or `Vec<T>` of any of these.
//! - NULL is [`Option`]: an argument without it is never NULL, because a row with a NULL there
//!   gives NULL without a call, as SQL's own functions do; an aggregate skips it.
//! - A function that returns a [`Result`] fails rows one by one: the job's `on-error` decides what
//!   becomes of them.
//! - A function that is opened with parameters, or uses a model, implements [`ScalarFunction`], and
//!   [`plugin!`] registers it.
//!   A table function by hand implements [`TableFunction`], an aggregate [`AggregateFunction`], a process
//!   function [`ProcessFunction`].
//! - A plugin offers every `#[scalar]`, `#[table]`, `#[aggregate]` and `#[process]` function of its own
//!   crate. The linker may leave out those of a library that it depends on: wrap such a function in one
//!   of the plugin's.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
extern crate self as wasmill_sdk;

mod aggregate;
#[cfg(any(
    test,
    all(
        feature = "allocator",
        target_family = "wasm",
        not(target_feature = "atomics")
    )
))]
mod allocator;
mod bindings;
mod bitmap;
mod builders;
mod bytes_builder;
mod call;
mod context;
mod error;
mod expansion;
mod exports;
mod function;
mod groups;
mod inference;
mod kept;
mod pending;
mod process;
mod read;
mod result;
mod row;
mod row_by_row;
mod side_output;
mod signature;
mod slot;
mod store;
mod table;
mod typed;
mod types;

pub use aggregate::{Accumulators, AggregateFunction};
pub use bindings::exports::wasmill::udf::process::Output as OutputRows;
pub use bindings::exports::wasmill::udf::table::Expansion;
pub use bindings::wasmill::udf::columns::{Array, Batch, Column, TimeUnit, Values};
pub use bindings::wasmill::udf::inference::{InferenceError, Model};
pub use bindings::wasmill::udf::log::Level;
pub use bindings::wasmill::udf::state::{Clock, Keyed};
pub use bindings::wasmill::udf::types::{Error, RowError, Value};
pub use bitmap::Bitmap;
pub use call::{At, Call};
pub use context::OpenContext;
pub use expansion::TableRow;
pub use function::ScalarFunction;
pub use kept::{Kept, List, Map, State, StateValue};
pub use process::{ProcessFunction, Timers};
pub use read::{Booleans, Bytes, Lists, Number, Numbers, Read};
pub use result::{Built, ListItem, Output, ResultValue};
pub use row::Row;
pub use side_output::SideOutput;
pub use signature::{Arguments, Parameter, Signature};
pub use slot::{SideRows, Slot, SlotKind};
pub use table::TableFunction;
pub use typed::{Argument, ArgumentList};
pub use types::{DataType, Date, Field, Timestamp};
pub use wasmill_sdk_macros::{State, aggregate, process, scalar, table};

/// The function's own metrics, in the host's registry.
pub mod metrics {
    pub use crate::bindings::wasmill::udf::metrics::{counter, gauge, histogram};
}

/// Writes a line to the host's log, with the function's name beside it.
pub fn log(level: Level, message: &str) {
    bindings::wasmill::udf::log::log(level, message);
}

/// What the macros expand to; not for use by hand.
#[doc(hidden)]
pub mod private {
    pub use crate::call::Call;
    pub use crate::expansion::{Always, Gave, OrError, columns, expand};
    pub use crate::exports::Entry;
    pub use crate::groups::{Added, Group, Groups, fold, state_fields, states, value_type, values};
    pub use crate::kept::Place;
    pub use crate::row_by_row::{Function, Process, RowByRow};
    pub use crate::side_output::{Gathered, Given};
    pub use crate::store::Store;
    pub use crate::typed::{evaluate, evaluate_row};
    pub use inventory::submit;
}

/// Registers functions by their types, which implement [`ScalarFunction`], [`TableFunction`],
/// [`AggregateFunction`] or [`ProcessFunction`] by hand: the plugin offers them beside its
/// [`#[scalar]`](macro@scalar), [`#[table]`](macro@table), [`#[aggregate]`](macro@aggregate) and
/// [`#[process]`](macro@process) ones, which register themselves. The host refuses a plugin with two
/// functions of one name.
#[macro_export]
macro_rules! plugin {
    ($($function:ty),+ $(,)?) => {
        $($crate::private::submit! { $crate::private::Entry::of::<$function, _>() })+
    };
}

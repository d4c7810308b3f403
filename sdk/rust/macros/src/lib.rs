//! Attribute macros of wasmill-sdk.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod aggregate;
mod function;
mod methods;
mod options;
mod process;
mod scalar;
mod state;
mod table;

use proc_macro::TokenStream;

/// Makes a wasmill function of a plain one, which the plugin offers from then on:
/// `use wasmill_sdk::scalar;`.
///
/// The function keeps working as it is; beside it comes a type of the same name that implements
/// `wasmill_sdk::ScalarFunction`. Its SQL name, its arguments' names and its description (the doc
/// comment) are those of the function, unless said otherwise:
/// `#[scalar(name = "…", description = "…", volatile)]`. `volatile` says that the same arguments
/// may give another result.
#[proc_macro_attribute]
pub fn scalar(attribute: TokenStream, item: TokenStream) -> TokenStream {
    scalar::expand(attribute.into(), item.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}

/// Makes a wasmill table function of a plain one that returns rows, which the plugin offers from then
/// on: `use wasmill_sdk::table;`.
///
/// It returns a `Vec`, an iterator or anything else that becomes one, of values or of tuples of values;
/// or a `Result` of one, whose error fails the row. Each value of a tuple is a column: called as
/// `#[table(columns(word, length))]` says, else `f0`, `f1`, …; a single column is called like the
/// function. All else is as in [`macro@scalar`]: a row with NULL for an argument that is no `Option` has
/// no rows.
#[proc_macro_attribute]
pub fn table(attribute: TokenStream, item: TokenStream) -> TokenStream {
    table::expand(attribute.into(), item.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}

/// Makes a wasmill aggregate function of a type that is one group, which the plugin offers from then on:
/// `use wasmill_sdk::aggregate;`.
///
/// The type implements `Default`, an empty group, and has these methods: `update(&mut self, …)` adds a
/// row, `state(&self)` gives what is known of the group as a value or a tuple of values,
/// `merge(&mut self, …)` adds such a state of another group, `evaluate(&self)` gives the group's value.
/// `retract(&mut self, …)`, which takes a row back, may be there. The columns of the state are called as
/// the arguments of `merge`. A method that adds may return a `Result<(), E>`, whose error fails the query;
/// a row with NULL for an argument that is no `Option` is skipped. The SQL name is the type's in snake case.
#[proc_macro_attribute]
pub fn aggregate(attribute: TokenStream, item: TokenStream) -> TokenStream {
    aggregate::expand(attribute.into(), item.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}

/// Makes a wasmill process function of a type that is what is kept of a key, a
/// `#[derive(Default, State)]`, which the plugin offers from then on: `use wasmill_sdk::process;`.
///
/// The type has `eval(&mut self, …)`, which gets each row, in the order in which they came, and gives
/// rows as a `#[table]` function does. Before the arguments, which are columns by their names, it may
/// take a `&mut Call`: the row's time, timers, side outputs. `on_timer(&mut self, …)` may be there, which
/// gets each timer whose time has come: the `&mut Call`, and the timer's name as a `&str`, or neither. A
/// method that gives an `Err` fails its row or timer; of the call nothing counts then.
///
/// `broadcast(…)`, without `self`, may be there: the table of those columns is broadcast, and what it
/// makes of each row is gathered in the `B` of `&mut Call<B>`, such as a `Vec` or a `HashMap`, whenever
/// there are other rows.
///
/// The result's columns are called as `#[process(columns(event, at))]` says, as with `#[table]`;
/// `side_outputs(LATE)` names the statics that are side outputs. All else is as in [`macro@aggregate`].
#[proc_macro_attribute]
pub fn process(attribute: TokenStream, item: TokenStream) -> TokenStream {
    process::expand(attribute.into(), item.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}

/// Makes a struct what is kept of a key: `use wasmill_sdk::State;`, where it is explained.
#[proc_macro_derive(State, attributes(state))]
pub fn state(item: TokenStream) -> TokenStream {
    state::expand(item.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}

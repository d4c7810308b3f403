//! Functions with a defect, for the tests of what their author is shown.
//!
//! It is built twice: `buggy-debug.wasm` has debug information.

use wasmill_sdk::{Level, log, scalar};

/// A word of a text, by its place from 0. There may be no such word: then it panics.
#[scalar]
fn word(text: &str, place: i64) -> String {
    log(Level::Info, &format!("looking for word {place}"));
    nth(text, place).to_owned()
}

#[inline(never)]
fn nth(text: &str, place: i64) -> &str {
    text.split(' ').nth(place as usize).unwrap()
}

//! What `plugins/hostile/state-abuse` tries, and what comes of it.

use expect_test::expect;

use super::{keyed, open};

#[test]
pub fn is_stopped() {
    let attacks = [
        "read of another slot",
        "write of another slot",
        "read of a slot far out of range",
        "write of another key",
        "write of a key far out of range",
        "append to another key",
        "put to another key",
        "lookup of another key",
        "a timer of another key",
        "no timer of another key",
        "a value of another type",
        "a value for a list",
        "a list for a value",
        "an item of another type",
        "a list of another type",
        "an entry of another type",
        "an entry's value of another type",
        "a lookup of another type",
        "fewer values than keys",
        "more values than keys",
        "fewer items than keys",
        "fewer entries than keys",
        "fewer entries' values than keys",
        "fewer lookups than keys",
        "fewer times than keys",
        "more times than keys",
        "an entry whose key is null",
        "a map whose key is null",
        "a map that has a key twice",
        "a map that is not in order",
        "a lookup of null",
        "a null item",
        "a key twice",
        "a timer twice",
        "timers at the ends of time",
        "a timer without a name",
        "a timer for a terminal",
        "a timer of a long name",
        "lookup in a value",
        "lookup in a list",
        "append to a value",
        "append to a map",
        "put in a value",
        "put in a list",
        "a broadcast table that is not there",
        "the state of another call",
        "the state dropped twice",
        "an error behind a write",
    ];
    let told = attacks.map(|attack| keyed::attacked("state-abuse", attack));
    expect![""].assert_eq(&told.join("\n"));
}

/// What it makes its host gather counts as what it hands over.
#[test]
fn asking_without_end_runs_over_a_limit() {
    let attacks = ["many lookups", "many reads"];
    let told = attacks.map(|attack| keyed::attacked("state-abuse", attack));
    expect![""].assert_eq(&told.join("\n"));
}

/// A handle that was lent for one call is none in the next.
#[test]
fn the_state_of_another_call_is_not_there() {
    let function = open("state-abuse", "attack", "the state of another call").unwrap();
    assert!(keyed::process(&function).is_ok());
    let error = keyed::process(&function).unwrap_err().to_string();
    expect![""].assert_eq(error.lines().next().unwrap());
}

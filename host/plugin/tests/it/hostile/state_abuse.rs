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
    expect![[r#"
        read of another slot: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: there is no slot 3 of 3
        write of another slot: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: there is no slot 4294967295 of 3
        read of a slot far out of range: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: there is no slot 4294967295 of 3
        write of another key: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: there is no key 2 among 2
        write of a key far out of range: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: there is no key 4294967295 among 2
        append to another key: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: there is no key 2 among 2
        put to another key: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: there is no key 2 among 2
        lookup of another key: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: there is no key 4294967295 among 2
        a timer of another key: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: there is no key 2 among 2
        no timer of another key: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: there is no key 4294967295 among 2
        a value of another type: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `value`: expected Int64, got UInt32
        a value for a list: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `list`: expected List(Int64), got Int64
        a list for a value: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `value`: expected Int64, got List(Int64)
        an item of another type: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `list`: expected Int64, got UInt32
        a list of another type: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `list`: expected Int64, got UInt32
        an entry of another type: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `map`: expected Int64, got UInt32
        an entry's value of another type: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `map`: expected Int64, got UInt32
        a lookup of another type: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `map`: expected Int64, got UInt32
        fewer values than keys: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: 1 values for 2 keys
        more values than keys: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: 1 values for 0 keys
        fewer items than keys: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: 1 items for 2 keys
        fewer entries than keys: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: 1 entries for 2 keys
        fewer entries' values than keys: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: 1 values for 2 keys
        fewer lookups than keys: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: 1 entries for 2 keys
        fewer times than keys: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: 1 times for 2 timers
        more times than keys: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: 1 times for 0 timers
        an entry whose key is null: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `map`: 1 nulls among the keys of entries
        a map whose key is null: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `map`: Found unmasked nulls for non-nullable StructArray field "key"
        a map that has a key twice: 3 rows, 1 changes
        a map that is not in order: 3 rows, 1 changes
        a lookup of null: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `map`: 1 nulls among the keys of entries
        a null item: 3 rows, 1 changes
        a key twice: 3 rows, 1 changes
        a timer twice: 3 rows, 1 changes
        timers at the ends of time: 3 rows, 4 changes
        a timer without a name: 3 rows, 1 changes
        a timer for a terminal: 3 rows, 1 changes
        a timer of a long name: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: the name of a timer has 1048576 bytes, more than 200
        lookup in a value: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `value`: it is no map
        lookup in a list: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `list`: it is no map
        append to a value: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `value`: it is no list
        append to a map: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `map`: it is no list
        put in a value: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `value`: it is no map
        put in a list: error: function attack (state-abuse.wasm#attack) handed bad data to its host in `batch-eval`: slot `list`: it is no map
        a broadcast table that is not there: 3 rows, 0 changes
        the state of another call: 3 rows, 0 changes
        the state dropped twice: error: function attack (state-abuse.wasm#attack) trapped in `batch-eval`: handle index 2 used with the wrong type, expected guest-defined resource but found a different guest-defined resource
        an error behind a write: error: function attack (state-abuse.wasm#attack) failed: after all"#]].assert_eq(&told.join("\n"));
}

/// What it makes its host gather counts as what it hands over.
#[test]
fn asking_without_end_runs_over_a_limit() {
    let attacks = ["many lookups", "many reads"];
    let told = attacks.map(|attack| keyed::attacked("state-abuse", attack));
    expect![[r#"
        many lookups: error: function attack (state-abuse.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.5 MiB
        many reads: error: function attack (state-abuse.wasm#attack) ran over its limit of 65536 handles in `batch-eval`: it wants one more"#]].assert_eq(&told.join("\n"));
}

/// A handle that was lent for one call is none in the next.
#[test]
fn the_state_of_another_call_is_not_there() {
    let function = open("state-abuse", "attack", "the state of another call").unwrap();
    assert!(keyed::process(&function).is_ok());
    let error = keyed::process(&function).unwrap_err().to_string();
    expect![
        "function attack (state-abuse.wasm#attack) trapped in `batch-eval`: unknown handle index 2"
    ]
    .assert_eq(error.lines().next().unwrap());
}

//! `wasmill plugin test FILE --conformance`.

use expect_test::expect;

use crate::support::Job;

fn conformance(plugin: &str, only: &[&str]) -> String {
    let job = Job::new("").plugin(plugin);
    let file = format!("{plugin}.wasm");
    let arguments = [&["plugin", "test", &file, "--conformance"], only].concat();
    job.told(&job.command_of(&arguments).output().unwrap())
}

#[test]
fn the_rust_sdk_conforms() {
    expect![[r#"
        exit 0
        ok    add: sums, NULL where either is
        ok    add: several batches of several sizes on one opened function
        ok    add: every bad row is named
        ok    add: a batch behind one with bad rows
        ok    add: other types are no arguments
        ok    add: three columns are no arguments
        ok    greet: the default of a parameter
        ok    greet: a parameter that is given
        ok    greet: a parameter that is refused
        ok    greet: a parameter that it does not have
        ok    greet: two opened at once
        ok    add: another function beside it
        ok    echo: no argument is refused
        ok    echo: two arguments are refused
        ok    score: the features as they are, NULL is NaN to the model
        ok    score: row by row
        ok    score: a parameter that is missing
        ok    score: a model that is not granted
        ok    subtract: a function that is not there
        ok    words: the parts between spaces, numbered from 1
        ok    words: rows that have none
        ok    words: several batches of several sizes on one opened function
        ok    words: a scalar function beside it
        ok    words: other types are no arguments
        ok    echo: boolean
        ok    echo: int8
        ok    echo: int16
        ok    echo: int32
        ok    echo: int64
        ok    echo: uint8
        ok    echo: uint16
        ok    echo: uint32
        ok    echo: uint64
        ok    echo: float32
        ok    echo: float64
        ok    echo: utf8
        ok    echo: binary
        ok    echo: date32
        ok    echo: time64
        ok    echo: timestamp(second)
        ok    echo: timestamp(millisecond)
        ok    echo: timestamp(microsecond)
        ok    echo: timestamp(nanosecond)
        ok    echo: timestamp(second, UTC)
        ok    echo: timestamp(millisecond, Europe/Berlin)
        ok    echo: timestamp(microsecond, +05:30)
        ok    echo: timestamp(nanosecond, UTC)
        ok    echo: decimal128(1, 0)
        ok    echo: decimal128(10, 2)
        ok    echo: decimal128(18, 18)
        ok    echo: decimal128(19, 0)
        ok    echo: decimal128(38, 10)
        ok    echo: decimal128(5, -2)
        ok    echo: list<int64>
        ok    echo: list<utf8>
        ok    echo: list<boolean>
        ok    echo: list<decimal128(20, 2)>
        ok    echo: list<list<int32>>
        ok    echo: fixed-size-list<float32, 3>
        ok    echo: fixed-size-list<utf8, 1>
        ok    echo: list<fixed-size-list<int8, 2>>
        ok    echo: struct<a: int64>
        ok    echo: struct<x: float64, name: utf8, at: timestamp(millisecond, UTC)>
        ok    echo: struct<outer: struct<inner: binary, flags: list<boolean>>, count: uint32>
        ok    echo: list<struct<key: utf8, value: list<int16>>>
        ok    mean: groups in one batch, NULL does not count
        ok    mean: a group of NULL alone has none
        ok    mean: groups that come later, and stay as they are when they are asked
        ok    mean: a large batch, and batches at the edges of bytes
        ok    mean: rows that are taken back
        ok    mean: states of other accumulators
        ok    mean: groups that are forgotten
        ok    mean: several accumulators of one opened function
        ok    mean: other types are no arguments
        ok    keyed_sum: the state of each key goes on from batch to batch
        ok    keyed_sum: NULL is a key like others, a row with NULL for its value is none
        ok    keyed_sum: without keys all rows have one
        ok    keyed_sum: keys of other types, texts of any script
        ok    keyed_sum: the time of a row stands behind what it gives
        ok    keyed_sum: batches of several sizes, also empty ones
        ok    keyed_sum: after a row that fails the state is as before, and all that fail are named
        ok    keyed_sum: other types are no arguments
        ok    keyed_recent: what is older than its time to live is gone
        ok    keyed_recent: texts that are empty, NULL and of any script
        ok    keyed_list: a list that grows from batch to batch, and is taken
        ok    keyed_list: items that are empty, NULL and of any script
        ok    keyed_list: a large batch of lists
        ok    keyed_map: entries that are put, replaced and removed
        ok    keyed_map: names that are empty, NULL and of any script
        ok    keyed_lookup: entries by name, without reading the map
        ok    timer_echo: timers of event time fire as the watermark comes to them, earliest first
        ok    timer_echo: behind the last row all timers of event time fire
        ok    timer_echo: timers of one time fire in the order in which they were set
        ok    timer_echo: a timer replaces the one of its name, of whichever clock
        ok    timer_echo: timers that are cleared
        ok    timer_echo: timers whose time has come fire as soon as the call is over
        ok    timer_echo: timers before the rows of a batch
        ok    timer_echo: timers of the machine's clock, in a call without times
        ok    timer_echo: timers of event time need times, and a call that the host ends changes nothing
        ok    timer_echo: timers that are set in timers
        ok    timer_echo: timers that fail are gone, and leave no trace
        ok    timer_echo: a call that fails sets no timer
        ok    side_split: rows of the result and of a side output
        ok    side_split: a call that fails gives nothing to its side output
        ok    broadcast_limit: a broadcast table that changes
        ok    broadcast_limit: rows of a broadcast table with NULL are none
        106 passed, 0 failed
    "#]]
    .assert_eq(&conformance("conformance", &[]));
}

/// What is missing is told case by case, and what is there is compared.
#[test]
fn a_component_that_is_no_conformance_component() {
    let told = conformance("words", &[]);
    let some = told.lines().filter(|line| {
        let parts = [
            "words: ",
            "add: sums",
            "subtract",
            "(invalid)",
            "keyed_sum: the state",
            "keyed_sum: other types",
            " passed, ",
        ];
        parts.iter().any(|part| line.contains(part))
    });
    let told: Vec<_> = some.collect();
    expect![[r#"
        FAIL  add: sums, NULL where either is: expected that it opens, got the error: `words.wasm` has no function `add`
        FAIL  greet: a parameter that is refused: expected the error `the parameter 'greeting' is empty` (invalid), got the error: `words.wasm` has no function `greet`
        FAIL  echo: no argument is refused: expected the error `echo takes one argument` (invalid), got the error: `words.wasm` has no function `echo`
        FAIL  echo: two arguments are refused: expected the error `echo takes one argument` (invalid), got the error: `words.wasm` has no function `echo`
        ok    subtract: a function that is not there
        FAIL  words: the parts between spaces, numbered from 1: batch 1 of 4 rows: row 0: expected [{"word":"a\tb\nc","place":1}], got [{"word":"a","place":1},{"word":"b","place":2},{"word":"c","place":3}]
        ok    words: rows that have none
        ok    words: several batches of several sizes on one opened function
        FAIL  words: a scalar function beside it: expected that it opens, got the error: `words.wasm` has no function `add`
        ok    words: other types are no arguments
        FAIL  keyed_sum: the state of each key goes on from batch to batch: expected that it opens, got the error: `words.wasm` has no function `keyed_sum`
        FAIL  keyed_sum: other types are no arguments: expected an error (wrong-arguments), got the error: `words.wasm` has no function `keyed_sum`
        4 passed, 102 failed"#]].assert_eq(&told.join("\n"));
}

/// A component that was written against the contract alone.
#[test]
fn what_has_no_sdk_conforms() {
    expect![[r#"
        exit 0
        ok    add: sums, NULL where either is
        ok    add: several batches of several sizes on one opened function
        ok    add: every bad row is named
        ok    add: a batch behind one with bad rows
        ok    add: other types are no arguments
        ok    add: three columns are no arguments
        ok    greet: the default of a parameter
        ok    greet: a parameter that is given
        ok    greet: a parameter that is refused
        ok    greet: a parameter that it does not have
        ok    greet: two opened at once
        11 passed, 0 failed
    "#]]
    .assert_eq(&conformance("without-sdk", &["--only", "add,greet"]));
    expect![[r#"
        exit 2
        ok    add: sums, NULL where either is
        ok    add: several batches of several sizes on one opened function
        ok    add: every bad row is named
        ok    add: a batch behind one with bad rows
        ok    add: other types are no arguments
        ok    add: three columns are no arguments
        error: the suite has no function `multiply`
    "#]]
    .assert_eq(&conformance("without-sdk", &["--only", "add,multiply"]));
}

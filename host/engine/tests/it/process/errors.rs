//! Rows and timers on which a process function fails.

use expect_test::expect;

use super::folder;

const SPLIT: &str = "CREATE TABLE t (k STRING, `value` BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 't.csv');
CREATE TABLE o (k STRING, `value` BIGINT, number BIGINT) WITH ('connector' = 'print');
CREATE TABLE odd (k STRING, `value` BIGINT, number BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'odd');
CREATE TABLE dead (function STRING, raw BYTES, error STRING) WITH (
  'connector' = 'filesystem', 'format' = 'json', 'path' = 'dead');
SET 'dead-letter.table' = 'dead';\n";

const TIMERS: &str = "CREATE TABLE c (k STRING, name STRING, at BIGINT, clock STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 't.csv');
CREATE TABLE dead (function STRING, raw BYTES, error STRING) WITH (
  'connector' = 'filesystem', 'format' = 'json', 'path' = 'dead');
SET 'dead-letter.table' = 'dead';
CREATE VIEW t AS SELECT *, TO_TIMESTAMP_LTZ(at, 3) AS ts FROM c;
CREATE FUNCTION timers AS 'conformance.wasm#timer_echo' LANGUAGE WASM
  WITH ('on-error' = 'dead-letter');\n";

/// A row that fails leaves nothing behind, in the state and in the side outputs too.
#[test]
fn a_row_that_fails_costs_only_itself() {
    let folder = folder().with("t.csv", "a,2\na,-1\na,3\nb,-5\nb,4\na,6\n");
    let sql = format!(
        "{SPLIT}CREATE FUNCTION split AS 'conformance.wasm#side_split' LANGUAGE WASM
           WITH ('side-output.odd' = 'odd', 'on-error' = 'dead-letter');
         INSERT INTO o SELECT * FROM split(TABLE t PARTITION BY k);"
    );
    let output = folder.run(&sql).unwrap_or_else(|error| panic!("{error}"));
    expect![[r#"
        o: 3 rows
        odd: 1 rows
        +I[a, 2, 1]
        +I[b, 4, 1]
        +I[a, 6, 3]
    "#]]
    .assert_eq(&output);
    expect!["a,3,2"].assert_eq(&folder.lines("odd").join("\n"));
    expect![[r#"
        {"function":"split","raw":"eyJrIjoiYSIsInZhbHVlIjotMX0=","error":"function split (conformance.wasm#side_split) failed: -1 is negative"}
        {"function":"split","raw":"eyJrIjoiYiIsInZhbHVlIjotNX0=","error":"function split (conformance.wasm#side_split) failed: -5 is negative"}"#]].assert_eq(&folder.lines("dead").join("\n"));
}

#[test]
fn or_fails_the_job() {
    let folder = folder().with("t.csv", "a,2\na,-1\n");
    let sql = format!(
        "{SPLIT}CREATE FUNCTION split AS 'conformance.wasm#side_split' LANGUAGE WASM
           WITH ('side-output.odd' = 'odd');
         INSERT INTO o SELECT * FROM split(TABLE t PARTITION BY k);"
    );
    expect![[r#"
        error: function split (conformance.wasm#side_split) failed on 1 of 2 rows: row 1: -1 is negative
    "#]].assert_eq(&folder.error(&sql));
}

#[test]
fn a_timer_that_fails_costs_only_itself() {
    let folder = folder().with(
        "t.csv",
        "a,one,10,event\na,bad,20,event\nb,bad,5,event\na,two,30,event\nb,three,40,event\n",
    );
    let sql = format!(
        "{TIMERS}CREATE TABLE o (k STRING, name STRING, fired BIGINT) WITH ('connector' = 'print');
         INSERT INTO o SELECT k, name, fired FROM timers(
           input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts));"
    );
    let output = folder.run(&sql).unwrap_or_else(|error| panic!("{error}"));
    expect![[r#"
        o: 3 rows
        +I[a, one, 1]
        +I[a, two, 2]
        +I[b, three, 1]
    "#]]
    .assert_eq(&output);
    expect![[r#"
        {"function":"timers","raw":"eyJrIjoiYSIsInRpbWVyIjoiYmFkIiwiYXQiOjIwfQ==","error":"function timers (conformance.wasm#timer_echo) failed: a bad timer"}
        {"function":"timers","raw":"eyJrIjoiYiIsInRpbWVyIjoiYmFkIiwiYXQiOjV9","error":"function timers (conformance.wasm#timer_echo) failed: a bad timer"}"#]].assert_eq(&folder.lines("dead").join("\n"));
}

/// More of them than one call gets, behind the last row: trying them one by one is no loop.
#[test]
fn two_timers_that_fail_among_twenty_thousand() {
    let name = |number| match number {
        100 | 15_000 => "bad",
        _ => "good",
    };
    let line = |number| format!("k{number},{},{number},event\n", name(number));
    let lines: String = (1..=20_000).map(line).collect();
    let folder = folder().with("t.csv", &lines);
    let sql = format!(
        "{TIMERS}CREATE TABLE o (fired BIGINT) WITH ('connector' = 'print');
         INSERT INTO o SELECT COUNT(*) FROM timers(
           input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts));"
    );
    let output = folder.run(&sql).unwrap_or_else(|error| panic!("{error}"));
    expect![[r#"
        o: 1 rows
        +I[19998]
    "#]]
    .assert_eq(&output);
    assert_eq!(folder.lines("dead").len(), 2);
}

/// Guests that would never end, or take all memory.
#[test]
fn what_goes_on_without_end_is_stopped() {
    let folder = folder().with("t.csv", "1\n");
    let table = "CREATE TABLE c (k BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 't.csv');
         CREATE VIEW t AS SELECT k, TO_TIMESTAMP_LTZ(k, 3) AS ts FROM c;\n";
    let timers = folder.error(&format!(
        "{table}CREATE FUNCTION f AS 'timer-loop.wasm#attack' LANGUAGE WASM WITH ('attack' = 'event');
         SELECT * FROM f(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts));"
    ));
    expect![[r#"
        error: function f sets timers without end: behind the last row it was called 10000 times for timers, and set more each time

        hint: a timer must be later than the one it is set in; behind the last row the watermark is the greatest there is, and none should be set
    "#]]
    .assert_eq(&timers);
    let flood = folder.error(&format!(
        "{table}CREATE FUNCTION f AS 'state-flood.wasm#attack' LANGUAGE WASM
           WITH ('attack' = 'a MiB a call', 'limit.state-bytes' = '100 kb');
         SELECT * FROM f(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts));"
    ));
    expect![[r#"
        error: function f (state-flood.wasm#attack) cannot go on in `state`: all its instances together may have 100 KiB of state, and would have 1.0 MiB

        hint: a higher limit can be given with 'limit.state-bytes' in the function's WITH
    "#]]
    .assert_eq(&flood);
}

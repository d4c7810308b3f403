//! Rows and timers on which a process function fails.

use expect_test::expect;

use super::{FUNCTIONS, folder};

const SPLIT: &str = "CREATE TABLE t (k STRING, `value` BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 't.csv');
CREATE TABLE o (k STRING, `value` BIGINT, number BIGINT) WITH ('connector' = 'print');
CREATE TABLE odd (k STRING, `value` BIGINT, number BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'odd');
CREATE TABLE dead (function STRING, raw BYTES, error STRING) WITH (
  'connector' = 'filesystem', 'format' = 'json', 'path' = 'dead');
SET 'dead-letter.table' = 'dead';\n";

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
    expect![""].assert_eq(&output);
    expect![""].assert_eq(&folder.lines("odd").join("\n"));
    expect![""].assert_eq(&folder.lines("dead").join("\n"));
}

#[test]
fn or_fails_the_job() {
    let folder = folder().with("t.csv", "a,2\na,-1\n");
    let sql = format!(
        "{SPLIT}CREATE FUNCTION split AS 'conformance.wasm#side_split' LANGUAGE WASM
           WITH ('side-output.odd' = 'odd');
         INSERT INTO o SELECT * FROM split(TABLE t PARTITION BY k);"
    );
    expect![""].assert_eq(&folder.error(&sql));
}

#[test]
fn a_timer_that_fails_costs_only_itself() {
    let folder = folder().with(
        "t.csv",
        "a,one,10,event\na,bad,20,event\nb,bad,5,event\na,two,30,event\nb,three,40,event\n",
    );
    let sql = format!(
        "{FUNCTIONS}CREATE TABLE c (k STRING, name STRING, at BIGINT, clock STRING) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 't.csv');
         CREATE TABLE dead (function STRING, raw BYTES, error STRING) WITH (
           'connector' = 'filesystem', 'format' = 'json', 'path' = 'dead');
         SET 'dead-letter.table' = 'dead';
         CREATE TABLE o (k STRING, name STRING, fired BIGINT) WITH ('connector' = 'print');
         CREATE VIEW t AS SELECT *, TO_TIMESTAMP_LTZ(at, 3) AS ts FROM c;
         CREATE FUNCTION timers AS 'conformance.wasm#timer_echo' LANGUAGE WASM
           WITH ('on-error' = 'dead-letter');
         INSERT INTO o SELECT k, name, fired FROM timers(
           input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts));"
    );
    let output = folder.run(&sql).unwrap_or_else(|error| panic!("{error}"));
    expect![""].assert_eq(&output);
    expect![""].assert_eq(&folder.lines("dead").join("\n"));
}

/// Guests that would never end, or take all memory.
#[test]
fn what_goes_on_without_end_is_stopped() {
    let folder = folder().with("t.csv", "a,1\n");
    let table = "CREATE TABLE c (k STRING, at BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 't.csv');
         CREATE VIEW t AS SELECT *, 'x' AS text, TO_TIMESTAMP_LTZ(at, 3) AS ts FROM c;\n";
    let timers = folder.error(&format!(
        "{table}CREATE FUNCTION f AS 'timer-loop.wasm#timer_loop' LANGUAGE WASM;
         SELECT * FROM f(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts));"
    ));
    expect![""].assert_eq(&timers);
    let flood = folder.error(&format!(
        "{table}CREATE FUNCTION f AS 'state-flood.wasm#state_flood' LANGUAGE WASM
           WITH ('limit.state-bytes' = '1 mb');
         SELECT * FROM f(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts));"
    ));
    expect![""].assert_eq(&flood);
}

//! What the author of a function is shown of it: its log lines, and where it trapped.

use std::{thread, time::Duration};

use expect_test::{Expect, expect};

use crate::{
    endless::{every, start, stop, wait_for_rows},
    support::Job,
};

/// Texts, and which of their words is wanted. `words` is WITH of the function.
fn job(plugin: &str, words: &str, query: &str) -> Job {
    let sql = format!(
        "SET 'parallelism.default' = '1';
CREATE TABLE texts (text STRING, place BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'texts.csv');
CREATE TABLE answer (word STRING) WITH ('connector' = 'print');
CREATE FUNCTION word AS '{plugin}.wasm#word' LANGUAGE WASM {words};
{query}"
    );
    let texts = "to be or,1\nnot,0\nto be,7\n";
    Job::new(&sql).plugin(plugin).file("texts.csv", texts)
}

fn check(job: &Job, expected: Expect) {
    expected.assert_eq(&without_places(&job.run()));
}

/// ` at /home/me/plugins/buggy/src/lib.rs:18` becomes ` at …/buggy/src/lib.rs:18`; frames of the SDK and
/// of the standard library are left out: their lines change.
fn without_places(told: &str) -> String {
    let mut shown = String::new();
    for line in told.lines() {
        match line.split_once(" at ") {
            Some((name, path)) if line.starts_with("    ") => match path.rsplit_once("/buggy/") {
                Some((_, file)) => shown += &format!("{name} at …/buggy/{file}\n"),
                None if path.starts_with("buggy/") => shown += &format!("{line}\n"),
                None => {}
            },
            _ if line == "    …" => {}
            _ => shown += &format!("{line}\n"),
        }
    }
    shown
}

const ALL: &str = "INSERT INTO answer SELECT word(text, place) FROM texts;";

#[test]
fn log_lines_say_which_rows_they_are_about() {
    let query = "INSERT INTO answer SELECT word(text, place) FROM texts WHERE place < 2;";
    check(
        &job("buggy", "", query),
        expect![[r#"
        exit 0
        +I[be]
        +I[not]
         INFO wasmill::guest: looking for word 1 function="word (buggy.wasm#word)" rows=0-1
         INFO wasmill::guest: looking for word 0 function="word (buggy.wasm#word)" rows=0-1
        answer: 2 rows
    "#]],
    );
}

/// The batch is given to the function once more row by row.
#[test]
fn a_row_by_itself_has_its_number() {
    let null = "WITH ('on-error' = 'null')";
    check(
        &job("buggy", null, ALL),
        expect![[r#"
        exit 0
        +I[be]
        +I[not]
        +I[null]
         INFO wasmill::guest: looking for word 1 function="word (buggy.wasm#word)" rows=0-2
         INFO wasmill::guest: looking for word 0 function="word (buggy.wasm#word)" rows=0-2
         INFO wasmill::guest: looking for word 7 function="word (buggy.wasm#word)" rows=0-2
        ERROR wasmill::guest: panicked at buggy/src/lib.rs:16:41:\ncalled `Option::unwrap()` on a `None` value function="word (buggy.wasm#word)" rows=0-2
         INFO wasmill::guest: looking for word 1 function="word (buggy.wasm#word)" rows=0
         INFO wasmill::guest: looking for word 0 function="word (buggy.wasm#word)" rows=1
         INFO wasmill::guest: looking for word 7 function="word (buggy.wasm#word)" rows=2
        ERROR wasmill::guest: panicked at buggy/src/lib.rs:16:41:\ncalled `Option::unwrap()` on a `None` value function="word (buggy.wasm#word)" rows=2
        answer: 3 rows
        functions failed on 1 row and gave NULL
    "#]],
    );
    let letter = "WITH ('on-error' = 'dead-letter')";
    let query = format!(
        "CREATE TABLE bad (`function` STRING) WITH ('connector' = 'blackhole');
SET 'dead-letter.table' = 'bad';
{ALL}"
    );
    check(
        &job("buggy", letter, &query),
        expect![[r#"
        exit 0
        +I[be]
        +I[not]
         INFO wasmill::guest: looking for word 1 function="word (buggy.wasm#word)" rows=0-2
         INFO wasmill::guest: looking for word 0 function="word (buggy.wasm#word)" rows=0-2
         INFO wasmill::guest: looking for word 7 function="word (buggy.wasm#word)" rows=0-2
        ERROR wasmill::guest: panicked at buggy/src/lib.rs:16:41:\ncalled `Option::unwrap()` on a `None` value function="word (buggy.wasm#word)" rows=0-2
         INFO wasmill::guest: looking for word 1 function="word (buggy.wasm#word)" rows=0
         INFO wasmill::guest: looking for word 0 function="word (buggy.wasm#word)" rows=1
         INFO wasmill::guest: looking for word 7 function="word (buggy.wasm#word)" rows=2
        ERROR wasmill::guest: panicked at buggy/src/lib.rs:16:41:\ncalled `Option::unwrap()` on a `None` value function="word (buggy.wasm#word)" rows=2
        answer: 2 rows
        1 bad record in the dead-letter table bad
    "#]],
    );
}

#[test]
fn a_backtrace_has_names() {
    check(
        &job("buggy", "", ALL),
        expect![[r#"
        exit 1
         INFO wasmill::guest: looking for word 1 function="word (buggy.wasm#word)" rows=0-2
         INFO wasmill::guest: looking for word 0 function="word (buggy.wasm#word)" rows=0-2
         INFO wasmill::guest: looking for word 7 function="word (buggy.wasm#word)" rows=0-2
        ERROR wasmill::guest: panicked at buggy/src/lib.rs:16:41:\ncalled `Option::unwrap()` on a `None` value function="word (buggy.wasm#word)" rows=0-2
        error: function word (buggy.wasm#word) trapped in `batch-eval`: it panicked or aborted
          its backtrace:
            core::option::unwrap_failed
            buggy::nth
            buggy::word
            <F as wasmill_sdk::exports::DynamicScalar>::batch_eval
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval
          its last log lines:
            info: looking for word 1
            info: looking for word 0
            info: looking for word 7
            error: panicked at buggy/src/lib.rs:16:41:\ncalled `Option::unwrap()` on a `None` value

        hint: this is a defect of the plugin: tell its author
    "#]],
    );
}

#[test]
fn with_debug_information_a_backtrace_has_lines() {
    check(
        &job("buggy-debug", "", ALL),
        expect![[r#"
        exit 1
         INFO wasmill::guest: looking for word 1 function="word (buggy-debug.wasm#word)" rows=0-2
         INFO wasmill::guest: looking for word 0 function="word (buggy-debug.wasm#word)" rows=0-2
         INFO wasmill::guest: looking for word 7 function="word (buggy-debug.wasm#word)" rows=0-2
        ERROR wasmill::guest: panicked at buggy/src/lib.rs:16:41:\ncalled `Option::unwrap()` on a `None` value function="word (buggy-debug.wasm#word)" rows=0-2
        error: function word (buggy-debug.wasm#word) trapped in `batch-eval`: it panicked or aborted
          its backtrace:
            buggy::nth at buggy/src/lib.rs:16
            buggy::word at buggy/src/lib.rs:11
            buggy::_::row_by_row at buggy/src/lib.rs:8
          its last log lines:
            info: looking for word 1
            info: looking for word 0
            info: looking for word 7
            error: panicked at buggy/src/lib.rs:16:41:\ncalled `Option::unwrap()` on a `None` value

        hint: this is a defect of the plugin: tell its author
    "#]],
    );
}

/// Rows are numbered anew in each epoch.
#[test]
fn log_lines_say_in_which_epoch() {
    let job = Job::new(&every(
        "10 ms",
        "CREATE TABLE texts (text STRING, place BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '20 ms');
CREATE TABLE answer (word STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
CREATE FUNCTION word AS 'buggy.wasm#word' LANGUAGE WASM;
INSERT INTO answer SELECT word(text, place) FROM texts;",
    ))
    .plugin("buggy")
    .file("in/a.csv", "to be,0\nor not,1\n");
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() == 2);
    thread::sleep(Duration::from_millis(50));
    let job = job.file("in/b.csv", "to be,1\n");
    wait_for_rows(&job, |rows| rows.len() == 3);
    let told = job.told(&stop(child));
    let mut epochs = Vec::new();
    let lines = told.lines().filter_map(|line| {
        let (before, after) = line.trim_start().split_once(" epoch=")?;
        let (epoch, rows) = after.split_once(' ')?;
        epochs.push(epoch.parse::<u64>().unwrap());
        Some(format!("{before} {rows}\n"))
    });
    expect![[r#"
        INFO wasmill::guest: looking for word 0 function="word (buggy.wasm#word)" rows=0-1
        INFO wasmill::guest: looking for word 1 function="word (buggy.wasm#word)" rows=0-1
        INFO wasmill::guest: looking for word 1 function="word (buggy.wasm#word)" rows=0
    "#]]
    .assert_eq(&lines.collect::<String>());
    assert!(
        epochs[0] == epochs[1] && epochs[1] < epochs[2],
        "{epochs:?}"
    );
}

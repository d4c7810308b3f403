//! The first rows of every key, of tables without end, in tables that replace rows; PostgreSQL itself
//! says what they are.

use std::{
    fmt::Write,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::server::Database;
use crate::support::{Job, signal};

const FILES: u64 = 4;
const ROWS: u64 = 4000;

/// A key, a value and a time, no two values or times alike, in no order.
fn row(number: u64) -> (u64, u64, u64) {
    let mixed = number.wrapping_mul(7919) % 100_003;
    (
        number.wrapping_mul(31) % 97,
        mixed,
        1_000_000 + number.wrapping_mul(104_729) % 1_000_003,
    )
}

fn start(job: &Job) -> Child {
    let mut command = job.command();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Runs a query over all rows into `t`, with kills, until the table is as PostgreSQL has it of the same
/// rows.
fn check(settings: &str, columns: &str, query: &str, key: &str, options: &str, expected: &str) {
    let database = Database::new();
    database.rows(&format!("CREATE TABLE t ({columns}, PRIMARY KEY ({key}))"));
    database.rows("CREATE TABLE raw (k bigint, v bigint, ms bigint)");
    let mut job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '20 ms';
         SET 'job.batch-rows' = '500'; {settings}
         CREATE TABLE raw (k BIGINT, v BIGINT, ms BIGINT, proctime AS PROCTIME()) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
           'source.monitor-interval' = '20 ms');
         CREATE TABLE t ({columns}, PRIMARY KEY ({key}) NOT ENFORCED) {};
         INSERT INTO t {query};",
        database.with("t", options)
    ))
    .file("in/.keep", "");
    for file in 0..FILES {
        let (mut lines, mut values) = (String::new(), Vec::new());
        for (k, v, ms) in (file * ROWS..(file + 1) * ROWS).map(row) {
            writeln!(lines, "{k},{v},{ms}").unwrap();
            values.push(format!("({k},{v},{ms})"));
        }
        database.rows(&format!("INSERT INTO raw VALUES {}", values.join(",")));
        job = job.file(&format!("in/{file}.csv"), lines);
        for attempt in 0..2 {
            let mut child = start(&job);
            thread::sleep(Duration::from_millis(60 + 53 * (file * 2 + attempt) % 300));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    let child = start(&job);
    let wanted = database.rows(expected);
    assert!(wanted.lines().count() >= 97);
    let begun = Instant::now();
    loop {
        let found = database.rows("SELECT * FROM t ORDER BY 1, 2, 3");
        if found == wanted {
            break;
        }
        let late = begun.elapsed() > Duration::from_secs(60);
        assert!(!late, "is:\n{found}\nshould be:\n{wanted}");
        thread::sleep(Duration::from_millis(20));
    }
    signal("-INT", child.id());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", job.told(&output));
}

const EXACTLY_ONCE: &str = ", 'sink.delivery-guarantee' = 'exactly-once'";

#[test]
fn the_last_row_of_each_key() {
    check(
        "",
        "k bigint, v bigint, ms bigint",
        "SELECT k, v, ms FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ms DESC) AS place \
         FROM raw) WHERE place = 1",
        "k",
        EXACTLY_ONCE,
        "SELECT DISTINCT ON (k) k, v, ms FROM raw ORDER BY k, ms DESC",
    );
}

#[test]
fn the_best_rows_of_each_key_with_their_places() {
    check(
        "",
        "place bigint, k bigint, v bigint",
        "SELECT place, k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS place \
         FROM raw) WHERE place <= 5",
        "place, k",
        "",
        "SELECT * FROM (SELECT row_number() OVER (PARTITION BY k ORDER BY v) AS place, k, v FROM raw) \
         AS ranked WHERE place <= 5 ORDER BY 1, 2, 3",
    );
}

#[test]
fn the_first_row_of_each_key_that_came() {
    // Of a file's rows the first in it.
    let mut first = std::collections::BTreeMap::new();
    for (k, v, ms) in (0..FILES * ROWS).map(row) {
        first.entry(k).or_insert((v, ms));
    }
    let values: Vec<_> = first
        .into_iter()
        .map(|(k, (v, ms))| format!("({k},{v},{ms})"))
        .collect();
    check(
        // Files one after the other.
        "SET 'parallelism.default' = '1';",
        "k bigint, v bigint, ms bigint",
        "SELECT k, v, ms FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY proctime) AS place \
         FROM raw) WHERE place = 1",
        "k",
        "",
        &format!(
            "SELECT * FROM (VALUES {}) AS first ORDER BY 1",
            values.join(",")
        ),
    );
}

//! Rows that come too late, in a table of their own, through kills.

use std::{collections::BTreeMap, thread, time::Duration};

use expect_test::expect;
use serde_json::Value;

use crate::{
    endless::{every, shown, shown_in, start, stop, wait_for_rows},
    support::Job,
};

const LATE: &str = "
SET 'job.batch-rows' = '500';
SET 'job.epoch-rows' = '500';
SET 'late-rows.table' = 'late';
CREATE TABLE ticks (id BIGINT, ms BIGINT, ts AS TO_TIMESTAMP_MILLIS(ms),
  WATERMARK FOR ts AS ts - INTERVAL '0.100' SECOND) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '20 ms');
CREATE TABLE counts (we TIMESTAMP(3), n BIGINT, ids BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
CREATE TABLE late (`row` STRING, sink STRING) WITH (
  'connector' = 'filesystem', 'format' = 'json', 'path' = 'late');
INSERT INTO counts SELECT window_end, COUNT(*), SUM(id)
  FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end;
";

/// Number and time: one a millisecond, every fiftieth up to a minute late.
fn ticks() -> impl Iterator<Item = (i64, i64)> {
    (0..300_000).map(|id| match id % 50 {
        0 => (id, (id - id * 7 % 60_000).max(0)),
        _ => (id, id),
    })
}

#[test]
fn no_kill_loses_a_late_row() {
    let rows: Vec<_> = ticks().collect();
    let mut job = Job::new(&every("10 ms", LATE)).file("in/.keep", "");
    for (place, part) in (0..).zip(rows.chunks(50_000)) {
        let lines = part.iter().map(|(id, time)| format!("{id},{time}\n"));
        job = job.file(&format!("in/{place}.csv"), lines.collect::<String>());
        for attempt in 0..3 {
            let mut child = start(&job);
            thread::sleep(Duration::from_millis(40 + 67 * (place * 3 + attempt) % 400));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    // Long after all: their windows are over.
    let job = job.file("in/9.csv", "0,3000000\n");
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() >= 300);
    assert!(stop(child).status.success());

    // By window: rows, and the sum of their numbers.
    let mut expected: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (id, time) in rows {
        let window = expected.entry(window_end(time)).or_default();
        *window = (window.0 + 1, window.1 + id);
    }
    let mut found: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for row in shown(&job) {
        let values: Vec<_> = row.split(',').collect();
        let counted = (values[1].parse().unwrap(), values[2].parse().unwrap());
        assert_eq!(found.insert(values[0].to_owned(), counted), None);
    }
    let late = shown_in(&job, "late");
    assert!(late.len() > 1000, "{} of 6000 are late", late.len());
    for letter in late {
        let letter: Value = serde_json::from_str(&letter).unwrap();
        assert_eq!(letter["sink"], "counts");
        let row: Value = serde_json::from_str(letter["row"].as_str().unwrap()).unwrap();
        let window = found
            .entry(row["window_end"].as_str().unwrap().to_owned())
            .or_default();
        *window = (window.0 + 1, window.1 + row["id"].as_i64().unwrap());
    }
    assert_eq!(found, expected);
}

/// As a window's end is shown, of a time in the first hour of 1970.
fn window_end(time: i64) -> String {
    let end = time / 1000 + 1;
    format!("1970-01-01 00:{:02}:{:02}", end / 60, end % 60)
}

#[test]
fn what_the_program_says_of_late_rows() {
    // The last row gives the window of the second, behind those that are late.
    let rows = [
        "1,1000\n",
        "2,90000\n",
        "3,1500\n",
        "4,1600\n",
        "5,190000\n",
    ];
    let small = LATE.replace("'500'", "'1'");
    // One reader, so that rows come in the order of the files.
    let small = format!("SET 'parallelism.default' = '1';{small}");
    let told = |sql: &str| {
        let mut job = Job::new(&every("10 ms", sql));
        for (place, row) in rows.iter().enumerate() {
            job = job.file(&format!("in/{place}.csv"), row);
        }
        let child = start(&job);
        wait_for_rows(&job, |rows| rows.len() == 2);
        let told = job.told(&stop(child));
        let (told, _) = told.split_once("stopped behind").unwrap();
        told.to_owned()
    };
    expect![[r#"
        exit 0
        counts: 2 rows
        2 rows left out that came after their window was over, now in the table late
    "#]]
    .assert_eq(&told(&small));
    let without = small.replace("SET 'late-rows.table' = 'late';", "");
    expect![[r#"
        exit 0
        counts: 2 rows
        2 rows left out that came after their window was over
    "#]]
    .assert_eq(&told(&without));
}

//! Windows over processing time through kills and stops: every row is in the windows of one time at
//! which it was worked on, and every window is given.

use std::{collections::BTreeMap, thread, time::Duration};

use crate::{
    endless::{every, start, stop, wait_for_rows},
    support::Job,
};

const ROWS: i64 = 60_000;

const WINDOWS: &str = "
SET 'job.batch-rows' = '500';
CREATE TABLE lines (id BIGINT, k AS id % 5, pt AS PROCTIME()) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '20 ms');
CREATE TABLE counts (kind STRING, k BIGINT, ws TIMESTAMP(3), we TIMESTAMP(3), n BIGINT, total BIGINT)
  WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
INSERT INTO counts
  SELECT 'tumble', k, window_start, window_end, COUNT(*), SUM(id)
    FROM TABLE(TUMBLE(TABLE lines, DESCRIPTOR(pt), INTERVAL '0.500' SECOND))
    GROUP BY window_start, window_end, k
  UNION ALL
  SELECT 'hop', k, window_start, window_end, COUNT(*), SUM(id)
    FROM TABLE(HOP(TABLE lines, DESCRIPTOR(pt), INTERVAL '0.100' SECOND, INTERVAL '0.300' SECOND))
    GROUP BY window_start, window_end, k
  UNION ALL
  SELECT 'session', k, window_start, window_end, COUNT(*), SUM(id)
    FROM TABLE(SESSION(TABLE lines PARTITION BY k, DESCRIPTOR(pt), INTERVAL '0.200' SECOND))
    GROUP BY window_start, window_end, k;
";

/// Windows of a kind that a row is in.
const KINDS: &[(&str, i64)] = &[("hop", 3), ("session", 1), ("tumble", 1)];

/// By kind and key, how many rows windows have counted and the sum of them.
fn sums(rows: &[String]) -> BTreeMap<(String, i64), (i64, i64)> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let values: Vec<_> = row.split(',').collect();
        let [kind, key, _, _, count, total] = values.as_slice() else {
            panic!("{row}");
        };
        let number = |text: &str| text.parse::<i64>().unwrap();
        let sum: &mut (i64, i64) = sums.entry(((*kind).to_owned(), number(key))).or_default();
        *sum = (sum.0 + number(count), sum.1 + number(total));
    }
    sums
}

/// Those of the first rows.
fn expected(rows: i64) -> BTreeMap<(String, i64), (i64, i64)> {
    let mut sums = BTreeMap::new();
    for id in 0..rows {
        for (kind, windows) in KINDS {
            let sum: &mut (i64, i64) = sums.entry(((*kind).to_owned(), id % 5)).or_default();
            *sum = (sum.0 + windows, sum.1 + windows * id);
        }
    }
    sums
}

/// Waits until no window is missing, then checks what they have counted.
fn check(job: &Job, rows: i64) {
    let mut child = start(job);
    let all = 5 * rows;
    let shown = wait_for_rows(job, |shown| {
        sums(shown).values().map(|(count, _)| count).sum::<i64>() >= all
    });
    // It may not listen to a signal yet, where all had been shown before.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(sums(&shown), expected(rows));
    // Kind, key and bounds: no window is given twice.
    let mut windows: Vec<_> = shown
        .iter()
        .map(|row| row.rsplitn(3, ',').nth(2).unwrap())
        .collect();
    windows.sort_unstable();
    windows.dedup();
    assert_eq!(windows.len(), shown.len());
}

fn lines(ids: std::ops::Range<i64>) -> String {
    ids.map(|id| format!("{id}\n")).collect()
}

#[test]
fn no_kill_loses_a_row_of_a_window_or_counts_it_twice() {
    let mut job = Job::new(&every("10 ms", WINDOWS)).file("in/.keep", "");
    for place in 0..6 {
        let part = ROWS / 6;
        job = job.file(
            &format!("in/{place}.csv"),
            lines(place * part..(place + 1) * part),
        );
        for attempt in 0..3 {
            let mut child = start(&job);
            let after = 40 + 67 * (place * 3 + attempt) % 700;
            thread::sleep(Duration::from_millis(after.unsigned_abs()));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    check(&job, ROWS);
}

/// No row comes any more when the job goes on: windows that have ended meanwhile are given all the same.
#[test]
fn a_stopped_job_gives_windows_that_have_ended_meanwhile() {
    let partitions = |count: u32| {
        let sql = every("10 ms", WINDOWS);
        format!("SET 'parallelism.default' = '{count}';{sql}")
    };
    let job = Job::new(&partitions(2)).file("in/a.csv", lines(0..1000));
    let child = start(&job);
    wait_for_rows(&job, |rows| !rows.is_empty());
    let job = job.file("in/b.csv", lines(1000..2000));
    thread::sleep(Duration::from_millis(60));
    assert!(stop(child).status.success());
    thread::sleep(Duration::from_millis(700));
    check(&job.file("job.sql", partitions(3)), 2000);
}

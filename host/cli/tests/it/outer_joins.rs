//! Rows that wait for a partner, through kills.

use std::{thread, time::Duration};

use crate::{
    endless::{every, start, stop, wait_for_rows},
    support::Job,
};

const JOIN: &str = "
SET 'job.batch-rows' = '500';
CREATE TABLE ticks (id BIGINT, k BIGINT, ms BIGINT, ts AS TO_TIMESTAMP_MILLIS(ms),
  WATERMARK FOR ts AS ts - INTERVAL '0.100' SECOND) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '20 ms');
CREATE TABLE pairs (a BIGINT, b BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
INSERT INTO pairs SELECT a.id, b.id
  FROM (SELECT * FROM ticks WHERE id % 12 = 0) AS a
  FULL JOIN (SELECT * FROM ticks WHERE id % 15 = 10) AS b
  ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '0.020' SECOND AND a.ts + INTERVAL '0.040' SECOND;
";

const ROWS: i64 = 120_000;

/// One a millisecond.
fn line(id: i64, time: i64) -> String {
    format!("{id},{},{time}\n", id % 7)
}

/// By definition.
fn expected() -> Vec<String> {
    let goes = |a: i64, b: i64| {
        let both = (0..ROWS).contains(&a) && (0..ROWS).contains(&b);
        both && a % 12 == 0 && b % 15 == 10 && a % 7 == b % 7
    };
    let mut lines = Vec::new();
    for id in 0..ROWS {
        let of_a: Vec<_> = (id - 20..=id + 40).filter(|b| goes(id, *b)).collect();
        lines.extend(of_a.iter().map(|b| format!("{id},{b}")));
        if id % 12 == 0 && of_a.is_empty() {
            lines.push(format!("{id},"));
        }
        if id % 15 == 10 && !(id - 40..=id + 20).any(|a| goes(a, id)) {
            lines.push(format!(",{id}"));
        }
    }
    lines.sort();
    lines
}

#[test]
fn no_kill_loses_a_row_without_a_partner() {
    let mut job = Job::new(&every("10 ms", JOIN)).file("in/.keep", "");
    for place in 0..6 {
        let rows = (ROWS / 6 * place)..(ROWS / 6 * (place + 1));
        let lines: String = rows.map(|id| line(id, id)).collect();
        job = job.file(&format!("in/{place}.csv"), lines);
        for attempt in 0..3 {
            let mut child = start(&job);
            let after = 40 + 67 * (place as u64 * 3 + attempt) % 400;
            thread::sleep(Duration::from_millis(after));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    // Long after all, and on neither side.
    let job = job.file("in/9.csv", line(1, 3_000_000));
    let expected = expected();
    let alone = |line: &&String| line.starts_with(',') || line.ends_with(',');
    let alone = expected.iter().filter(alone).count();
    assert!(alone > 1000 && expected.len() - alone > 1000);
    let child = start(&job);
    let rows = wait_for_rows(&job, |rows| rows.len() >= expected.len());
    assert!(stop(child).status.success());
    assert_eq!(rows.len(), expected.len());
    assert_eq!(rows, expected);
}

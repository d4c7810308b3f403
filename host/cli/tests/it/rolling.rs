//! Files that stay open from one checkpoint to the next: `sink.rolling-policy.*`.

use std::{fs, thread, time::Duration};

use crate::{
    endless::{every, shown, start, stop, wait_for_rows},
    support::Job,
};

/// Follows a folder into files of `format`, with these options.
fn copy(format: &str, options: &str) -> String {
    every(
        "20 ms",
        &format!(
            "CREATE TABLE lines (id BIGINT) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
               'source.monitor-interval' = '10 ms');
             CREATE TABLE copy (id BIGINT) WITH (
               'connector' = 'filesystem', 'format' = '{format}', 'path' = 'out', {options});
             INSERT INTO copy SELECT id FROM lines;"
        ),
    )
}

const AN_HOUR: &str = "'sink.rolling-policy.rollover-interval' = '1 h'";

fn lines(ids: std::ops::Range<u64>) -> String {
    ids.map(|id| format!("{id}\n")).collect()
}

/// Lengths of the hidden parts, and how many are visible.
fn parts(job: &Job) -> (Vec<u64>, usize) {
    let (mut hidden, mut visible) = (Vec::new(), 0);
    for entry in fs::read_dir(job.path("out")).into_iter().flatten() {
        let entry = entry.unwrap();
        match entry.file_name().to_string_lossy().starts_with('.') {
            true => hidden.push(entry.metadata().unwrap().len()),
            false => visible += 1,
        }
    }
    (hidden, visible)
}

/// Waits until the hidden parts have as many bytes.
fn wait_for_bytes(job: &Job, bytes: u64) {
    let begun = std::time::Instant::now();
    while parts(job).0.iter().sum::<u64>() != bytes {
        let found = parts(job);
        assert!(begun.elapsed() < Duration::from_secs(60), "{found:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn ids(rows: &[String]) -> Vec<u64> {
    let mut ids: Vec<u64> = rows.iter().map(|row| row.parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_file_gets_the_rows_of_many_checkpoints() {
    let sql = format!("SET 'parallelism.default' = '1';{}", copy("csv", AN_HOUR));
    let mut job = Job::new(&sql).file("in/.keep", "");
    let child = start(&job);
    let mut bytes = 0;
    for round in 0..8 {
        let text = lines(round * 10..round * 10 + 10);
        bytes += text.len() as u64;
        job = job.file(&format!("in/{round}.csv"), text);
        // Each is behind a checkpoint when the next one comes.
        wait_for_bytes(&job, bytes);
    }
    assert_eq!(parts(&job), (vec![bytes], 0));
    assert!(stop(child).status.success());
    assert_eq!(parts(&job), (vec![], 1));
    assert!(ids(&shown(&job)).into_iter().eq(0..80));
}

#[test]
fn a_file_is_closed_when_its_time_is_over() {
    for option in ["rollover-interval", "inactivity-interval"] {
        let option = format!("'sink.rolling-policy.{option}' = '300 ms'");
        let job = Job::new(&copy("json", &option)).file("in/a.csv", lines(0..1));
        let child = start(&job);
        // No other row comes.
        assert_eq!(wait_for_rows(&job, |rows| !rows.is_empty()), ["{\"id\":0}"]);
        let job = job.file("in/b.csv", lines(1..2));
        wait_for_rows(&job, |rows| rows.len() == 2);
        assert_eq!(parts(&job), (vec![], 2));
        assert!(stop(child).status.success());
        assert_eq!(shown(&job), ["{\"id\":0}", "{\"id\":1}"]);
    }
}

#[test]
fn no_kill_loses_a_row_of_an_open_file_or_shows_it_twice() {
    const ROWS: u64 = 40_000;
    let sized = format!("{AN_HOUR}, 'sink.rolling-policy.file-size' = '20 kb'");
    let mut job = Job::new(&copy("csv", &sized));
    for place in 0..5 {
        let part = ROWS / 5;
        let text = lines(place * part..(place + 1) * part);
        job = job.file(&format!("in/{place}.csv"), text);
        for attempt in 0..3 {
            let mut child = start(&job);
            thread::sleep(Duration::from_millis(40 + 67 * (place * 3 + attempt) % 500));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    let child = start(&job);
    // All others may be there by now, before the job listens to a signal.
    let job = job.file("in/last.csv", lines(ROWS..ROWS + 1));
    let all = lines(0..ROWS + 1).len() as u64;
    let visible = |rows: &[String]| rows.iter().map(|row| row.len() as u64 + 1).sum::<u64>();
    wait_for_rows(&job, |rows| {
        visible(rows) + parts(&job).0.iter().sum::<u64>() == all
    });
    assert!(stop(child).status.success());
    assert_eq!(parts(&job).0, Vec::<u64>::new());
    assert!(ids(&shown(&job)).into_iter().eq(0..=ROWS));
}

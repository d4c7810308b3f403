//! What windows hold, through kills, stops and changes of the job.

use std::{
    collections::BTreeMap,
    fs,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use expect_test::expect;

use crate::{
    endless::{every, shown, start, stop, wait_for_rows},
    support::Job,
};

/// Rows of five keys, one a millisecond, in windows of a second and in sessions: a key pauses for
/// more than the gap after every 3,000 rows.
const WINDOWS: &str = "
SET 'job.batch-rows' = '500';
CREATE TABLE ticks (k INT, ms BIGINT, ts AS TO_TIMESTAMP_MILLIS(ms),
  WATERMARK FOR ts AS ts - INTERVAL '0.100' SECOND) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '20 ms');
CREATE TABLE counts (kind STRING, k INT, ws TIMESTAMP(3), we TIMESTAMP(3), n BIGINT, latest BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
INSERT INTO counts
  SELECT 'tumble', k, window_start, window_end, COUNT(*), MAX(ms)
    FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '1' SECOND))
    GROUP BY window_start, window_end, k
  UNION ALL
  SELECT 'session', k, window_start, window_end, COUNT(*), MAX(ms)
    FROM TABLE(SESSION(TABLE ticks PARTITION BY k, DESCRIPTOR(ts), INTERVAL '0.250' SECOND))
    GROUP BY window_start, window_end, k;
";

/// The times of all rows: a pause of a second after every 15,000.
fn ticks() -> impl Iterator<Item = (i64, i64)> {
    (0..300_000).map(|row| (row % 5, row + row / 15_000 * 1000))
}

/// By definition: kind, key and start in milliseconds, with how many rows there are and the last.
fn expected() -> Vec<String> {
    let mut windows: BTreeMap<(&str, i64, i64), (u64, i64)> = BTreeMap::new();
    let mut sessions: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (key, time) in ticks() {
        let session = sessions.entry(key).or_insert((time, time));
        if time - session.1 > 250 {
            *session = (time, time);
        }
        session.1 = time;
        for start in [("tumble", time / 1000 * 1000), ("session", session.0)] {
            let window = windows.entry((start.0, key, start.1)).or_default();
            *window = (window.0 + 1, time);
        }
    }
    let line = |((kind, key, start), (count, last)): ((&str, i64, i64), (u64, i64))| {
        let end = match kind {
            "tumble" => start + 1000,
            _ => last + 250,
        };
        format!(
            "{kind},{key},{},{},{count},{last}",
            shown_time(start),
            shown_time(end)
        )
    };
    let mut lines: Vec<_> = windows.into_iter().map(line).collect();
    lines.sort();
    lines
}

/// As CSV shows a time of the first hour of 1970.
fn shown_time(ms: i64) -> String {
    let (minutes, seconds, rest) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
    let fraction = match rest {
        0 => String::new(),
        rest => format!(".{rest:03}").trim_end_matches('0').to_owned(),
    };
    format!("1970-01-01 00:{minutes:02}:{seconds:02}{fraction}")
}

/// Those whose last row is no later.
fn up_to(time: i64) -> Vec<String> {
    let within = |line: &String| {
        let (_, last) = line.rsplit_once(',').unwrap();
        last.parse::<i64>().unwrap() <= time
    };
    expected().into_iter().filter(within).collect()
}

fn text(rows: impl Iterator<Item = (i64, i64)>) -> String {
    rows.map(|(key, time)| format!("{key},{time}\n")).collect()
}

fn killed(mut child: Child, after: u64) {
    thread::sleep(Duration::from_millis(after));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn no_kill_loses_a_row_of_a_window() {
    let rows: Vec<_> = ticks().collect();
    let mut job = Job::new(&every("10 ms", WINDOWS)).file("in/.keep", "");
    for (place, part) in (0..).zip(rows.chunks(50_000)) {
        job = job.file(&format!("in/{place}.csv"), text(part.iter().copied()));
        for attempt in 0..3 {
            killed(start(&job), 40 + 67 * (place * 3 + attempt) % 400);
        }
    }
    // Long after all: their windows are over.
    let job = job.file("in/9.csv", "9,3000000\n");
    let expected = expected();
    let child = start(&job);
    let rows = wait_for_rows(&job, |rows| rows.len() >= expected.len());
    assert!(stop(child).status.success());
    assert_eq!(rows.len(), expected.len());
    assert_eq!(rows, expected);
}

#[test]
fn a_stopped_job_goes_on_with_other_partitions() {
    let rows: Vec<_> = ticks().take(60_000).collect();
    let partitions = |count: u32| {
        let sql = every("10 ms", WINDOWS);
        format!("SET 'parallelism.default' = '{count}';{sql}")
    };
    let mut job = Job::new(&partitions(1)).file("in/.keep", "");
    for (count, part) in [1, 3, 2].into_iter().zip(rows.chunks(20_000)) {
        job = job
            .file("job.sql", partitions(count))
            .file(&format!("in/{count}.csv"), text(part.iter().copied()));
        let child = start(&job);
        // Some windows of these rows are over, others are not.
        let last = format!(
            "tumble,0,{}",
            shown_time((part[19_999].1 - 2000) / 1000 * 1000)
        );
        wait_for_rows(&job, |rows| rows.iter().any(|row| row.starts_with(&last)));
        assert!(stop(child).status.success());
    }
    let job = job.file("in/9.csv", "9,3000000\n");
    // The stream of the other test goes on where this one ends: at a pause.
    let expected = up_to(rows[rows.len() - 1].1);
    let child = start(&job);
    let rows = wait_for_rows(&job, |rows| rows.len() >= expected.len());
    assert!(stop(child).status.success());
    assert_eq!(rows, expected);
}

#[test]
fn the_state_of_another_query() {
    let job = Job::new(&every("10 ms", WINDOWS)).file("in/0.csv", text(ticks().take(5000)));
    let child = start(&job);
    wait_for_rows(&job, |rows| !rows.is_empty());
    assert!(stop(child).status.success());
    let changed = every("10 ms", WINDOWS).replace("MAX(ms)", "MIN(ms)");
    let job = job.file("job.sql", changed);
    let told = job.run();
    let (told, rest) = told.split_once("checkpoint ").unwrap();
    let (_, rest) = rest.split_once(' ').unwrap();
    expect![[r#"
        exit 1
        error: the job cannot go on from checkpoint N in .wasmill/checkpoints/job-counts: the windows of the query into 'counts' hold (window_start Timestamp(ms), window_end Timestamp(ms), k Int32, count(Int64(1))[count] Int64, min(ticks.ms)[value] Int64) and (k Int32, ms Int64, ts Timestamp(ms)), those of the checkpoint (window_start Timestamp(ms), window_end Timestamp(ms), k Int32, count(Int64(1))[count] Int64, max(ticks.ms)[value] Int64) and (k Int32, ms Int64, ts Timestamp(ms))

        hint: to start anew remove that folder, or give the job another name with SET 'pipeline.name'
    "#]].assert_eq(&format!("{told}checkpoint N {rest}"));
    let folder = job.path(".wasmill/checkpoints");
    assert!(fs::exists(folder).unwrap());
    assert!(!shown(&job).is_empty());
}

#[test]
fn a_savepoint_is_where_another_job_begins() {
    let rows: Vec<_> = ticks().take(60_000).collect();
    let (first, rest) = rows.split_at(33_000);
    let sql = every("10 ms", WINDOWS);
    let job = Job::new(&sql).file("in/0.csv", text(first.iter().copied()));
    let child = start(&job);
    let last = format!(
        "tumble,0,{}",
        shown_time((first[32_999].1 - 2000) / 1000 * 1000)
    );
    wait_for_rows(&job, |rows| rows.iter().any(|row| row.starts_with(&last)));
    assert!(stop(child).status.success());
    let keep = || {
        job.command_of(&["savepoint", "job.sql", "kept"])
            .output()
            .unwrap()
    };
    let told = job.told(&keep());
    assert!(told.ends_with(" is kept in kept\n"), "{told}");
    expect![[r#"
        exit 1
        error: there is something at kept already

        hint: name a folder that is not there yet
    "#]]
    .assert_eq(&job.told(&keep()));

    // The job itself goes on.
    let shown_then = shown(&job);
    let expected = up_to(rows[rows.len() - 1].1);
    let job = job
        .file("in/1.csv", text(rest.iter().copied()))
        .file("in/9.csv", "9,3000000\n");
    let child = start(&job);
    let whole = wait_for_rows(&job, |rows| rows.len() >= expected.len());
    assert!(stop(child).status.success());
    assert_eq!(whole, expected);

    // Another begins with the savepoint, and shows what had not been shown by then.
    fs::remove_dir_all(job.path("out")).unwrap();
    let named = format!("SET 'pipeline.name' = 'other';{sql}");
    let job = job.file("job.sql", named);
    let mut command = job.command_of(&["run", "--from", "kept", "job.sql"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let left = expected.iter().filter(|row| !shown_then.contains(row));
    let left: Vec<_> = left.cloned().collect();
    let rows = wait_for_rows(&job, |rows| rows.len() >= left.len());
    assert!(stop(child).status.success());
    assert_eq!(rows, left);

    let job = job.file("job.sql", sql);
    let refused = job.command_of(&["run", "--from", "kept", "job.sql"]);
    let refused = { refused }.output().unwrap();
    let told = job.told(&refused);
    let folder = job.path("").canonicalize().unwrap().display().to_string();
    expect![[r#"
        exit 1
        error: the job cannot begin with the savepoint [JOB]/kept: it has checkpoints of its own in .wasmill/checkpoints/job-counts

        hint: remove that folder to give them up, or give the job another name with SET 'pipeline.name'
    "#]].assert_eq(&told.replace(&folder, "[JOB]"));
}

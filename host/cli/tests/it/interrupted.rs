//! Ctrl-C and SIGKILL in the middle of a job: nothing half-visible.

use std::{io::Read, thread, time::Duration};

use crate::support::{Job, signal};

const LONG: &str = "
CREATE TABLE t (id BIGINT) WITH (
  'connector' = 'datagen', 'rows-per-second' = '100000', 'number-of-rows' = '1000000000');
CREATE TABLE out (id BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
INSERT INTO out SELECT id FROM t;
";

/// Starts the job and waits until it has begun to write.
fn started(job: &Job) -> std::process::Child {
    let child = job
        .command()
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while job.listing().len() < 2 {
        thread::sleep(Duration::from_millis(10));
    }
    child
}

#[test]
fn ctrl_c_leaves_nothing() {
    let job = Job::new(LONG);
    let child = started(&job);
    signal("-INT", child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        job.told(&output),
        "exit 130\nerror: interrupted; no sink shows any of the statement\n"
    );
    assert_eq!(job.listing(), ["job.sql"]);
}

#[test]
fn a_kill_leaves_nothing_visible_and_the_next_run_cleans_up() {
    let job = Job::new(LONG);
    let child = started(&job);
    signal("-KILL", child.id());
    child.wait_with_output().unwrap();
    assert!(
        job.listing()
            .iter()
            .all(|name| name == "job.sql" || name.starts_with('.'))
    );

    let job = job.file("job.sql", LONG.replace("'1000000000'", "'5'"));
    assert!(job.run().starts_with("exit 0\n"));
    assert_eq!(job.listing(), ["job.sql", "out"]);
    assert_eq!(job.rows("out").len(), 5);
}

#[test]
fn ctrl_c_while_a_pipe_is_waited_for() {
    let job = Job::new(
        "CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'pipe');
         SELECT 1 AS one;
         SELECT id FROM t;",
    );
    let made = std::process::Command::new("mkfifo")
        .arg(job.path("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    let mut child = job
        .command()
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    signal("-INT", child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.ends_with("1 row in set\n"), "{printed}");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: interrupted; no sink shows any of the statement\n"
    );
}

/// A batch whose rows fail is tried row by row, which would take hours here, on all threads of the job.
#[test]
fn ctrl_c_while_rows_are_tried_by_themselves() {
    let job = |policy: &str, query: &str| {
        Job::new(&format!(
            "CREATE TABLE t (id BIGINT, x BIGINT) WITH (
  'connector' = 'datagen', 'number-of-rows' = '100000', 'rows-per-second' = '100000000',
  'fields.x.min' = '13', 'fields.x.max' = '13');
CREATE TABLE out (x BIGINT) WITH ('connector' = 'blackhole');
CREATE TABLE bad (source STRING, raw BYTES, `function` STRING, error STRING) WITH (
  'connector' = 'filesystem', 'format' = 'json', 'path' = 'bad');
SET 'dead-letter.table' = 'bad';
CREATE FUNCTION f AS 'poison.wasm#poison' LANGUAGE WASM WITH (
  'attack' = 'loop 13', 'on-error' = '{policy}', 'limit.time' = '1 s', 'limit.batch-time' = '10 h');
SELECT 1 AS one;
{query}"
        ))
        .plugin("hostile/poison")
    };
    for (policy, query) in [
        ("null", "INSERT INTO out SELECT f(x) FROM t;"),
        ("dead-letter", "INSERT INTO out SELECT f(x) FROM t;"),
        ("null", "SELECT f(x) FROM t;"),
    ] {
        let job = job(policy, query);
        let mut child = job
            .command()
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 1];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut first)
            .unwrap();
        // The batch itself takes a third of this, then rows are tried.
        thread::sleep(Duration::from_secs(3));
        signal("-INT", child.id());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{policy}: {query}");
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "error: interrupted; no sink shows any of the statement\n"
        );
        assert_eq!(job.listing(), ["job.sql", "poison.wasm"]);
    }
}

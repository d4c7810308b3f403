//! Checkpoints on an object store: another machine goes on with them.

use std::{
    fs,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use expect_test::expect;

use crate::{
    object_store::Server,
    support::{Job, put, signal},
};

/// Windows that hold rows for long, over files that both machines see.
fn job(folder: &str) -> String {
    format!(
        "
SET 'execution.checkpointing.interval' = '50 ms';
SET 'execution.checkpointing.dir' = 's3://mill/checkpoints';
SET 'pipeline.name' = 'sums';
SET 'job.batch-rows' = '100';
CREATE TABLE ticks (id BIGINT, ms BIGINT, ts AS TO_TIMESTAMP_MILLIS(ms), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = '{folder}/in', 'source.monitor-interval' = '20 ms');
CREATE TABLE firsts (id BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '{folder}/out');
INSERT INTO firsts SELECT id FROM (
  SELECT id, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY id) AS place
  FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '1' HOUR))) WHERE place <= 200000;
"
    )
}

/// A server, a folder that all machines see, and the job over it.
fn setting() -> (Server, tempfile::TempDir, String) {
    let shared = tempfile::tempdir().unwrap();
    fs::create_dir(shared.path().join("in")).unwrap();
    let sql = job(&shared.path().display().to_string());
    (Server::start(), shared, sql)
}

fn start(server: &Server, job: &Job) -> Child {
    let mut command = server.command(job);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn rows(folder: &std::path::Path) -> Vec<u64> {
    let parts = fs::read_dir(folder.join("out")).into_iter().flatten();
    let parts = parts.map(|entry| entry.unwrap().path());
    let shown = parts.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
    let texts: Vec<_> = shown
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let mut rows: Vec<u64> = lines.map(|line| line.parse().unwrap()).collect();
    rows.sort_unstable();
    rows
}

/// `_metadata` of the newest checkpoint that the bucket has.
fn newest(server: &mut Server) -> Option<u64> {
    let objects = server.objects();
    let ids = objects.iter().filter_map(|(key, _)| {
        let id = key.strip_prefix("checkpoints/sums-firsts/chk-")?;
        id.strip_suffix("/_metadata")?.parse().ok()
    });
    ids.max()
}

#[test]
fn another_machine_goes_on() {
    let (mut server, shared, sql) = setting();
    let folder = shared.path();
    let give = |name: &str, rows: std::ops::Range<u64>, ms: u64| {
        let lines: String = rows.map(|row| format!("{row},{ms}\n")).collect();
        let hidden = folder.join(format!("in/.{name}"));
        fs::write(&hidden, lines).unwrap();
        fs::rename(hidden, folder.join("in").join(name)).unwrap();
    };
    for machine in 0..3_u64 {
        give(
            &format!("{machine}.csv"),
            machine * 5_000..(machine + 1) * 5_000,
            1 + machine,
        );
        // Nothing of the machine before is here.
        let job = Job::new(&sql);
        let before = newest(&mut server);
        let mut child = start(&server, &job);
        wait_until("checkpoints come", || {
            newest(&mut server) > before.or(Some(0))
        });
        thread::sleep(Duration::from_millis(37 * machine));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    give("last.csv", 99_999..100_000, 7_200_000);
    let job = Job::new(&sql);
    let child = start(&server, &job);
    wait_until("the rows come", || rows(folder).len() >= 15_000);
    signal("-INT", child.id());
    let told = job.told(&child.wait_with_output().unwrap());
    assert!(told.contains("going on from checkpoint"), "{told}");
    assert!(
        told.contains(" in s3://mill/checkpoints/sums-firsts\n"),
        "{told}"
    );
    assert_eq!(rows(folder), (0..15_000).collect::<Vec<_>>());
    // What no checkpoint needs is gone.
    let objects = server.objects();
    let of = |part: &str| objects.iter().filter(|(key, _)| key.contains(part)).count();
    assert_eq!(of("/_metadata"), 1, "{objects:?}");
    assert!(of("/shared/") <= 2, "{objects:?}");
}

#[test]
fn a_job_that_another_process_has_taken_over_ends() {
    let (mut server, shared, sql) = setting();
    let folder = shared.path();
    put(&folder.join("in/1.csv"), "1,1\n");
    let (first, second) = (Job::new(&sql), Job::new(&sql));
    let paused = start(&server, &first);
    wait_until("a checkpoint comes", || newest(&mut server) >= Some(1));
    signal("-STOP", paused.id());
    let before = newest(&mut server);
    let running = start(&server, &second);
    put(&folder.join("in/2.csv"), "2,2\n");
    wait_until("the other goes on", || newest(&mut server) > before);
    put(&folder.join("in/3.csv"), "3,3\n");
    // The one that the paused process would write next is there no more.
    let next = before.map(|before| before + 1);
    wait_until("it goes on further", || newest(&mut server) > next);
    signal("-CONT", paused.id());
    let told = first.told(&paused.wait_with_output().unwrap());
    let (_, error) = told.split_once("error: ").unwrap_or_default();
    let error = error.replace(char::is_numeric, "N");
    expect![[r#"
        another process runs this job: checkpoint N in sN://mill/checkpoints/sums-firsts is not of this one

        hint: the other one goes on; this one has shown nothing behind the checkpoint before
    "#]].assert_eq(&error);
    signal("-INT", running.id());
    let told = second.told(&running.wait_with_output().unwrap());
    assert!(told.starts_with("exit 0\n"), "{told}");
}

#[test]
fn savepoints_are_taken_of_them() {
    let (mut server, shared, sql) = setting();
    let folder = shared.path();
    put(&folder.join("in/1.csv"), "1,1\n2,1\n");
    let job = Job::new(&sql);
    let child = start(&server, &job);
    wait_until("a checkpoint comes", || newest(&mut server) >= Some(1));
    signal("-INT", child.id());
    let told = job.told(&child.wait_with_output().unwrap());
    assert!(told.starts_with("exit 0\n"), "{told}");
    let mut command = job.command_of(&["savepoint", "job.sql", "kept"]);
    server.credentials(&mut command);
    let told = job.told(&command.output().unwrap());
    let (words, _) = told.rsplit_once(" is kept in ").unwrap_or_default();
    let words = words.replace(char::is_numeric, "N");
    assert_eq!(words, "exit N\ncheckpoint N", "{told}");
    assert!(job.path("kept/_metadata").exists());
}

/// On the object store itself: another machine begins another job with it.
#[test]
fn savepoints_are_kept_there() {
    let (mut server, shared, sql) = setting();
    let folder = shared.path();
    put(&folder.join("in/1.csv"), "1,1\n2,1\n");
    let job = Job::new(&sql);
    let child = start(&server, &job);
    wait_until("a checkpoint has the rows", || {
        let objects = server.objects();
        objects.iter().any(|(key, _)| key.contains("/shared/"))
    });
    signal("-INT", child.id());
    let told = job.told(&child.wait_with_output().unwrap());
    assert!(told.starts_with("exit 0\n"), "{told}");
    let keep = |to: &str| {
        let mut command = job.command_of(&["savepoint", "job.sql", to]);
        server.credentials(&mut command);
        job.told(&command.output().unwrap())
    };
    let told = keep("s3://mill/kept/first");
    assert!(
        told.ends_with(" is kept in s3://mill/kept/first\n"),
        "{told}"
    );
    expect![[r#"
        exit 1
        error: there is something at s3://mill/kept/first already

        hint: name a folder that is not there yet
    "#]]
    .assert_eq(&keep("s3://mill/kept/first"));
    expect![[r#"
        exit 1
        error: cannot list s3://mall/kept: the store says: The specified bucket does not exist (NoSuchBucket)

        hint: credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT
    "#]].assert_eq(&keep("s3://mall/kept"));

    // From here on the first two rows are in the savepoint only.
    fs::remove_file(folder.join("in/1.csv")).unwrap();
    put(&folder.join("in/2.csv"), "3,2\n4,7200000\n");
    let other = Job::new(&sql.replace("'sums'", "'others'"));
    let from = |place: &str| {
        let mut command = other.command_of(&["run", "--from", place, "job.sql"]);
        server.credentials(&mut command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let missing = from("s3://mill/kept/second");
    expect![[r#"
        exit 1
        error: there is no savepoint at s3://mill/kept/second

        hint: `wasmill savepoint JOB.sql s3://mill/kept/second` keeps one there
    "#]]
    .assert_eq(&other.told(&missing.wait_with_output().unwrap()));
    let child = from("s3://mill/kept/first");
    wait_until("the rows come", || rows(folder).len() >= 3);
    signal("-INT", child.id());
    let told = other.told(&child.wait_with_output().unwrap());
    assert!(told.starts_with("exit 0\n"), "{told}");
    assert_eq!(rows(folder), [1, 2, 3]);
}

#[test]
fn a_bucket_that_is_not_there() {
    let (server, _shared, sql) = setting();
    let sql = sql.replace("s3://mill", "s3://mall");
    let told = server.run(&Job::new(&sql));
    expect![[r#"
        exit 1
        error: cannot list s3://mall/checkpoints/sums-firsts: the store says: The specified bucket does not exist (NoSuchBucket)

        hint: credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT
    "#]].assert_eq(&told);
    let told = server.run(&Job::new(&sql.replace("s3://", "ftp://")));
    expect![[r#"
        exit 2
        error: the path 'ftp://mall/checkpoints' is not usable: there is no storage 'ftp'
         --> job.sql:9:1
          |
        9 | INSERT INTO firsts SELECT id FROM (
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: paths may be local, file:///… or s3://bucket/… (credentials in AWS_… variables)
    "#]]
    .assert_eq(&told);
}

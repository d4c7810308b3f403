//! Jobs without end: epochs and checkpoints, through kills and restarts.

use std::{
    fs,
    process::{Child, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use expect_test::expect;

use crate::support::{Job, root, signal};

/// Follows a folder of files.
const FOLLOW: &str = "
CREATE TABLE lines (id BIGINT, name STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '20 ms');
CREATE TABLE copy (id BIGINT, name STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
INSERT INTO copy SELECT id, name FROM lines;
";

pub fn every(interval: &str, sql: &str) -> String {
    format!("SET 'execution.checkpointing.interval' = '{interval}';{sql}")
}

pub fn start(job: &Job) -> Child {
    let mut command = job.command();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

pub fn stop(child: Child) -> Output {
    signal("-INT", child.id());
    child.wait_with_output().unwrap()
}

/// Waits until the sink shows what is wanted.
pub fn wait_for_rows(job: &Job, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let rows = shown(job);
        if wanted(&rows) {
            return rows;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{rows:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The rows of the parts that are visible, sorted as text.
pub fn shown(job: &Job) -> Vec<String> {
    shown_in(job, "out")
}

pub fn shown_in(job: &Job, folder: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(job.path(folder)).into_iter().flatten() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with('.') {
            let text = fs::read_to_string(path).unwrap();
            rows.extend(text.lines().map(str::to_owned));
        }
    }
    rows.sort();
    rows
}

#[test]
fn new_files_are_found_and_rows_are_shown_at_checkpoints() {
    let job = Job::new(&every("50 ms", FOLLOW)).file("in/a.csv", "1,one\n2,two\n");
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() == 2);
    let job = job.file("in/b.csv", "3,three\n");
    let rows = wait_for_rows(&job, |rows| rows.len() == 3);
    assert_eq!(rows, ["1,one", "2,two", "3,three"]);
    let told = job.told(&stop(child));
    let (told, checkpoint) = told.split_once("checkpoint ").unwrap();
    assert_eq!(told, "exit 0\ncopy: 3 rows\nstopped behind ");
    assert!(checkpoint.ends_with("; run again, the job goes on there\n"));

    // Run again, it reads what is new.
    let job = job.file("in/c.csv", "4,four\n");
    let child = start(&job);
    let rows = wait_for_rows(&job, |rows| rows.len() == 4);
    assert_eq!(rows, ["1,one", "2,two", "3,three", "4,four"]);
    let told = job.told(&stop(child));
    assert!(
        told.starts_with("exit 0\ngoing on from checkpoint "),
        "{told}"
    );
    assert!(told.contains("copy: 1 row\n"), "{told}");
}

#[test]
fn without_checkpoints_rows_are_shown_when_the_job_stops() {
    let job = Job::new(FOLLOW).file("in/a.csv", "1,one\n");
    let child = start(&job);
    while fs::read_dir(job.path("out")).map_or(0, Iterator::count) == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(shown(&job), Vec::<String>::new());
    expect![[r#"
        exit 0
        warning: the job has no end and takes no checkpoints: 'copy' shows nothing before the job is stopped; SET 'execution.checkpointing.interval' = '10 s' shows its rows every 10 s
        copy: 1 row
        stopped; what it read is in its sinks
    "#]]
    .assert_eq(&job.told(&stop(child)));
    assert_eq!(job.listing(), ["in", "job.sql", "out"]);
    assert_eq!(shown(&job), ["1,one"]);
}

/// The example's functions and models give in epochs, whatever their size, what they give of the
/// same file when it is read as a whole.
#[test]
fn functions_and_models_in_epochs() {
    let example = root().join("examples/lightgbm-batch");
    let table = fs::read_to_string(example.join("data/test.csv")).unwrap();
    let mut lines = table.lines();
    let names: Vec<_> = lines.next().unwrap().split(',').skip(1).collect();
    let declared = names.join(" DOUBLE, ") + " DOUBLE";
    let names = names.join(", ");
    let data: String = lines.flat_map(|line| [line, "\n"]).collect();
    let sql = format!(
        "CREATE TABLE tumours (benign INT, {declared}) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in' FOLLOWED);
         CREATE TABLE copy (way STRING, benign INT, prediction DOUBLE) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
         CREATE MODEL tumour INPUT ({declared}) OUTPUT (prediction DOUBLE)
           WITH ('provider' = 'lightgbm', 'path' = 'model.txt');
         CREATE FUNCTION predict AS 'predict.wasm#predict' LANGUAGE WASM
           WITH ('model' = 'tumour', 'grant.models' = 'tumour');
         INSERT INTO copy
           SELECT 'plugin', benign, predict({names}) FROM tumours WHERE mean_radius > 10
           UNION ALL
           SELECT 'model', benign, prediction
           FROM ML_PREDICT(TABLE tumours, MODEL tumour, DESCRIPTOR({names}));"
    );
    let job = Job::new(&sql.replace(" FOLLOWED", ""))
        .plugin("predict")
        .model()
        .file("in/a.csv", &data);
    assert!(job.run().starts_with("exit 0\n"));
    let expected = shown(&job);
    assert!(expected.len() > 300);
    fs::remove_dir_all(job.path("out")).unwrap();

    let followed = sql.replace(" FOLLOWED", ", 'source.monitor-interval' = '20 ms'");
    let small = "SET 'job.batch-rows' = '7'; SET 'job.epoch-rows' = '20';";
    let job = job.file("job.sql", every("5 ms", &format!("{small}{followed}")));
    let child = start(&job);
    let rows = wait_for_rows(&job, |rows| rows.len() >= expected.len());
    assert!(stop(child).status.success());
    assert_eq!(rows, expected);
}

/// Kills the process again and again, wherever it is; in the end every row is there once.
#[test]
fn no_kill_loses_a_row_or_shows_one_twice() {
    const ROWS: u64 = 60_000;
    const FILES: u64 = 6;
    let sql = every(
        "10 ms",
        "
        SET 'job.batch-rows' = '500';
        CREATE TABLE numbers (id BIGINT) WITH (
          'connector' = 'datagen', 'rows-per-second' = '20000',
          'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '59999');
        CREATE TABLE lines (id BIGINT) WITH (
          'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
          'source.monitor-interval' = '20 ms');
        CREATE TABLE copy (id BIGINT) WITH (
          'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
        CREATE TABLE other (id BIGINT) WITH (
          'connector' = 'filesystem', 'format' = 'csv', 'path' = 'other');
        EXECUTE STATEMENT SET BEGIN
          INSERT INTO copy SELECT id FROM numbers UNION ALL SELECT id FROM lines;
          INSERT INTO other SELECT id + 1 FROM lines;
        END;",
    );
    let mut job = Job::new(&sql).file("in/.keep", "");
    for file in 0..FILES {
        // From file to file the kill comes later.
        let first = ROWS + file * 100_000;
        let text: String = (first..first + 100_000)
            .map(|id| format!("{id}\n"))
            .collect();
        job = job.file(&format!("in/{file}.csv"), text);
        for attempt in 0..4 {
            let mut child = start(&job);
            thread::sleep(Duration::from_millis(30 + 35 * (file * 4 + attempt) % 400));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    let all = usize::try_from(ROWS + FILES * 100_000).unwrap();
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() >= all);
    assert!(stop(child).status.success());
    let mut ids: Vec<u64> = shown(&job).iter().map(|id| id.parse().unwrap()).collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..all as u64));
    let mut ids: Vec<u64> = job
        .rows("other")
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(ROWS + 1..=all as u64));
    let hidden = fs::read_dir(job.path("out")).unwrap();
    let hidden = hidden.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with('.')
    });
    assert_eq!(hidden.count(), 0);
}

#[test]
fn a_row_that_fails_the_job_is_read_again_once_it_is_mended() {
    let job = Job::new(&every("20 ms", FOLLOW)).file("in/a.csv", "1,one\n");
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() == 1);
    let job = job.file("in/b.csv", "2,two\nthree,3\n");
    let output = child.wait_with_output().unwrap();
    expect![[r#"
        exit 1
        error: in/b.csv, line 2, column id (field 1): 'three' is not a BIGINT

        hint: 'csv.ignore-parse-errors' = 'true' turns such fields into NULL
    "#]]
    .assert_eq(&job.told(&output));
    assert_eq!(shown(&job), ["1,one"]);

    let job = job.file("in/b.csv", "2,two\n3,three\n");
    let child = start(&job);
    let rows = wait_for_rows(&job, |rows| rows.len() == 3);
    assert_eq!(rows, ["1,one", "2,two", "3,three"]);
    assert!(stop(child).status.success());
}

#[test]
fn another_process_of_the_job() {
    let job = Job::new(&every("20 ms", FOLLOW)).file("in/a.csv", "1,one\n");
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() == 1);
    expect![[r#"
        exit 1
        error: another process runs this job: it holds the checkpoints in .wasmill/checkpoints/job-copy

        hint: stop it first, or give this one a name of its own with SET 'pipeline.name'
    "#]].assert_eq(&job.run());
    assert!(stop(child).status.success());
}

#[test]
fn a_job_that_has_changed() {
    let sql = every("20 ms", FOLLOW);
    let job = Job::new(&sql).file("in/a.csv", "1,one\n");
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() == 1);
    assert!(stop(child).status.success());
    let changed = sql.replace("lines", "records");
    let job = job.file("job.sql", changed);
    expect![[r#"
        exit 1
        error: the job cannot go on from checkpoint 2 in .wasmill/checkpoints/job-copy: it reads 'records', the checkpoint is of a job that reads 'lines'

        hint: to start anew remove that folder, or give the job another name with SET 'pipeline.name'
    "#]].assert_eq(&job.run());
}

/// Edits the metadata of the one checkpoint that a job has.
fn edit_checkpoint(job: &Job, edit: impl Fn(&str) -> String) {
    let folder = job.path(".wasmill/checkpoints/job-copy");
    let mut entries = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let checkpoint = entries.find(|path| path.is_dir()).unwrap();
    let path = checkpoint.join("_metadata");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, edit(&text)).unwrap();
    fs::rename(checkpoint, folder.join("chk-7")).unwrap();
}

#[test]
fn a_file_that_is_read_in_part_and_one_that_became_shorter() {
    let job = Job::new(&every("20 ms", FOLLOW)).file("in/a.csv", "1,one\n2,two\n3,three\n");
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() == 3);
    assert!(stop(child).status.success());
    // As if it had been killed behind the first six bytes.
    edit_checkpoint(&job, |text| {
        let mut checkpoint: serde_json::Value = serde_json::from_str(text).unwrap();
        let position = &mut checkpoint["sources"]["0.0:lines"];
        let path = position["done"][0].as_str().unwrap().to_owned();
        *position = serde_json::json!({ "done": [], "open": { path: 6 } });
        checkpoint.to_string()
    });
    let kept = fs::read(job.path("in/a.csv")).unwrap();
    let job = job.file("in/a.csv", "1,\n");
    expect![[r#"
        exit 1
        going on from checkpoint 2 in .wasmill/checkpoints/job-copy
        error: in/a.csv: the checkpoint stands behind 6 bytes of its text, but it has only 3

        hint: a file must not change while a job reads it
    "#]]
    .assert_eq(&job.run());

    let job = job.file("in/a.csv", kept);
    let child = start(&job);
    let rows = wait_for_rows(&job, |rows| rows.len() == 5);
    assert_eq!(rows, ["1,one", "2,two", "2,two", "3,three", "3,three"]);
    assert!(stop(child).status.success());
}

#[test]
fn a_checkpoint_that_is_damaged() {
    let job = Job::new(&every("20 ms", FOLLOW)).file("in/a.csv", "1,one\n");
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() == 1);
    assert!(stop(child).status.success());
    edit_checkpoint(&job, |_| "{".to_owned());
    expect![[r#"
        exit 1
        error: the checkpoint .wasmill/checkpoints/job-copy/chk-7/_metadata cannot be read: EOF while parsing an object at line 1 column 1

        hint: remove its folder to go on from the one before, or to start anew if it is the only one
    "#]].assert_eq(&job.run());
}

#[test]
fn two_inserts_into_one_folder() {
    let insert = "INSERT INTO copy SELECT id, name FROM lines;";
    let set = format!(
        "EXECUTE STATEMENT SET BEGIN {insert} {} END;",
        insert.replace("SELECT id", "SELECT -id")
    );
    let sql = FOLLOW.replace(insert, &set);
    assert_ne!(sql, FOLLOW);
    let job = Job::new(&every("20 ms", &sql)).file("in/a.csv", "1,one\n2,two\n");
    let child = start(&job);
    let rows = wait_for_rows(&job, |rows| rows.len() == 4);
    assert_eq!(rows, ["-1,one", "-2,two", "1,one", "2,two"]);
    assert!(stop(child).status.success());
}

#[test]
fn a_limit_is_an_end() {
    let sql = FOLLOW.replace("FROM lines", "FROM lines LIMIT 3");
    let job = Job::new(&every("20 ms", &sql)).file("in/a.csv", "1,one\n2,two\n");
    let mut child = start(&job);
    thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none());
    let job = job.file("in/b.csv", "3,three\n4,four\n");
    expect![[r#"
        exit 0
        copy: 3 rows
    "#]]
    .assert_eq(&job.told(&child.wait_with_output().unwrap()));
    assert_eq!(shown(&job), ["1,one", "2,two", "3,three"]);
}

#[test]
fn what_a_job_without_end_cannot_do() {
    let parquet = FOLLOW.replacen("'csv'", "'parquet'", 1);
    expect![[r#"
        exit 2
        error: table lines: option 'source.monitor-interval' works with the formats csv and json only, so far
         --> job.sql:2:14
          |
        2 | CREATE TABLE lines (id BIGINT, name STRING) WITH (
          |              ^^^^^
    "#]].assert_eq(&Job::new(&parquet).file("in/a", "").run());
    let overwrite = FOLLOW.replace("INSERT INTO", "INSERT OVERWRITE");
    expect![[r#"
        exit 2
        warning: the job has no end and takes no checkpoints: 'copy' shows nothing before the job is stopped; SET 'execution.checkpointing.interval' = '10 s' shows its rows every 10 s
        error: INSERT OVERWRITE into 'copy' needs an end, and the job has none
         --> job.sql:6:1
          |
        6 | INSERT OVERWRITE copy SELECT id, name FROM lines;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: use INSERT INTO
    "#]]
    .assert_eq(&Job::new(&overwrite).file("in/a.csv", "").run());
    let join = FOLLOW.replace(
        "SELECT id, name FROM lines",
        "SELECT lines.id, lines.name FROM lines JOIN lines AS others ON lines.id = others.id",
    );
    expect![[r#"
        exit 2
        warning: the job has no end and takes no checkpoints: 'copy' shows nothing before the job is stopped; SET 'execution.checkpointing.interval' = '10 s' shows its rows every 10 s
        error: the query into 'copy' is over tables without end and has a join of two tables without end, for which they would have to end
         --> job.sql:6:1
          |
        6 | INSERT INTO copy SELECT lines.id, lines.name FROM lines JOIN lines AS others ON lines.id = others.id…
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: bound the times of both, which must have a WATERMARK: … ON a.id = b.id AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts + INTERVAL '1' MINUTE; or join windows of both, ON a.id = b.id AND a.window_end = b.window_end
    "#]].assert_eq(&Job::new(&join).file("in/a.csv", "").run());
    let missing = Job::new(FOLLOW);
    expect![[r#"
        exit 2
        error: there is no file or folder in
         --> job.sql:2:14
          |
        2 | CREATE TABLE lines (id BIGINT, name STRING) WITH (
          |              ^^^^^

        hint: relative paths start from the job's folder, [JOB]
    "#]]
    .assert_eq(&missing.run());
    let interval = FOLLOW.replace("20 ms", "soon");
    expect![[r#"
        exit 2
        error: table lines: option 'source.monitor-interval' must be a duration such as '30 min', not 'soon'
         --> job.sql:2:14
          |
        2 | CREATE TABLE lines (id BIGINT, name STRING) WITH (
          |              ^^^^^
    "#]].assert_eq(&Job::new(&interval).file("in/a.csv", "").run());
}

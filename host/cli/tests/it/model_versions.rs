//! Versions of models in jobs that run: a new one takes over, a bad one does not, a checkpoint knows.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    process::Child,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

use expect_test::expect;

use crate::{
    endless::{shown, start, stop, wait_for_rows},
    serve_model::serve,
    support::{Job, signal},
};

/// A model that predicts one number.
fn tree(value: &str) -> String {
    format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n\
         max_feature_idx=0\nobjective=regression\nfeature_names=x\nfeature_infos=[0:1]\n\n\
         Tree=0\nnum_leaves=1\nnum_cat=0\nleaf_value={value}\n\nend of trees\n"
    )
}

/// Writes a version that was changed a while ago, so that it counts as whole.
fn put(job: &Job, name: &str, text: &str) {
    static PUT: AtomicU64 = AtomicU64::new(0);
    let path = job.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // In one step, as whoever deploys a model should.
    let beside = job.path("beside");
    fs::write(&beside, text).unwrap();
    let age = Duration::from_secs(100_000 - PUT.fetch_add(1, Ordering::Relaxed));
    let file = File::options().write(true).open(&beside).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
    fs::rename(beside, path).unwrap();
}

fn job(options: &str) -> Job {
    let job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE clicks (id BIGINT, x DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '20 ms');
CREATE TABLE scores (id BIGINT, score DOUBLE, version STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
CREATE MODEL churn INPUT (x DOUBLE) OUTPUT (score DOUBLE, version STRING) WITH (
  'provider' = 'lightgbm', 'path' = 'churn/*', 'version.column' = 'version',
  'reload.interval' = '20 ms'{options});
INSERT INTO scores
  SELECT id, score, version FROM ML_PREDICT(TABLE clicks, MODEL churn, DESCRIPTOR(x));"
    ));
    put(&job, "churn/1.txt", &tree("10"));
    job.file("in/a.csv", "1,0\n")
}

/// A job that runs, and what it says.
struct Running {
    child: Option<Child>,
    said: std::sync::mpsc::Receiver<String>,
}

impl Running {
    fn of(job: &Job) -> Self {
        let mut child = start(job);
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, said) = std::sync::mpsc::channel();
        thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .try_for_each(|line| tell.send(line))
        });
        Running {
            child: Some(child),
            said,
        }
    }

    /// Waits for a line that contains some words.
    fn hears(&self, words: &str) -> String {
        let [line] = self.hears_all([words]);
        line
    }

    /// Waits for lines that contain some words each, in any order: different threads say them.
    fn hears_all<const N: usize>(&self, words: [&str; N]) -> [String; N] {
        let mut heard = [const { String::new() }; N];
        let mut before = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            let Ok(line) = self.said.recv_timeout(Duration::from_secs(60)) else {
                break;
            };
            match words.iter().position(|words| line.contains(words)) {
                Some(place) => heard[place] = line,
                None => before.push(line),
            }
            if heard.iter().all(|line| !line.is_empty()) {
                return heard;
            }
        }
        panic!("heard only {heard:#?} of {words:#?}, and: {before:#?}");
    }

    fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    fn stop(mut self) -> Vec<String> {
        stop(self.child.take().unwrap());
        self.said.iter().collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            let _ = child.kill();
        }
    }
}

#[test]
fn a_new_version_takes_over_and_a_bad_one_does_not() {
    let job = job("");
    let running = Running::of(&job);
    wait_for_rows(&job, |rows| rows.len() == 1);
    put(&job, "churn/2.txt", "tree\n");
    expect!["model 'churn': ./churn/2.txt: the model is damaged: the line 'max_feature_idx=…' is missing; version '1' (48dd5db741b9) goes on"]
        .assert_eq(&running.hears("goes on").replace(&*job.path("").to_string_lossy(), ""));
    let job = job.file("in/b.csv", "2,0\n");
    wait_for_rows(&job, |rows| rows.len() == 2);
    put(&job, "churn/3.txt", &tree("30"));
    running.hears("version '3'");
    let job = job.file("in/c.csv", "3,0\n");
    let rows = wait_for_rows(&job, |rows| rows.len() == 3);
    assert_eq!(rows, ["1,10.0,1", "2,10.0,1", "3,30.0,3"]);
    running.stop();
}

/// What comes behind a checkpoint has the versions of the checkpoint, also in the next process, up to the
/// checkpoint behind which another one serves.
#[test]
fn a_job_goes_on_with_the_version_of_its_checkpoint() {
    let job = job("");
    let running = Running::of(&job);
    wait_for_rows(&job, |rows| rows.len() == 1);
    running.stop();
    put(&job, "churn/2.txt", &tree("20"));
    let job = job.file("in/b.csv", "2,0\n3,0\n");
    // It looks for other versions once an hour.
    let quiet = fs::read_to_string(job.path("job.sql")).unwrap();
    fs::write(
        job.path("job.sql"),
        quiet.replace("'20 ms');\nINS", "'1 h');\nINS"),
    )
    .unwrap();
    let running = Running::of(&job);
    running.hears("going on from checkpoint");
    let rows = wait_for_rows(&job, |rows| rows.len() == 3);
    assert_eq!(rows, ["1,10.0,1", "2,10.0,1", "3,10.0,1"]);
    running.stop();
    fs::write(job.path("job.sql"), &quiet).unwrap();
    let running = Running::of(&job);
    running.hears("serves from here on, after version '1'");
    let job = job.file("in/c.csv", "4,0\n");
    let rows = wait_for_rows(&job, |rows| rows.len() == 4);
    assert_eq!(rows[3], "4,20.0,2");
    running.stop();
    // Without the file the rows behind the checkpoint could not be predicted again.
    fs::remove_file(job.path("churn/2.txt")).unwrap();
    let told = job.run();
    let told = told.split_once("the checkpoint is of").unwrap().1;
    expect![[r#"
         version '2' (a844a78edd03), which is no longer there

        hint: bring back the one of the checkpoint, so that rows are predicted again as they were; or go on with another: 'version' = '…'
    "#]].assert_eq(told);
    assert_eq!(shown(&job).len(), 4);
    // Who names another has it.
    let sql = quiet.replace("'reload.interval' = '20 ms'", "'version' = '1'");
    fs::write(job.path("job.sql"), sql).unwrap();
    let job = job.file("in/d.csv", "5,0\n");
    let running = Running::of(&job);
    let rows = wait_for_rows(&job, |rows| rows.len() == 5);
    assert_eq!(rows[4], "5,10.0,1");
    running.stop();
}

/// SIGHUP has a job read its file again, which may say another version of its model.
#[test]
fn a_running_job_is_told_another_version() {
    let job = job("");
    let sql = fs::read_to_string(job.path("job.sql")).unwrap();
    let says = |sql: &str, running: &Running| {
        fs::write(job.path("job.sql"), sql).unwrap();
        signal("-HUP", running.id());
    };
    put(&job, "churn/2.txt", &tree("20"));
    put(&job, "churn/3.txt", "tree\n");
    fs::remove_file(job.path("in/a.csv")).unwrap();
    let running = Running::of(&job);
    let give = |file: &str, rows: usize| {
        crate::support::put(&job.path(file), format!("{rows},0\n"));
        wait_for_rows(&job, |shown| shown.len() == rows).pop()
    };
    assert_eq!(give("in/a.csv", 1).unwrap(), "1,20.0,2");
    says(
        &sql.replace("'20 ms');\nINS", "'20 ms', 'version' = '1');\nINS"),
        &running,
    );
    running.hears_all([
        "model 'churn' is what job.sql says now",
        "version '1' (48dd5db741b9) serves from here on, after version '2'",
    ]);
    assert_eq!(give("in/b.csv", 2).unwrap(), "2,10.0,1");
    let bad = "ALTER MODEL churn SET ('version' = '3');\nINSERT";
    says(&sql.replace("INSERT", bad), &running);
    running.hears("error: model 'churn': ./churn/3.txt: the model is damaged");
    says("CREATE MODEL churn", &running);
    running.hears("error: ");
    running.hears("it goes on with what it had");
    says(
        &sql.replace("OUTPUT (score DOUBLE,", "OUTPUT (score FLOAT,"),
        &running,
    );
    running.hears("error: model 'churn': the outputs cannot change while a job runs with it");
    assert_eq!(give("in/c.csv", 3).unwrap(), "3,10.0,1");
    says(&sql, &running);
    running.hears("version '2' (a844a78edd03) serves from here on, after version '1'");
    signal("-HUP", running.id());
    running.hears("job.sql was read again; no model that runs is declared otherwise");
    assert_eq!(give("in/d.csv", 4).unwrap(), "4,20.0,2");
    running.stop();
}

#[test]
fn a_canary_and_a_shadow_in_a_job() {
    let job = Job::new(
        "CREATE TABLE clicks (who STRING, x DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in.csv');
CREATE TABLE scores (who STRING, score DOUBLE, version STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
CREATE MODEL churn INPUT (x DOUBLE) OUTPUT (score DOUBLE, version STRING) WITH (
  'provider' = 'lightgbm', 'path' = 'churn/*', 'version' = '1', 'version.column' = 'version',
  'canary.version' = '2', 'canary.share' = '0.25', 'canary.key' = 'who',
  'shadow.version' = '3', 'shadow.tolerance' = '0.5');
INSERT INTO scores
  SELECT who, score, version FROM ML_PREDICT(TABLE clicks, MODEL churn, DESCRIPTOR(x));",
    );
    for (version, value) in [("1", "10"), ("2", "20"), ("3", "10.25")] {
        put(&job, &format!("churn/{version}.txt"), &tree(value));
    }
    let lines = (0..4000).map(|row| format!("user {},0\n", row % 1000));
    let job = job.file("in.csv", lines.collect::<String>());
    let told = job.run();
    let rows = shown(&job);
    assert_eq!(rows.len(), 4000, "{told}");
    let canaries = rows.iter().filter(|row| row.ends_with(",20.0,2")).count();
    assert!((800..1200).contains(&canaries), "{canaries}");
    assert_eq!(canaries % 4, 0, "a user has one version");
    let others = rows.iter().filter(|row| row.ends_with(",10.0,1")).count();
    assert_eq!(canaries + others, 4000);
    // Of a canary the shadow is far; of the others it is near enough.
    let compared = format!("4000 rows compared, {canaries} differ, ");
    assert!(told.contains("version '3' ("), "{told}");
    assert!(told.contains(&compared), "{told}");
    // The key must be there.
    let sql = fs::read_to_string(job.path("job.sql")).unwrap();
    fs::write(job.path("job.sql"), sql.replace("= 'who'", "= 'user'")).unwrap();
    expect![[r#"
        exit 2
        error: the input of ML_PREDICT has no column 'user'
          --> job.sql:10:66
           |
        10 |   SELECT who, score, version FROM ML_PREDICT(TABLE clicks, MODEL churn, DESCRIPTOR(x));
           |                                                                  ^^^^^

        hint: 'canary.key' = 'user' of the model 'churn' is a column of its input; its columns are: who, x
    "#]].assert_eq(&job.run());
}

#[test]
fn a_server_of_models_takes_new_versions() {
    let job = Job::new(
        "CREATE MODEL churn INPUT (x DOUBLE) OUTPUT (score DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'churn/*', 'reload.interval' = '20 ms');",
    );
    put(&job, "churn/1.txt", &tree("10"));
    let server = serve(&job, &[]);
    let ask = || {
        let remote = Job::new(&format!(
            "CREATE TABLE scores (score DOUBLE, version STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
CREATE MODEL there INPUT (x DOUBLE) OUTPUT (score DOUBLE)
  WITH ('provider' = 'open-inference', 'endpoint' = 'http://{}', 'model' = 'churn');
INSERT INTO scores SELECT score, 'there' FROM ML_PREDICT(
  (SELECT CAST(x AS DOUBLE) AS x FROM (VALUES (1)) AS t(x)), MODEL there, DESCRIPTOR(x));",
            server.address
        ));
        let told = remote.run();
        (shown(&remote), told)
    };
    assert_eq!(ask().0, ["10.0,there"]);
    put(&job, "churn/2.txt", &tree("20"));
    let begun = Instant::now();
    loop {
        let (rows, told) = ask();
        if rows == ["20.0,there"] {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{told}");
    }
    // Told another one, as a job is.
    let sql = fs::read_to_string(job.path("job.sql")).unwrap();
    let pinned = sql.replace("'churn/*',", "'churn/*', 'version' = '1',");
    assert_ne!(sql, pinned);
    fs::write(job.path("job.sql"), pinned).unwrap();
    signal("-HUP", server.process.id());
    let begun = Instant::now();
    loop {
        let (rows, told) = ask();
        if rows == ["10.0,there"] {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{told}");
    }
}

/// Paths start from the folder of the job file, wherever that is.
#[test]
fn versions_of_a_job_in_another_folder() {
    let sql = "CREATE TABLE scores (a DOUBLE, b DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = '../out');
CREATE MODEL one INPUT (x DOUBLE) OUTPUT (a DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'churn/1.txt', 'golden.path' = 'golden.csv');
CREATE MODEL newest INPUT (x DOUBLE) OUTPUT (b DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'churn/*');
INSERT INTO scores SELECT a, b FROM ML_PREDICT(
  (SELECT * FROM ML_PREDICT(
    (SELECT CAST(x AS DOUBLE) AS x FROM (VALUES (1)) AS t(x)), MODEL one, DESCRIPTOR(x))),
  MODEL newest, DESCRIPTOR(x));";
    let job = Job::new("")
        .file("jobs/job.sql", sql)
        .file("jobs/golden.csv", "x,a\n1,10\n");
    put(&job, "jobs/churn/1.txt", &tree("10"));
    put(&job, "jobs/churn/2.txt", &tree("20"));
    let output = job.command_of(&["run", "jobs/job.sql"]).output().unwrap();
    assert_eq!(shown(&job), ["10.0,20.0"], "{}", job.told(&output));
}

//! `s3://` paths, on a server that speaks S3.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use expect_test::expect;

use crate::support::{Job, python, root};

/// An S3 server of its own with one bucket, `mill`; it ends with its standard input.
pub struct Server {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    port: String,
}

impl Server {
    pub fn start() -> Self {
        let mut process = python()
            .arg(root().join("host/cli/tests/it/s3_server.py"))
            .arg("mill")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut port = String::new();
        answers.read_line(&mut port).unwrap();
        assert!(!port.is_empty(), "the S3 server did not start");
        Server {
            questions: process.stdin.take().unwrap(),
            process,
            answers,
            port: port.trim().to_owned(),
        }
    }

    /// Keys and sizes of the bucket's objects, as the vendor's own client lists them.
    pub fn objects(&mut self) -> Vec<(String, u64)> {
        writeln!(self.questions).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let listing: serde_json::Map<_, _> = serde_json::from_str(&answer).unwrap();
        listing
            .into_iter()
            .map(|(key, size)| (key, size.as_u64().unwrap()))
            .collect()
    }

    pub fn run(&self, job: &Job) -> String {
        job.told(&self.command(job).output().unwrap())
    }

    /// The job's command with credentials for this server.
    pub fn command(&self, job: &Job) -> Command {
        let mut command = job.command();
        self.credentials(&mut command);
        command
    }

    pub fn credentials(&self, command: &mut Command) {
        command
            .env("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "mill")
            .env("AWS_SECRET_ACCESS_KEY", "stone");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn table(name: &str, format: &str, path: &str) -> String {
    format!(
        "CREATE TABLE {name} (id INT, name STRING) WITH (
  'connector' = 'filesystem', 'format' = '{format}', 'path' = '{path}');\n"
    )
}

#[test]
fn what_is_written_is_listed_and_read_again() {
    let mut server = Server::start();
    for format in ["csv", "json", "parquet"] {
        let folder = format!("s3://mill/{format}");
        let write = table("out", format, &folder)
            + "INSERT INTO out VALUES (1, 'wind'), (2, 'water'), (3, 'earth');";
        let told = server.run(&Job::new(&write));
        assert_eq!(told, "exit 0\nout: 3 rows\n");

        let objects = server.objects();
        let parts: Vec<_> = objects
            .iter()
            .filter(|(key, _)| key.starts_with(&format!("{format}/")))
            .collect();
        assert!(!parts.is_empty(), "{objects:?}");
        assert!(parts.iter().all(|(_, size)| *size > 0), "{objects:?}");

        for path in [folder.clone(), format!("{folder}/part-*")] {
            let read = table("t", format, &path)
                + "SELECT id, name, `file.path` LIKE 's3://mill/%' AS there FROM (
  SELECT id, name, `file.path` FROM t) ORDER BY id;";
            let read = read.replace(
                "name STRING)",
                "name STRING, `file.path` STRING NOT NULL METADATA)",
            );
            expect![[r#"
                exit 0
                +----+-------+-------+
                | id | name  | there |
                +----+-------+-------+
                |  1 | wind  | true  |
                |  2 | water | true  |
                |  3 | earth | true  |
                +----+-------+-------+
                3 rows in set
            "#]]
            .assert_eq(&server.run(&Job::new(&read)));
        }
    }
}

#[test]
fn a_job_that_fails_leaves_no_object() {
    let mut server = Server::start();
    let job = Job::new(
        &(table("t", "csv", "rows.csv")
            + &table("out", "csv", "s3://mill/out")
            + "INSERT INTO out SELECT * FROM t;"),
    )
    .file("rows.csv", "1,wind\nx,water\n");
    let told = server.run(&job);
    assert!(told.starts_with("exit 1\nerror: "), "{told}");
    assert_eq!(server.objects(), []);
}

#[test]
fn a_bucket_that_is_not_there() {
    let server = Server::start();
    let job = Job::new(&(table("t", "csv", "s3://mall/rows.csv") + "SELECT * FROM t;"));
    expect![[r#"
        exit 2
        error: cannot read s3://mall/rows.csv: the store says: The specified bucket does not exist (NoSuchBucket)

        hint: credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT
    "#]].assert_eq(&server.run(&job));
}

#[test]
fn no_object_there() {
    let server = Server::start();
    let job = Job::new(&(table("t", "csv", "s3://mill/rows.csv") + "SELECT * FROM t;"));
    expect![[r#"
        exit 2
        error: there is no object s3://mill/rows.csv, nor any below it
         --> job.sql:1:14
          |
        1 | CREATE TABLE t (id INT, name STRING) WITH (
          |              ^

        hint: files and folders whose names start with '.' or '_' are not data and are skipped
    "#]]
    .assert_eq(&server.run(&job));
}

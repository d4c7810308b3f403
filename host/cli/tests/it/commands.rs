//! The command line itself.

use std::process::{Command, Stdio};

use expect_test::expect;

use crate::support::{Job, python};

fn told(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wasmill"))
        .args(arguments)
        .output()
        .unwrap();
    let code = output.status.code().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    format!(
        "exit {code}\n{}{}",
        text(output.stdout),
        text(output.stderr)
    )
}

#[test]
fn help() {
    expect![[r#"
        exit 0
        Streaming SQL with WebAssembly functions and host-run models

        Usage: wasmill <COMMAND>

        Commands:
          run          Runs a SQL job file
          savepoint    Keeps a job's newest checkpoint, for `wasmill run --from`; the job may be running
          serve-model  Serves models and scalar functions of a job over the Open Inference Protocol
          plugin       Makes, builds, tests, measures and shows plugins
          completions  Prints the shell's completions
          help         Print this message or the help of the given subcommand(s)

        Options:
          -h, --help     Print help
          -V, --version  Print version
    "#]]
    .assert_eq(&told(&["--help"]));
}

#[test]
fn help_of_run() {
    expect![[r#"
        exit 0
        Runs a SQL job file

        Usage: wasmill run [OPTIONS] <JOB.sql>

        Arguments:
          <JOB.sql>  The job: SQL statements in Flink's dialect. Paths in it are relative to this file

        Options:
              --set <KEY=VALUE>             Sets a configuration key before the first statement, like SET in
                                            the file
              --ceiling <LIMIT=VALUE>       Lowers what functions, and all of the job's together, may use at
                                            most, whatever the job says: limit.memory=64mb,
                                            job.total.memory=1gb
              --allow-grant <GRANT>         Which grants the job may give to its functions; by default any
                                            [possible values: clock, dir, env, http, models, random, none]
              --tenant <NAME>               Whose job it is; messages name the tenant [default: default]
              --tenant-limit <LIMIT=VALUE>  What all functions of the tenant may use together:
                                            total.memory=4gb
              --from <FOLDER>               Begins a job without end with a savepoint, unless it has
                                            checkpoints that came of it
          -q, --quiet                       No progress and no summary; warnings and errors still appear
          -h, --help                        Print help

        Ctrl-C and SIGTERM end a job: one without end behind a last checkpoint. On SIGHUP one without end
        reads its file again, and its models become what it says of them now.

        Exit codes: 0, all statements ran; 1, the job failed while it ran; 2, the job is wrong and nothing
        ran; 130, interrupted.
    "#]].assert_eq(&told(&["run", "--help"]));
}

#[test]
fn version() {
    assert_eq!(
        told(&["--version"]),
        format!("exit 0\nwasmill {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn completions_name_the_subcommands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = told(&["completions", shell]);
        assert!(
            script.starts_with("exit 0\n") && script.contains("run"),
            "{script}"
        );
    }
}

#[test]
fn settings_from_the_command_line() {
    let job = Job::new("SET 'pipeline.name' = 'mine';\nSET;");
    let output = job
        .command()
        .args(["--set", "parallelism.default=1"])
        .output()
        .unwrap();
    expect![[r#"
        exit 0
        +---------------------+-------+
        | key                 | value |
        +---------------------+-------+
        | parallelism.default | 1     |
        | pipeline.name       | mine  |
        +---------------------+-------+
        2 rows in set
    "#]]
    .assert_eq(&job.told(&output));
}

#[test]
fn setting_without_a_value() {
    let job = Job::new("");
    let output = job
        .command()
        .args(["--set", "parallelism.default"])
        .output()
        .unwrap();
    expect![[r#"
        exit 2
        error: invalid value 'parallelism.default' for '--set <KEY=VALUE>': expected KEY=VALUE, for example parallelism.default=2

        For more information, try '--help'.
    "#]].assert_eq(&job.told(&output));
}

#[test]
fn quiet_says_nothing() {
    let job = Job::new(
        "CREATE TABLE t (id INT) WITH ('connector' = 'datagen', 'number-of-rows' = '10');
         CREATE TABLE out (id INT) WITH ('connector' = 'blackhole');
         INSERT INTO out SELECT id FROM t;",
    );
    let output = job.command().arg("--quiet").output().unwrap();
    assert_eq!(job.told(&output), "exit 0\n");
    expect![[r#"
        exit 0
        out: 10 rows
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn tables_of_queries() {
    let job = Job::new(
        "SELECT * FROM (VALUES (1, 'a', 1.5), (2, NULL, -0.25)) AS t (id, name, value) ORDER BY id;
         SELECT 1 AS one WHERE FALSE;
         SHOW TABLES;",
    );
    expect![[r#"
        exit 0
        +----+------+-------+
        | id | name | value |
        +----+------+-------+
        |  1 | a    |   1.5 |
        |  2 | NULL | -0.25 |
        +----+------+-------+
        2 rows in set
        +-----+
        | one |
        +-----+
        0 rows in set
        +------------+
        | table name |
        +------------+
        0 rows in set
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn print_in_flinks_form() {
    let job = Job::new(
        "CREATE TABLE t (id INT, name STRING, price DOUBLE, tags ARRAY<STRING>, at TIMESTAMP(3)) WITH (
           'connector' = 'filesystem', 'format' = 'json', 'path' = 't.json');
         CREATE TABLE out LIKE t;
         CREATE TABLE printed (id INT, name STRING, price DOUBLE, tags ARRAY<STRING>, at TIMESTAMP(3))
           WITH ('connector' = 'print', 'print-identifier' = 'p');
         INSERT INTO printed SELECT * FROM t;",
    )
    .file(
        "t.json",
        "{\"id\": 1, \"name\": \"a\", \"price\": 1e10, \"tags\": [\"x\", \"y\"], \"at\": \"2026-01-02 03:04:05.678\"}\n{\"id\": 2}\n",
    );
    expect![[r#"
        exit 0
        p> +I[1, a, 1.0E10, [x, y], 2026-01-02T03:04:05.678]
        p> +I[2, null, null, null, null]
        printed: 2 rows
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn completions_into_a_closed_or_full_output() {
    let completions = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasmill"));
        command.args(["completions", "bash"]);
        command
    };
    let mut child = completions()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = completions().stdout(full).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0));
}

#[test]
fn a_terminal_sees_a_bar_and_then_one_line() {
    let job = Job::new(
        "CREATE TABLE t (id INT) WITH ('connector' = 'datagen', 'number-of-rows' = '50', 'rows-per-second' = '100');
         CREATE TABLE out (id INT) WITH ('connector' = 'blackhole');
         INSERT INTO out SELECT id FROM t;",
    );
    let output = python()
        .current_dir(job.path(""))
        .args([
            "-c",
            "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)",
            env!("CARGO_BIN_EXE_wasmill"),
            "run",
            "job.sql",
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("░") && shown.contains(" left"), "{shown:?}");
    assert!(!shown.contains("/50"), "a bar in another style: {shown:?}");
    let (_, last) = shown.trim_end().rsplit_once("\u{1b}[2K").unwrap();
    assert!(last.starts_with("out: 50 rows in "), "{shown:?}");
}

//! Jobs without end, through kills and restarts of both sides.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use expect_test::expect;

use super::server::{Database, Server};
use crate::support::{Job, signal};

/// Follows a folder of files; `settings` go before it.
fn following(database: &Database, settings: &str, columns: &str, options: &str) -> Job {
    let job = Job::new(&format!(
        "{settings}
         CREATE TABLE lines (id BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
           'source.monitor-interval' = '20 ms');
         CREATE TABLE t ({columns}) {};
         INSERT INTO t SELECT id FROM lines;",
        database.with("t", options)
    ));
    job.file("in/.keep", "")
}

const CHECKPOINTS: &str = "SET 'execution.checkpointing.interval' = '20 ms';";
const EXACTLY_ONCE: &str = ", 'sink.delivery-guarantee' = 'exactly-once'";

fn start(job: &Job) -> Child {
    let mut command = job.command();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn wait_until(database: &Database, question: &str, wanted: &str) {
    let begun = Instant::now();
    loop {
        let answer = database.rows(question);
        if answer.trim_end() == wanted {
            return;
        }
        let late = begun.elapsed() > Duration::from_secs(60);
        assert!(!late, "{question}: {answer}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn stop(child: Child) -> std::process::Output {
    signal("-INT", child.id());
    child.wait_with_output().unwrap()
}

fn numbers(from: u64, to: u64) -> String {
    (from..to).map(|id| format!("{id}\n")).collect()
}

/// Kills a job again and again while rows are on their way: rows of datagen, and of `FILES` files.
fn killed(database: &Database, columns: &str, options: &str) -> u64 {
    const ROWS: u64 = 40_000;
    const FILES: u64 = 5;
    const LINES: u64 = 40_000;
    let mut job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '10 ms';
         SET 'job.batch-rows' = '500';
         CREATE TABLE numbers (id BIGINT) WITH (
           'connector' = 'datagen', 'rows-per-second' = '20000',
           'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '{}');
         CREATE TABLE lines (id BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
           'source.monitor-interval' = '20 ms');
         CREATE TABLE t ({columns}) {};
         INSERT INTO t SELECT id FROM numbers UNION ALL SELECT id FROM lines;",
        ROWS - 1,
        database.with("t", options)
    ))
    .file("in/.keep", "");
    for file in 0..FILES {
        let first = ROWS + file * LINES;
        job = job.file(&format!("in/{file}.csv"), numbers(first, first + LINES));
        for attempt in 0..4 {
            let mut child = start(&job);
            thread::sleep(Duration::from_millis(40 + 37 * (file * 4 + attempt) % 400));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    let all = ROWS + FILES * LINES;
    let child = start(&job);
    wait_until(
        database,
        "SELECT count(DISTINCT id) FROM t",
        &all.to_string(),
    );
    let output = stop(child);
    assert!(output.status.success(), "{}", job.told(&output));
    assert_eq!(
        database.rows("SELECT min(id), max(id) FROM t"),
        format!("0|{}\n", all - 1)
    );
    all
}

#[test]
fn exactly_once_through_kills() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id bigint)");
    let all = killed(&database, "id BIGINT", EXACTLY_ONCE);
    assert_eq!(database.rows("SELECT count(*) FROM t"), format!("{all}\n"));
}

#[test]
fn exactly_once_through_kills_with_a_key() {
    let database = Database::new();
    // Counts what is written, also where a row replaces another.
    database.rows(
        "CREATE TABLE t (id bigint PRIMARY KEY, written integer DEFAULT 1);
         CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN NEW.written = OLD.written + 1; RETURN NEW; END';
         CREATE TRIGGER again BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION again()",
    );
    let all = killed(
        &database,
        "id BIGINT PRIMARY KEY NOT ENFORCED",
        EXACTLY_ONCE,
    );
    let counted = "SELECT count(*), max(written) FROM t";
    assert_eq!(database.rows(counted), format!("{all}|1\n"));
}

#[test]
fn at_least_once_through_kills() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id bigint)");
    killed(&database, "id BIGINT", "");
}

#[test]
fn at_least_once_through_kills_with_a_key() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id bigint PRIMARY KEY)");
    let all = killed(&database, "id BIGINT PRIMARY KEY NOT ENFORCED", "");
    assert_eq!(database.rows("SELECT count(*) FROM t"), format!("{all}\n"));
}

#[test]
fn rows_are_there_while_the_job_runs() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id bigint)");
    let job = following(&database, "", "id BIGINT", "").file("in/a.csv", "1\n2\n");
    let child = start(&job);
    wait_until(&database, "SELECT count(*) FROM t", "2");
    let job = job.file("in/b.csv", "3\n");
    wait_until(&database, "SELECT count(*) FROM t", "3");
    expect![[r#"
        exit 0
        t: 3 rows
        stopped; what it read is in its sinks
    "#]]
    .assert_eq(&database.hidden(&job.told(&stop(child))));
    assert_eq!(database.rows("SELECT id FROM t ORDER BY id"), "1\n2\n3\n");
}

/// A join with rows of its own shows its rows like any other query.
#[test]
fn rows_of_a_join_are_there_while_the_job_runs() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id bigint)");
    let job = following(&database, "", "id BIGINT", "");
    let sql = fs::read_to_string(job.path("job.sql")).unwrap();
    let join = "FROM lines JOIN (VALUES (0), (1)) AS v (k) ON k = id % 2;";
    let job = job.file("job.sql", sql.replace("FROM lines;", join));
    let job = job.file("in/a.csv", numbers(0, 100_000));
    let mut child = start(&job);
    wait_until(&database, "SELECT count(*) > 0 FROM t", "t");
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn without_checkpoints_exactly_once_shows_rows_at_the_end() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id bigint)");
    let job = following(&database, "", "id BIGINT", EXACTLY_ONCE).file("in/a.csv", "1\n");
    let child = start(&job);
    let copying = "SELECT count(*) FROM pg_stat_activity
                   WHERE query LIKE 'COPY%' AND datname = current_database()";
    wait_until(&database, copying, "1");
    assert_eq!(database.rows("SELECT count(*) FROM t"), "0\n");
    expect![[r#"
        exit 0
        warning: the job has no end and takes no checkpoints: 't' shows nothing before the job is stopped; SET 'execution.checkpointing.interval' = '10 s' shows its rows every 10 s
        t: 1 row
        stopped; what it read is in its sinks
    "#]].assert_eq(&database.hidden(&job.told(&stop(child))));
    assert_eq!(database.rows("SELECT count(*) FROM t"), "1\n");
}

#[test]
fn a_row_that_is_refused_fails_the_job_and_nothing_else() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id bigint CHECK (id <> 2))");
    for options in ["", EXACTLY_ONCE] {
        database.rows("TRUNCATE t");
        let job = following(&database, CHECKPOINTS, "id BIGINT", options).file("in/a.csv", "1\n");
        let child = start(&job);
        wait_until(&database, "SELECT count(*) FROM t", "1");
        let job = job.file("in/b.csv", "2\n3\n");
        let output = child.wait_with_output().unwrap();
        let told = database.hidden(&job.told(&output));
        let refused = "exit 1\nerror: cannot write public.t at [DB]: new row for relation \"t\" \
                       violates check constraint \"t_id_check\": Failing row contains (2)\n";
        assert_eq!(told, refused);
        database.rows("ALTER TABLE t DROP CONSTRAINT t_id_check");
        let child = start(&job);
        wait_until(&database, "SELECT count(*) FROM t", "3");
        assert!(stop(child).status.success());
        assert_eq!(database.rows("SELECT id FROM t ORDER BY id"), "1\n2\n3\n");
        database.rows("DELETE FROM t WHERE id = 2; ALTER TABLE t ADD CHECK (id <> 2)");
    }
}

#[test]
fn a_server_that_goes_away_and_comes_back() {
    let mut server = Server::start(&[], &[]);
    let database = server.database();
    database.rows("CREATE TABLE t (id bigint)");
    let none = format!("{CHECKPOINTS} SET 'restart-strategy.type' = 'none';");
    let job = following(&database, &none, "id BIGINT", EXACTLY_ONCE);
    let job = job.file("in/a.csv", numbers(0, 1000));
    let child = start(&job);
    wait_until(&database, "SELECT count(*) FROM t", "1000");
    server.order("stop");
    let job = job.file("in/b.csv", numbers(1000, 2000));
    let output = child.wait_with_output().unwrap();
    let told = database.hidden(&job.told(&output));
    let lost = "exit 1\nerror: the connection to PostgreSQL at [DB] was lost";
    assert!(told.starts_with(lost), "{told}");
    server.order("start");
    let child = start(&job);
    wait_until(&database, "SELECT count(*) FROM t", "2000");

    // And with Flink's own strategy the job waits for it.
    assert!(stop(child).status.success());
    let sql = fs::read_to_string(job.path("job.sql")).unwrap();
    let job = job.file("job.sql", sql.replace("'none'", "'exponential-delay'"));
    let child = start(&job);
    let job = job.file("in/c.csv", numbers(2000, 3000));
    wait_until(&database, "SELECT count(*) FROM t", "3000");
    server.order("crash");
    let _job = job.file("in/d.csv", numbers(3000, 4000));
    server.order("start");
    wait_until(&database, "SELECT count(*) FROM t", "4000");
    assert!(stop(child).status.success());
    assert_eq!(
        database.rows("SELECT count(DISTINCT id), max(id) FROM t"),
        "4000|3999\n"
    );
}

/// What is held when the server goes is written when it is back; the job need not begin again.
#[test]
fn what_is_held_waits_for_the_server() {
    let mut server = Server::start(&[], &[]);
    let database = server.database();
    database.rows("CREATE TABLE t (id bigint)");
    let options = ", 'sink.buffer-flush.interval' = '50 ms', 'sink.max-retries' = '20'";
    let job = following(&database, "", "id BIGINT", options).file("in/a.csv", "1\n");
    let mut child = start(&job);
    wait_until(&database, "SELECT count(*) FROM t", "1");
    server.order("stop");
    let _job = job.file("in/b.csv", "2\n");
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    let waiting = "waiting for PostgreSQL at [DB]: connection refused\n";
    assert_eq!(database.hidden(&line), waiting);
    server.order("start");
    wait_until(&database, "SELECT count(*) FROM t", "2");
    assert!(stop(child).status.success());
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    let rest = database.hidden(&rest);
    assert!(
        rest.starts_with("connected to PostgreSQL at [DB]\nt: 2 rows in "),
        "{rest}"
    );
}

/// A process that stops without dying, while another goes on with its run from a copy of its
/// checkpoints: it wakes up to find that it can write no more.
#[test]
fn a_process_that_was_thought_dead() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id bigint)");
    let job = Job::new(&format!(
        "{CHECKPOINTS} SET 'restart-strategy.type' = 'fixed-delay';
         SET 'restart-strategy.fixed-delay.attempts' = '5';
         SET 'restart-strategy.fixed-delay.delay' = '1 s';
         CREATE TABLE numbers (id BIGINT) WITH (
           'connector' = 'datagen', 'rows-per-second' = '20000',
           'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '59999');
         CREATE TABLE lines (id BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
           'source.monitor-interval' = '20 ms');
         CREATE TABLE t (id BIGINT) {};
         INSERT INTO t SELECT id FROM numbers UNION ALL SELECT id FROM lines;",
        database.with("t", EXACTLY_ONCE)
    ))
    .file("in/.keep", "");
    let child = start(&job);
    wait_until(&database, "SELECT count(*) > 0 FROM t", "t");
    signal("-STOP", child.id());
    let heir = Job::new("");
    let copied = Command::new("cp")
        .args(["-r", "--"])
        .args(["job.sql", "in", ".wasmill"].map(|name| job.path(name)))
        .arg(heir.path("."))
        .status();
    assert!(copied.unwrap().success());
    let running = start(&heir);
    wait_until(&database, "SELECT count(*) FROM t", "60000");
    signal("-CONT", child.id());
    let told = database.hidden(&job.told(&child.wait_with_output().unwrap()));
    let failed = "exit 1\nthe job failed: the connection to PostgreSQL at [DB] was lost";
    assert!(told.starts_with(failed), "{told}");
    let (_, told) = told.split_once("it begins again in 1.0 s\n").unwrap();
    expect![[r#"
        error: another process has gone on with this job, and writes public.t

        hint: let one process run a job, and give a copy of it checkpoints of its own
    "#]]
    .assert_eq(told);
    let output = stop(running);
    assert!(output.status.success(), "{}", heir.told(&output));
    let counted = "SELECT count(*), count(DISTINCT id), max(id) FROM t";
    assert_eq!(database.rows(counted), "60000|60000|59999\n");
}

#[test]
fn a_role_that_may_not_make_the_table_of_checkpoints() {
    let database = Database::new();
    database
        .rows("CREATE TABLE t (id bigint); CREATE ROLE writer LOGIN; GRANT INSERT ON t TO writer");
    let job = following(&database, CHECKPOINTS, "id BIGINT", EXACTLY_ONCE);
    let sql = fs::read_to_string(job.path("job.sql")).unwrap();
    let job = job.file(
        "job.sql",
        sql.replace("'username' = 'postgres'", "'username' = 'writer'"),
    );
    let told = database.run(&job);
    database.rows("REVOKE ALL ON t FROM writer; DROP ROLE writer");
    expect![[r#"
        exit 1
        error: cannot write public.t at [DB]: permission denied for schema public

        hint: exactly-once needs this table; its owner may run: CREATE TABLE IF NOT EXISTS "public".wasmill_checkpoints (sink text, run text, claim bigint NOT NULL, checkpoint bigint NOT NULL, changed timestamptz NOT NULL, PRIMARY KEY (sink, run)); GRANT SELECT, INSERT, UPDATE ON "public".wasmill_checkpoints TO …
    "#]].assert_eq(&told);
}

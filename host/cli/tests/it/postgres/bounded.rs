//! Jobs with an end: all of their rows are there, or none.

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
    thread,
    time::Duration,
};

use expect_test::expect;

use super::server::{Database, Server};
use crate::support::Job;

fn insert(database: &Database, columns: &str, statement: &str) -> Job {
    Job::new(&format!(
        "CREATE TABLE t ({columns}) {};\n{statement}",
        database.with("t", "")
    ))
}

#[test]
fn many_rows_of_several_partitions() {
    let database = Database::new();
    database.rows("CREATE SCHEMA mill; CREATE TABLE mill.t (id bigint, name text)");
    let job = Job::new(&format!(
        "CREATE TABLE f (id BIGINT, name STRING) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in');
         CREATE TABLE t (id BIGINT, name STRING) {};
         INSERT INTO t SELECT id, name FROM f;",
        database
            .with("mill.t", "")
            .replace("'postgres', 'user", "'jdbc', 'user")
    ));
    let rows = |from: u64| -> String {
        (from..from + 150_000)
            .map(|id| format!("{id},row {id}\n"))
            .collect()
    };
    let job = job
        .file("in/a.csv", rows(0))
        .file("in/b.csv", rows(150_000));
    assert_eq!(database.run(&job), "exit 0\nt: 300,000 rows\n");
    let counted = "SELECT count(*), count(DISTINCT id), min(id), max(id),
                     bool_and(name = 'row ' || id) FROM mill.t";
    assert_eq!(database.rows(counted), "300000|300000|0|299999|t\n");
}

#[test]
fn a_row_that_fails_leaves_nothing() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id bigint CHECK (id <> 150000))");
    let job = Job::new(&format!(
        "CREATE TABLE f (id BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in.csv');
         CREATE TABLE t (id BIGINT) {};
         INSERT INTO t SELECT id FROM f;",
        database.with("t", "")
    ));
    let rows: String = (0..300_000).map(|id| format!("{id}\n")).collect();
    let job = job.file("in.csv", rows);
    expect![[r#"
        exit 1
        error: cannot write public.t at [DB]: new row for relation "t" violates check constraint "t_id_check": Failing row contains (150000)
    "#]].assert_eq(&database.run(&job));
    assert_eq!(database.rows("SELECT count(*) FROM t"), "0\n");

    // A row that cannot be read, behind many that were sent.
    let rows: String = (0..100_000).map(|id| format!("{id}\n")).collect();
    let job = job.file("in.csv", rows + "seven\n");
    let told = database.run(&job);
    assert!(
        told.starts_with("exit 1\nerror: in.csv, line 100001"),
        "{told}"
    );
    assert_eq!(database.rows("SELECT count(*) FROM t"), "0\n");
}

#[test]
fn insert_overwrite_replaces_all_rows_or_none() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
    let job = insert(&database, "id INT", "INSERT OVERWRITE t VALUES (2), (3);");
    assert_eq!(database.run(&job), "exit 0\nt: 2 rows\n");
    assert_eq!(database.rows("SELECT id FROM t ORDER BY id"), "2\n3\n");
    let job = insert(&database, "id INT", "INSERT OVERWRITE t VALUES (4), (4);");
    expect![[r#"
        exit 1
        error: cannot write public.t at [DB]: duplicate key value violates unique constraint "t_pkey": Key (id)=(4) already exists

        hint: PRIMARY KEY (…) NOT ENFORCED in the table's declaration lets a row replace the one of the same key
    "#]].assert_eq(&database.run(&job));
    assert_eq!(database.rows("SELECT id FROM t ORDER BY id"), "2\n3\n");
}

#[test]
fn rows_replace_those_of_the_same_key() {
    let database = Database::new();
    database.rows(
        "CREATE TABLE t (id integer, part text, name text, kept text DEFAULT 'kept',
           PRIMARY KEY (id, part));
         INSERT INTO t VALUES (1, 'a', 'old', 'mine'), (2, 'a', 'old', 'mine')",
    );
    let job = insert(
        &database,
        "name STRING, id INT, part STRING, PRIMARY KEY (id, part) NOT ENFORCED",
        "INSERT INTO t VALUES ('new', 1, 'a'), ('first', 3, 'a'), ('other', 1, 'b'), \
         ('second', 3, 'a'), ('last', 3, 'a');",
    );
    assert_eq!(database.run(&job), "exit 0\nt: 5 rows\n");
    expect![[r#"
        1|a|new|mine
        1|b|other|kept
        2|a|old|mine
        3|a|last|kept
    "#]]
    .assert_eq(&database.rows("SELECT * FROM t ORDER BY id, part"));

    // A key alone.
    database.rows("CREATE TABLE k (id integer UNIQUE); INSERT INTO k VALUES (1)");
    let job = Job::new(&format!(
        "CREATE TABLE k (id INT PRIMARY KEY NOT ENFORCED) {};
         INSERT INTO k VALUES (1), (2), (2);",
        database.with("k", "")
    ));
    assert_eq!(database.run(&job), "exit 0\nk: 3 rows\n");
    assert_eq!(database.rows("SELECT id FROM k ORDER BY id"), "1\n2\n");
}

/// Of many rows of a key in a file, in all batches of it, the last stays.
#[test]
fn the_last_of_many_rows_of_a_key_stays() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n bigint)");
    let rows: String = (0..100_000)
        .map(|n| format!("{},{n}\n", n % 1000))
        .collect();
    let job = Job::new(&format!(
        "SET 'parallelism.default' = '1';
         CREATE TABLE f (id BIGINT, n BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in.csv');
         CREATE TABLE t (id BIGINT, n BIGINT, PRIMARY KEY (id) NOT ENFORCED) {};
         INSERT INTO t SELECT id, n FROM f;",
        database.with("t", "")
    ))
    .file("in.csv", rows);
    assert_eq!(database.run(&job), "exit 0\nt: 100,000 rows\n");
    let counted = "SELECT count(*), bool_and(n = 99000 + id) FROM t";
    assert_eq!(database.rows(counted), "1000|t\n");
}

#[test]
fn names_that_need_quotes() {
    let database = Database::new();
    database.rows(
        r#"CREATE SCHEMA "Mill"; CREATE TABLE "Mill"."t""; DROP TABLE x" ("a ""b""" integer, lower integer)"#,
    );
    let job = Job::new(&format!(
        "CREATE TABLE t (`a \"b\"` INT, Lower INT) {};
         INSERT INTO t VALUES (1, 2);",
        database.with("Mill.t\"; DROP TABLE x", "")
    ));
    assert_eq!(database.run(&job), "exit 0\nt: 1 row\n");
    assert_eq!(
        database.rows(r#"TABLE "Mill"."t""; DROP TABLE x""#),
        "1|2\n"
    );
}

#[test]
fn a_server_that_is_away_for_a_while() {
    let mut server = Server::start(&[], &[]);
    let database = server.database();
    database.rows("CREATE TABLE t (id integer)");
    server.order("stop");
    let job = Job::new(&format!(
        "CREATE TABLE t (id INT) {}; INSERT INTO t VALUES (1);",
        database.with("t", ", 'sink.max-retries' = '20'")
    ));
    let mut command = job.command();
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    let waiting = "waiting for PostgreSQL at [DB]: connection refused\n";
    assert_eq!(database.hidden(&line), waiting);
    server.order("start");
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    let rest = database.hidden(&rest);
    assert!(
        rest.starts_with("connected to PostgreSQL at [DB]\nt: 1 row in "),
        "{rest}"
    );
    assert_eq!(database.rows("TABLE t"), "1\n");

    server.order("stop");
    let job = Job::new(&format!(
        "CREATE TABLE t (id INT) {}; INSERT INTO t VALUES (1);",
        database.with("t", ", 'sink.max-retries' = '0'")
    ));
    expect![[r#"
        exit 1
        error: cannot connect to PostgreSQL at [DB]: connection refused
    "#]]
    .assert_eq(&database.run(&job));
}

/// A job with an end is cut off in the middle; run again, it has all rows once.
#[test]
fn a_server_that_goes_away_in_the_middle() {
    let mut server = Server::start(&[], &[]);
    let database = server.database();
    database.rows("CREATE TABLE t (id bigint)");
    let job = Job::new(&format!(
        "CREATE TABLE numbers (id BIGINT) WITH (
           'connector' = 'datagen', 'rows-per-second' = '10000', 'number-of-rows' = '20000',
           'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '19999');
         CREATE TABLE t (id BIGINT) {};
         INSERT INTO t SELECT id FROM numbers;",
        database.with("t", "")
    ));
    let child = job.command().stderr(Stdio::piped()).spawn().unwrap();
    let copying = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%'";
    while database.rows(copying) == "0\n" {
        thread::sleep(Duration::from_millis(10));
    }
    server.order("stop");
    server.order("start");
    let output = child.wait_with_output().unwrap();
    let told = database.hidden(&job.told(&output));
    let lost = "exit 1\nerror: the connection to PostgreSQL at [DB] was lost";
    assert!(told.starts_with(lost), "{told}");
    assert_eq!(database.rows("SELECT count(*) FROM t"), "0\n");
    assert_eq!(database.run(&job), "exit 0\nt: 20,000 rows\n");
    assert_eq!(
        database.rows("SELECT count(*), count(DISTINCT id) FROM t"),
        "20000|20000\n"
    );
}

/// Read again, the same records are the same letters.
#[test]
fn a_table_of_dead_letters() {
    let database = Database::new();
    database.rows(
        "CREATE TABLE bad (path text, line bigint, raw bytea, error text, PRIMARY KEY (path, line))",
    );
    let job = Job::new(&format!(
        "CREATE TABLE f (id BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in.csv',
           'on-error' = 'dead-letter', 'dead-letter.table' = 'bad');
         CREATE TABLE bad (error STRING, raw BYTES, line BIGINT, path STRING,
           PRIMARY KEY (path, line) NOT ENFORCED) {};
         CREATE TABLE out (id BIGINT) WITH ('connector' = 'blackhole');
         INSERT INTO out SELECT id FROM f;",
        database.with("bad", "")
    ))
    .file("in.csv", "1\nx\n3\n\"y\"\n");
    for _ in 0..2 {
        let told = database.run(&job);
        assert_eq!(
            told,
            "exit 0\nout: 2 rows\n2 bad records in the dead-letter table bad\n"
        );
    }
    let found = "SELECT line, encode(raw, 'escape'), error FROM bad ORDER BY line";
    expect![[r#"
        2|x|in.csv, line 2, column id (field 1): 'x' is not a BIGINT
        4|"y"|in.csv, line 4, column id (field 1): 'y' is not a BIGINT
    "#]]
    .assert_eq(&database.rows(found));
}

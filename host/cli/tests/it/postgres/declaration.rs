//! Declarations that are wrong, or do not fit the table that is there.

use expect_test::expect;

use super::server::Database;
use crate::support::Job;

/// What a job says that writes to a table made by `made`.
fn said(made: &str, columns: &str) -> String {
    let database = Database::new();
    database.rows(made);
    let job = Job::new(&format!(
        "CREATE TABLE t ({columns}) {};\nINSERT INTO t SELECT * FROM t2;\n",
        database.with("t", "")
    ));
    // A table of the same columns to read from.
    let sql = std::fs::read_to_string(job.path("job.sql")).unwrap();
    let columns = columns.split(", PRIMARY KEY").next().unwrap();
    let source = format!(
        "CREATE TABLE t2 ({columns}) WITH ('connector' = 'datagen', 'number-of-rows' = '1');\n"
    );
    database.run(&job.file("job.sql", source + &sql))
}

#[test]
fn a_table_that_does_not_fit() {
    expect![[""]].assert_eq(&said(
        "SELECT 1",
        "id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED",
    ));
    expect![[""]].assert_eq(&said("CREATE VIEW t AS SELECT 1 AS id", "id INT"));
    expect![[""]].assert_eq(&said("CREATE TABLE t (id integer)", "id INT, name STRING"));
    expect![[""]].assert_eq(&said(
        "CREATE TABLE t (id integer, name integer, d numeric(8, 2), at timestamp(0))",
        "id BIGINT, name STRING, d DECIMAL(10, 2), `at` TIMESTAMP(3)",
    ));
    expect![[""]].assert_eq(&said(
        "CREATE TABLE t (at timestamptz)",
        "`at` TIMESTAMP(6)",
    ));
    expect![[""]].assert_eq(&said(
        "CREATE TABLE t (id integer, owner text NOT NULL, made date NOT NULL DEFAULT now())",
        "id INT",
    ));
    expect![[""]].assert_eq(&said(
        "CREATE TABLE t (id integer, twice integer GENERATED ALWAYS AS (id * 2) STORED)",
        "id INT, twice INT",
    ));
    expect![[""]].assert_eq(&said(
        "CREATE TABLE t (id integer, part integer, UNIQUE (id, part))",
        "id INT, part INT, PRIMARY KEY (id) NOT ENFORCED",
    ));
}

#[test]
fn a_value_that_is_there_already() {
    let database = Database::new();
    database.rows(
        "CREATE TABLE t (id integer PRIMARY KEY, n integer NOT NULL);
                   INSERT INTO t VALUES (7, 0)",
    );
    let job = |values: &str| {
        Job::new(&format!(
            "CREATE TABLE t (id INT, n INT) {};\nINSERT INTO t VALUES {values};",
            database.with("t", "")
        ))
    };
    expect![[""]].assert_eq(&database.run(&job("(6, 0), (7, 1)")));
    expect![[""]].assert_eq(&database.run(&job("(6, CAST(NULL AS INT))")));
    assert_eq!(database.rows("TABLE t"), "7|0\n");
}

#[test]
fn options_and_types_that_cannot_be() {
    let refused = |columns: &str, options: &str| {
        let job = Job::new(&format!(
            "CREATE TABLE t ({columns}) WITH ('connector' = 'postgres'{options});
             INSERT INTO t SELECT * FROM t;"
        ));
        let sql = std::fs::read_to_string(job.path("job.sql")).unwrap();
        let source = format!(
            "CREATE TABLE f ({columns}) WITH ('connector' = 'filesystem', 'format' = 'json', \
             'path' = 'in.json');\n"
        );
        let sql = source + &sql.replace("FROM t;", "FROM f;");
        // Where it stands in the file is not of interest here.
        let told = job.file("job.sql", sql).file("in.json", "").run();
        let lines = told.lines().filter(|line| {
            let line = line.trim_start();
            !line.starts_with("-->") && !line.contains('|')
        });
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let url = |url: &str| format!(", 'table-name' = 't', 'url' = '{url}'");
    expect![[""]].assert_eq(&refused("id INT", ", 'table-name' = 't'"));
    expect![[""]].assert_eq(&refused("id INT", &url("jdbc:mysql://localhost/db")));
    expect![[""]].assert_eq(&refused("id INT", &url("jdbc:postgresql://localhost")));
    expect![[""]].assert_eq(&refused(
        "id INT",
        &url("jdbc:postgresql://localhost/db?sslmod=require"),
    ));
    expect![[""]].assert_eq(&refused(
        "id INT",
        &url("jdbc:postgresql://localhost/db?sslmode=verify-fulll"),
    ));
    let good = url("jdbc:postgresql://localhost/db");
    expect![[""]].assert_eq(&refused("id INT", &good.replace("'t'", "'.t'")));
    expect![[""]].assert_eq(&refused(
        "id INT",
        &format!("{good}, 'sink.delivery-guarantee' = 'none'"),
    ));
    expect![[""]].assert_eq(&refused(
        "id INT",
        &format!("{good}, 'sink.max-retry' = '1'"),
    ));
    expect![[""]].assert_eq(&refused("r ROW<a INT>", &good));
    expect![[""]].assert_eq(&refused("m MAP<STRING, INT>", &good));
    expect![[""]].assert_eq(&refused("a ARRAY<ARRAY<INT>>", &good));
    expect![[""]].assert_eq(&refused("ts TIMESTAMP(9)", &good));
}

#[test]
fn a_table_cannot_be_read() {
    let database = Database::new();
    let job = Job::new(&format!(
        "CREATE TABLE t (id INT) {};\nSELECT * FROM t;",
        database.with("t", "")
    ));
    expect![[""]].assert_eq(&database.run(&job));
}

#[test]
fn a_server_that_lets_nobody_in() {
    let database = Database::new();
    database.rows("CREATE TABLE t (id integer)");
    let run = |options: String| {
        let job = Job::new(&format!(
            "CREATE TABLE t (id INT) {options};\nINSERT INTO t VALUES (1);"
        ));
        database.run(&job)
    };
    let with = database.with("t", "");
    expect![[""]].assert_eq(&run(
        with.replace("'username' = 'postgres'", "'username' = 'miller'")
    ));
    let other = Database {
        name: "nowhere".to_owned(),
        port: database.port,
    };
    let told = run(other.with("t", ""));
    expect![[""]].assert_eq(&other.hidden(&told));
    database.rows("CREATE ROLE reader LOGIN");
    expect![[""]].assert_eq(&run(
        with.replace("'username' = 'postgres'", "'username' = 'reader'")
    ));
    database.rows("DROP ROLE reader");
}

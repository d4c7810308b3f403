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
    expect![[r#"
        exit 1
        error: table t: there is no table t in PostgreSQL at [DB]

        hint: one that fits: CREATE TABLE "t" ("id" integer NOT NULL, "name" text, PRIMARY KEY ("id"))
    "#]].assert_eq(&said(
        "SELECT 1",
        "id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED",
    ));
    expect![[r#"
        exit 1
        error: table t: t in PostgreSQL at [DB] is a view

        hint: name the table below it in 'table-name'
    "#]]
    .assert_eq(&said("CREATE VIEW t AS SELECT 1 AS id", "id INT"));
    expect![[r#"
        exit 1
        error: table t: public.t in PostgreSQL at [DB] does not fit: it has no column name

        hint: one that fits: CREATE TABLE "public"."t" ("id" integer, "name" text)
    "#]]
    .assert_eq(&said("CREATE TABLE t (id integer)", "id INT, name STRING"));
    expect![[r#"
        exit 1
        error: table t: public.t in PostgreSQL at [DB] does not fit: its column id is integer, which does not take every BIGINT; its column name is integer, which does not take every STRING; its column d is numeric(8,2), which does not take every DECIMAL(10, 2); its column at is timestamp(0) without time zone, which does not take every TIMESTAMP(3)

        hint: one that fits: CREATE TABLE "public"."t" ("id" bigint, "name" text, "d" numeric(10, 2), "at" timestamp(3))
    "#]].assert_eq(&said(
        "CREATE TABLE t (id integer, name integer, d numeric(8, 2), at timestamp(0))",
        "id BIGINT, name STRING, d DECIMAL(10, 2), `at` TIMESTAMP(3)",
    ));
    expect![[r#"
        exit 1
        error: table t: public.t in PostgreSQL at [DB] does not fit: its column at is timestamp with time zone, which does not take every TIMESTAMP(6)

        hint: one that fits: CREATE TABLE "public"."t" ("at" timestamp(6))
    "#]].assert_eq(&said(
        "CREATE TABLE t (at timestamptz)",
        "`at` TIMESTAMP(6)",
    ));
    expect![[r#"
        exit 1
        error: table t: public.t in PostgreSQL at [DB] does not fit: its column owner is NOT NULL and has no default, but is not declared

        hint: declare it and fill it, or give it a default
    "#]].assert_eq(&said(
        "CREATE TABLE t (id integer, owner text NOT NULL, made date NOT NULL DEFAULT now())",
        "id INT",
    ));
    expect![[r#"
        exit 1
        error: table t: public.t in PostgreSQL at [DB] does not fit: its column twice is generated

        hint: leave it out of the declaration
    "#]]
    .assert_eq(&said(
        "CREATE TABLE t (id integer, twice integer GENERATED ALWAYS AS (id * 2) STORED)",
        "id INT, twice INT",
    ));
    expect![[r#"
        exit 1
        error: table t: public.t in PostgreSQL at [DB] does not fit: it has no primary key or unique constraint on (id)

        hint: one that fits: CREATE TABLE "public"."t" ("id" integer NOT NULL, "part" integer, PRIMARY KEY ("id"))
    "#]].assert_eq(&said(
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
    expect![[r#"
        exit 1
        error: cannot write public.t at [DB]: duplicate key value violates unique constraint "t_pkey": Key (id)=(7) already exists

        hint: PRIMARY KEY (…) NOT ENFORCED in the table's declaration lets a row replace the one of the same key
    "#]].assert_eq(&database.run(&job("(6, 0), (7, 1)")));
    expect![[r#"
        exit 1
        error: cannot write public.t at [DB]: null value in column "n" of relation "t" violates not-null constraint: Failing row contains (6, null)
    "#]].assert_eq(&database.run(&job("(6, CAST(NULL AS INT))")));
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
    expect![[r#"
        exit 2
        error: table t: option 'url' is missing

        hint: for example 'url' = 'jdbc:postgresql://localhost:5432/database'
    "#]]
    .assert_eq(&refused("id INT", ", 'table-name' = 't'"));
    expect![[r#"
        exit 2
        error: table t: option 'url' must be a URL such as 'jdbc:postgresql://host:5432/database'

        hint: of all databases, PostgreSQL is the one that tables can be written to
    "#]]
    .assert_eq(&refused("id INT", &url("jdbc:mysql://localhost/db")));
    expect![[r#"
        exit 2
        error: table t: option 'url' must be a URL such as 'jdbc:postgresql://host:5432/database'
    "#]]
    .assert_eq(&refused("id INT", &url("jdbc:postgresql://localhost")));
    expect![[r#"
        exit 2
        error: table t: option 'url' has the parameter 'sslmod', which is not known

        hint: did you mean 'sslmode'?
    "#]]
    .assert_eq(&refused(
        "id INT",
        &url("jdbc:postgresql://localhost/db?sslmod=require"),
    ));
    expect![[r#"
        exit 2
        error: table t: option 'url' has sslmode=verify-fulll, which must be one of disable, prefer, require, verify-ca, verify-full

        hint: did you mean 'verify-full'?
    "#]].assert_eq(&refused(
        "id INT",
        &url("jdbc:postgresql://localhost/db?sslmode=verify-fulll"),
    ));
    let good = url("jdbc:postgresql://localhost/db");
    expect![[r#"
        exit 2
        error: table t: option 'table-name' must be a table's name, or schema.table, not '.t'
    "#]]
    .assert_eq(&refused("id INT", &good.replace("'t'", "'.t'")));
    expect![[r#"
        exit 2
        error: table t: option 'sink.delivery-guarantee' must be 'at-least-once' or 'exactly-once', not 'none'
    "#]].assert_eq(&refused(
        "id INT",
        &format!("{good}, 'sink.delivery-guarantee' = 'none'"),
    ));
    expect![[r#"
        exit 2
        error: table t: the connector 'postgres' has no option 'sink.max-retry'

        hint: did you mean 'sink.max-retries'?
    "#]]
    .assert_eq(&refused(
        "id INT",
        &format!("{good}, 'sink.max-retry' = '1'"),
    ));
    expect![[r#"
        exit 2
        error: table t: column r is ROW<a INT>, which PostgreSQL has no type for

        hint: write JSON text to a column of the type json or jsonb, and declare it STRING
    "#]]
    .assert_eq(&refused("r ROW<a INT>", &good));
    expect![[r#"
        exit 2
        error: table t: column m is MAP<STRING, INT>, which PostgreSQL has no type for

        hint: write JSON text to a column of the type json or jsonb, and declare it STRING
    "#]]
    .assert_eq(&refused("m MAP<STRING, INT>", &good));
    expect![[r#"
        exit 2
        error: table t: column a is ARRAY<ARRAY<INT>>, which PostgreSQL has no type for

        hint: write JSON text to a column of the type json or jsonb, and declare it STRING
    "#]]
    .assert_eq(&refused("a ARRAY<ARRAY<INT>>", &good));
    expect![[r#"
        exit 2
        error: table t: column ts is TIMESTAMP(9), but PostgreSQL holds microseconds

        hint: declare it with 6 digits
    "#]]
    .assert_eq(&refused("ts TIMESTAMP(9)", &good));
}

#[test]
fn a_table_cannot_be_read() {
    let database = Database::new();
    let job = Job::new(&format!(
        "CREATE TABLE t (id INT) {};\nSELECT * FROM t;",
        database.with("t", "")
    ));
    expect![[r#"
        exit 2
        error: table t: the connector 'postgres' cannot be read, only written
         --> job.sql:1:14
          |
        1 | CREATE TABLE t (id INT) WITH ('connector' = 'postgres', 'username' = 'postgres', 'url' = 'jdbc:postg…
          |              ^

        hint: readable connectors: filesystem, kafka, upsert-kafka, datagen
    "#]].assert_eq(&database.run(&job));
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
    expect![[r#"
        exit 1
        error: cannot connect to PostgreSQL at [DB]: role "miller" does not exist

        hint: check the options 'username' and 'password', and sslmode
    "#]]
    .assert_eq(&run(
        with.replace("'username' = 'postgres'", "'username' = 'miller'")
    ));
    let other = Database {
        name: "nowhere".to_owned(),
        port: database.port,
    };
    let told = run(other.with("t", ""));
    expect![[r#"
        exit 1
        error: cannot connect to PostgreSQL at [DB]: database "nowhere" does not exist

        hint: the last part of the option 'url' names the database
    "#]]
    .assert_eq(&other.hidden(&told));
    database.rows("CREATE ROLE reader LOGIN");
    expect![[r#"
        exit 1
        error: cannot write public.t at [DB]: permission denied for table t
    "#]]
    .assert_eq(&run(
        with.replace("'username' = 'postgres'", "'username' = 'reader'")
    ));
    database.rows("DROP ROLE reader");
}

//! Queries where Flink's SQL and DataFusion's differ.

use expect_test::{Expect, expect};

use crate::harness::Folder;

const TABLE: &str = "CREATE TABLE t (id INT, x DOUBLE, name STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv');\n";

fn folder() -> Folder {
    Folder::new().with("data.csv", "1,0.5,a\n2,1.5,b\n3,,c\n")
}

fn check(sql: &str, expected: Expect) {
    expected.assert_eq(&folder().run(&format!("{TABLE}{sql}")).unwrap());
}

fn refused(sql: &str, expected: Expect) {
    expected.assert_eq(&folder().error(&format!("{TABLE}{sql}")));
}

#[test]
fn a_column_and_its_casts_stand_side_by_side() {
    check(
        "SELECT id, CAST(id AS STRING), CAST(id AS BIGINT), CAST(id AS STRING) || '!' FROM t;
         CREATE TABLE o (a STRING, b INT) WITH ('connector' = 'print');
         INSERT INTO o SELECT CAST(id AS STRING), id FROM t WHERE id = 1;",
        expect![[r#"
            +----+--------+--------+--------+
            | id | EXPR$1 | EXPR$2 | EXPR$3 |
            +----+--------+--------+--------+
            | 1  | 1      | 1      | 1!     |
            | 2  | 2      | 2      | 2!     |
            | 3  | 3      | 3      | 3!     |
            +----+--------+--------+--------+
            o: 1 rows
            +I[1, 1]
        "#]],
    );
}

#[test]
fn columns_without_a_name() {
    check(
        "SELECT count(*), SUM(x), 'a', 1, count(*) FROM t;
         SELECT id % 2, max(id) FROM t GROUP BY id % 2 HAVING max(id) > 0 ORDER BY max(id);
         SELECT row_number() OVER (PARTITION BY name ORDER BY id) FROM t WHERE id = 1;
         SELECT `count(*)` + 1 AS n FROM (SELECT count(*) FROM t);",
        expect![[r#"
            +----------+--------+--------+--------+--------+
            | count(*) | SUM(x) | EXPR$2 | EXPR$3 | EXPR$4 |
            +----------+--------+--------+--------+--------+
            | 3        | 2.0    | a      | 1      | 3      |
            +----------+--------+--------+--------+--------+
            +--------+---------+
            | id % 2 | max(id) |
            +--------+---------+
            | 0      | 2       |
            | 1      | 3       |
            +--------+---------+
            +--------+
            | EXPR$0 |
            +--------+
            | 1      |
            +--------+
            +---+
            | n |
            +---+
            | 4 |
            +---+
        "#]],
    );
}

#[test]
fn two_columns_of_one_name() {
    refused(
        "SELECT *, id FROM t;",
        expect![[r#"
        error: two columns are called 'id'
         --> job.sql:3:1
          |
        3 | SELECT *, id FROM t;
          | ^^^^^^^^^^^^^^^^^^^

        hint: give one of them another name with AS
    "#]],
    );
}

#[test]
fn table_and_fetch() {
    check(
        "TABLE t;
         SELECT id FROM t ORDER BY id DESC FETCH FIRST 2 ROWS ONLY;
         SELECT id FROM t ORDER BY id OFFSET 1 ROW FETCH NEXT ROW ONLY;",
        expect![[r#"
            +----+-----+------+
            | id | x   | name |
            +----+-----+------+
            | 1  | 0.5 | a    |
            | 2  | 1.5 | b    |
            | 3  |     | c    |
            +----+-----+------+
            +----+
            | id |
            +----+
            | 3  |
            | 2  |
            +----+
            +----+
            | id |
            +----+
            | 2  |
            +----+
        "#]],
    );
}

#[test]
fn rows_are_cast_by_position() {
    check(
        "CREATE TABLE o (r ROW<a BIGINT, b STRING>, n ROW<items ARRAY<INT>, m MAP<STRING, ROW<c INT>>>)
           WITH ('connector' = 'print');
         SELECT CAST(ROW(id, name) AS ROW<a BIGINT, b STRING>) AS r,
                TRY_CAST(ROW(name) AS ROW<n INT>) AS s FROM t WHERE id = 1;
         INSERT INTO o SELECT ROW(id, name), ROW(ARRAY[id], MAP['k', ROW(id)]) FROM t WHERE id < 3;",
        expect![[r#"
            +--------------+-------+
            | r            | s     |
            +--------------+-------+
            | {a: 1, b: a} | {n: } |
            +--------------+-------+
            o: 2 rows
            +I[+I[1, a], +I[[1], {k=+I[1]}]]
            +I[+I[2, b], +I[[2], {k=+I[2]}]]
        "#]],
    );
}

#[test]
fn instants_are_in_the_sessions_time_zone() {
    let folder = Folder::new().with("at.csv", "2024-07-01 22:00:00Z\n2024-01-01 12:00:00Z\n");
    let sql = "SET 'table.local-time-zone' = 'Europe/Berlin';
         CREATE TABLE at (at TIMESTAMP_LTZ(3), local AS CAST(at AS TIMESTAMP(3)), day AS CAST(at AS DATE))
           WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'at.csv');
         CREATE TABLE o (at TIMESTAMP_LTZ(3), local TIMESTAMP(3)) WITH ('connector' = 'print');
         SELECT * FROM at;
         SELECT at FROM at WHERE at < CAST('2024-06-01 00:00:00' AS TIMESTAMP_LTZ(3));
         INSERT INTO o SELECT at, at FROM at;
         INSERT INTO o SELECT local, local FROM at;
         SET 'table.local-time-zone' = 'GMT-08:00';
         SELECT at, CAST(at AS TIMESTAMP(3)) FROM at;
         RESET 'table.local-time-zone';
         SELECT at, CAST(at AS TIMESTAMP(3)) FROM at;";
    expect![[r#"
        +---------------------------+---------------------+------------+
        | at                        | local               | day        |
        +---------------------------+---------------------+------------+
        | 2024-07-02T00:00:00+02:00 | 2024-07-02T00:00:00 | 2024-07-02 |
        | 2024-01-01T13:00:00+01:00 | 2024-01-01T13:00:00 | 2024-01-01 |
        +---------------------------+---------------------+------------+
        +---------------------------+
        | at                        |
        +---------------------------+
        | 2024-01-01T13:00:00+01:00 |
        +---------------------------+
        o: 2 rows
        o: 2 rows
        +---------------------------+---------------------+
        | at                        | EXPR$1              |
        +---------------------------+---------------------+
        | 2024-07-01T14:00:00-08:00 | 2024-07-01T14:00:00 |
        | 2024-01-01T04:00:00-08:00 | 2024-01-01T04:00:00 |
        +---------------------------+---------------------+
        +----------------------+---------------------+
        | at                   | EXPR$1              |
        +----------------------+---------------------+
        | 2024-07-01T22:00:00Z | 2024-07-01T22:00:00 |
        | 2024-01-01T12:00:00Z | 2024-01-01T12:00:00 |
        +----------------------+---------------------+
        +I[2024-07-01T22:00:00Z, 2024-07-02T00:00]
        +I[2024-01-01T12:00:00Z, 2024-01-01T13:00]
        +I[2024-07-01T22:00:00Z, 2024-07-02T00:00]
        +I[2024-01-01T12:00:00Z, 2024-01-01T13:00]
    "#]]
    .assert_eq(&folder.run(sql).unwrap());
}

#[test]
fn what_the_planner_would_leave_out_is_refused() {
    refused(
        "SELECT * FROM t TABLESAMPLE (50);",
        expect![[r#"
        error: TABLESAMPLE is not supported
         --> job.sql:3:15
          |
        3 | SELECT * FROM t TABLESAMPLE (50);
          |               ^

        hint: WHERE random() < 0.1 keeps about a tenth of the rows
    "#]],
    );
    refused(
        "SELECT * FROM t FOR UPDATE;",
        expect![[r#"
        error: FOR UPDATE is not supported
         --> job.sql:3:1
          |
        3 | SELECT * FROM t FOR UPDATE;
          | ^^^^^^^^^^^^^^^

        hint: leave it out: nothing is locked
    "#]],
    );
    refused(
        "SELECT * INTO z FROM t;",
        expect![[r#"
        error: SELECT … INTO is not supported
         --> job.sql:3:15
          |
        3 | SELECT * INTO z FROM t;
          |               ^

        hint: write INSERT INTO z SELECT …
    "#]],
    );
}

#[test]
fn texts_of_the_planner_are_made_shorter() {
    refused(
        "SELECT sum(name) FROM t;",
        expect![[r#"
        error: no function matches sum(STRING)
         --> job.sql:3:8
          |
        3 | SELECT sum(name) FROM t;
          |        ^^^

        hint: there is sum(Decimal), sum(BIGINT UNSIGNED), sum(BIGINT), sum(DOUBLE), sum(Duration), sum(Interval)
    "#]],
    );
    refused(
        "SELECT x FROM t GROUP BY id;",
        expect![[r#"
        error: the column 'x' is neither in GROUP BY nor in an aggregate function
         --> job.sql:3:8
          |
        3 | SELECT x FROM t GROUP BY id;
          |        ^
    "#]],
    );
    refused(
        "SELECT id FROM t PIVOT (sum(x) FOR name IN ('a'));",
        expect![[r#"
            error: this SQL is not supported: Unsupported ast node Pivot
             --> job.sql:3:1
              |
            3 | SELECT id FROM t PIVOT (sum(x) FOR name IN ('a'));
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        "#]],
    );
    refused(
        "SELECT CAST(name AS INT) FROM t;",
        expect![[r#"
        error: cannot cast string 'a' to value of INT type

        hint: TRY_CAST gives NULL where CAST fails
    "#]],
    );
    refused(
        "SELECT id / 0 FROM t;",
        expect![[r#"
        error: division by zero
    "#]],
    );
    refused(
        "SELECT a.nope FROM t a JOIN t b ON a.id = b.id;",
        expect![[r#"
            error: there is no column 'a.nope'
             --> job.sql:3:8
              |
            3 | SELECT a.nope FROM t a JOIN t b ON a.id = b.id;
              |        ^^^^^^

            hint: the columns are: id, x, name
        "#]],
    );
}

#[test]
fn types_that_are_none() {
    refused(
        "SELECT CAST(1 AS INTT);",
        expect![[r#"
        error: there is no type 'INTT'
         --> job.sql:3:18
          |
        3 | SELECT CAST(1 AS INTT);
          |                  ^^^^

        hint: did you mean INT?
    "#]],
    );
    refused(
        "SELECT CAST(1 AS DECIMAL(50, 2));",
        expect![[r#"
        error: DECIMAL(50, 2) is not a type
         --> job.sql:3:18
          |
        3 | SELECT CAST(1 AS DECIMAL(50, 2));
          |                  ^^^^^^^

        hint: the precision is 1 to 38, the scale 0 to the precision
    "#]],
    );
    refused(
        "SELECT CAST(1 AS TIMESTAMP(12));",
        expect![[r#"
        error: a precision of 12 digits is not possible
         --> job.sql:3:27
          |
        3 | SELECT CAST(1 AS TIMESTAMP(12));
          |                           ^

        hint: the precision of a time is 0 to 9
    "#]],
    );
}

#[test]
fn unknown_time_zone() {
    refused(
        "SET 'table.local-time-zone' = 'Mars/Olympus';",
        expect![[r#"
            error: the setting 'table.local-time-zone' cannot be 'Mars/Olympus'
             --> job.sql:3:5
              |
            3 | SET 'table.local-time-zone' = 'Mars/Olympus';
              |     ^^^^^^^^^^^^^^^^^^^^^^^

            hint: it is a name such as 'Europe/Berlin', an offset such as '+02:00', or 'UTC'
        "#]],
    );
}

#[test]
fn seconds_survive_parquet() {
    check(
        "CREATE TABLE p (t TIME, s TIMESTAMP(0), l TIMESTAMP_LTZ(0), r ROW<s TIMESTAMP(0)>) WITH (
           'connector' = 'filesystem', 'format' = 'parquet', 'path' = 'out');
         INSERT INTO p SELECT TIME '03:04:05', TIMESTAMP '2024-01-02 03:04:05',
           CAST('2024-01-02 03:04:05' AS TIMESTAMP_LTZ(0)), ROW(TIMESTAMP '2024-01-02 03:04:05');
         SELECT * FROM p;",
        expect![[r#"
            p: 1 rows
            +----------+---------------------+----------------------+--------------------------+
            | t        | s                   | l                    | r                        |
            +----------+---------------------+----------------------+--------------------------+
            | 03:04:05 | 2024-01-02T03:04:05 | 2024-01-02T03:04:05Z | {s: 2024-01-02T03:04:05} |
            +----------+---------------------+----------------------+--------------------------+
        "#]],
    );
}

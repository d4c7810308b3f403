//! Bad input: the full text that a user sees.

use crate::harness::Folder;
use expect_test::{Expect, expect};

const SOURCE: &str = "CREATE TABLE source (id INT, x DOUBLE, name STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv');\n";

fn check(sql: &str, expected: Expect) {
    let folder = Folder::new().with("data.csv", "1,0.5,a\n");
    expected.assert_eq(&folder.error(&format!("{SOURCE}{sql}")));
}

#[test]
fn syntax_error() {
    check(
        "SELECT id,\n  FROM source;",
        expect![[r#"
        error: syntax error: expected an expression, found FROM
         --> job.sql:4:3
          |
        4 |   FROM source;
          |   ^^^^
    "#]],
    );
}

#[test]
fn misspelt_statement() {
    check(
        "CRAETE TABLE t (a INT);",
        expect![[r#"
        error: syntax error: a statement cannot start with CRAETE
         --> job.sql:3:1
          |
        3 | CRAETE TABLE t (a INT);
          | ^^^^^^

        hint: did you mean CREATE?
    "#]],
    );
}

#[test]
fn unclosed_string() {
    check(
        "SELECT 'abc;",
        expect![[r#"
        error: syntax error: unterminated string literal
         --> job.sql:3:8
          |
        3 | SELECT 'abc;
          |        ^
    "#]],
    );
}

#[test]
fn unknown_column() {
    check(
        "SELECT id, nmae FROM source;",
        expect![[r#"
        error: there is no column 'nmae'
         --> job.sql:3:12
          |
        3 | SELECT id, nmae FROM source;
          |            ^^^^

        hint: did you mean 'name'?
    "#]],
    );
}

#[test]
fn unknown_table() {
    check(
        "SELECT id FROM sorce;",
        expect![[r#"
        error: there is no table or view 'sorce'
         --> job.sql:3:16
          |
        3 | SELECT id FROM sorce;
          |                ^^^^^

        hint: did you mean 'source'?
    "#]],
    );
}

#[test]
fn unknown_function() {
    check(
        "SELECT uper(name) FROM source;",
        expect![[r#"
        error: there is no function 'uper'
         --> job.sql:3:8
          |
        3 | SELECT uper(name) FROM source;
          |        ^^^^

        hint: did you mean 'upper'?
    "#]],
    );
}

#[test]
fn unknown_connector() {
    check(
        "CREATE TABLE t (a INT) WITH ('connector' = 'filesytem');\nSELECT * FROM t;",
        expect![[r#"
            error: table t: there is no connector 'filesytem'
             --> job.sql:3:14
              |
            3 | CREATE TABLE t (a INT) WITH ('connector' = 'filesytem');
              |              ^

            hint: did you mean 'filesystem'?
        "#]],
    );
}

#[test]
fn unknown_option() {
    check(
        "CREATE TABLE t (a INT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv', 'csv.field-delimter' = ';');
SELECT * FROM t;",
        expect![[r#"
            error: table t: the connector 'filesystem' with format 'csv' has no option 'csv.field-delimter'
             --> job.sql:3:14
              |
            3 | CREATE TABLE t (a INT) WITH (
              |              ^

            hint: did you mean 'csv.field-delimiter'?
        "#]],
    );
}

#[test]
fn missing_file() {
    check(
        "SELECT * FROM source /*+ OPTIONS('path' = 'no.csv') */;",
        expect![[r#"
            error: there is no file or folder no.csv
             --> job.sql:1:14
              |
            1 | CREATE TABLE source (id INT, x DOUBLE, name STRING) WITH (
              |              ^^^^^^

            hint: relative paths start from the job's folder, FOLDER
        "#]],
    );
}

#[test]
fn wrong_value() {
    check(
        "CREATE TABLE t (a INT, b INT, c STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv');
SELECT * FROM t;",
        expect![[r#"
            error: data.csv, line 1, column b (field 2): '0.5' is not an INT

            hint: if the first line names the columns, set 'csv.header' = 'true'
        "#]],
    );
}

#[test]
fn sink_type_mismatch() {
    check(
        "CREATE TABLE t (a INT, b INT) WITH ('connector' = 'blackhole');
INSERT INTO t SELECT id, x FROM source;",
        expect![[r#"
            error: the column 'b' of 't' is INT, but the query gives 'x', a DOUBLE
             --> job.sql:4:1
              |
            4 | INSERT INTO t SELECT id, x FROM source;
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: write CAST(… AS INT) if that is what you mean
        "#]],
    );
}

#[test]
fn sink_column_count() {
    check(
        "CREATE TABLE t (a INT, b INT) WITH ('connector' = 'blackhole');
INSERT INTO t SELECT id FROM source;",
        expect![[r#"
            error: INSERT INTO 't' takes 2 columns (a INT, b INT), the query has 1 column (id INT)
             --> job.sql:4:1
              |
            4 | INSERT INTO t SELECT id FROM source;
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn unknown_setting() {
    check(
        "SET 'paralelism.default' = '2';",
        expect![[r#"
        error: there is no setting 'paralelism.default'
         --> job.sql:3:5
          |
        3 | SET 'paralelism.default' = '2';
          |     ^^^^^^^^^^^^^^^^^^^^

        hint: did you mean 'parallelism.default'?
    "#]],
    );
}

#[test]
fn java_function() {
    check(
        "CREATE FUNCTION f AS 'com.example.F' LANGUAGE JAVA;",
        expect![[r#"
            error: functions in JAVA cannot run here
             --> job.sql:3:47
              |
            3 | CREATE FUNCTION f AS 'com.example.F' LANGUAGE JAVA;
              |                                               ^^^^

            hint: build the function as a WebAssembly component: AS 'path.wasm#name' LANGUAGE WASM
        "#]],
    );
}

#[test]
fn missing_plugin() {
    check(
        "CREATE FUNCTION f AS 'f.wasm#f' LANGUAGE WASM;",
        expect![[r#"
            error: cannot read the plugin `FOLDER/f.wasm`: No such file or directory (os error 2)
             --> job.sql:3:22
              |
            3 | CREATE FUNCTION f AS 'f.wasm#f' LANGUAGE WASM;
              |                      ^^^^^^^^^^

            hint: paths in a job are relative to the job's file; was the plugin built?
        "#]],
    );
}

#[test]
fn endless_aggregation() {
    check(
        "CREATE TABLE g (a INT) WITH ('connector' = 'datagen');
SELECT sum(a) FROM g;",
        expect![[r#"
            error: this query needs all rows of a table that never ends, so it would never give a result: it has an aggregation
             --> job.sql:4:1
              |
            4 | SELECT sum(a) FROM g;
              | ^^^^^^^^^^^^^^^^^^^^

            hint: over an unbounded table write projections and filters; a datagen table ends with 'number-of-rows'
        "#]],
    );
}

#[test]
fn statement_set_without_end() {
    check(
        "EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1;",
        expect![[r#"
            error: syntax error: the statement set has no END
             --> job.sql:3:1
              |
            3 | EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1;
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: a statement set is EXECUTE STATEMENT SET BEGIN INSERT …; INSERT …; END;
        "#]],
    );
}

#[test]
fn unknown_type() {
    check(
        "CREATE TABLE t (a TEXT) WITH ('connector' = 'print');",
        expect![[r#"
            error: there is no type 'TEXT'
             --> job.sql:3:19
              |
            3 | CREATE TABLE t (a TEXT) WITH ('connector' = 'print');
              |                   ^^^^

            hint: use STRING
        "#]],
    );
}

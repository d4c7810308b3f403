//! ML_PREDICT in all of Flink's call forms, with a LightGBM model.

use crate::harness::Folder;
use expect_test::{Expect, expect};

/// One tree: `f0 <= 1.5` gives 10, else 20; the other feature is not used.
const MODEL: &str = include_str!("model.txt");

const HEAD: &str = "CREATE TABLE source (label INT, a INT, b DOUBLE, name STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv');
CREATE MODEL m INPUT (f0 DOUBLE, f1 DOUBLE) OUTPUT (prediction DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'model.txt');\n";

fn folder() -> Folder {
    Folder::new()
        .with("data.csv", "0,1,0.5,x\n1,2,,y\n")
        .with("model.txt", MODEL)
}

#[test]
fn all_call_forms_agree() {
    let expected = expect![[r#"
        +-------+------------+
        | label | prediction |
        +-------+------------+
        | 0     | 10.0       |
        | 1     | 20.0       |
        +-------+------------+
    "#]];
    for call in [
        "ML_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b))",
        "TABLE(ML_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b)))",
        "ML_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b), MAP['async', 'false'])",
        "ML_PREDICT(INPUT => TABLE source, MODEL => MODEL m, ARGS => DESCRIPTOR(a, b), CONFIG => MAP['async', 'false'])",
        "TABLE(ML_PREDICT(ARGS => DESCRIPTOR(a, b), MODEL => MODEL `m`, INPUT => TABLE source)) AS p",
        "ML_PREDICT((SELECT label, a + 0 AS a, b FROM source), MODEL m, DESCRIPTOR(a, b))",
    ] {
        let output = folder()
            .run(&format!("{HEAD}SELECT label, prediction FROM {call};"))
            .unwrap_or_else(|error| panic!("{call}: {error}"));
        expected.assert_eq(&output);
    }
}

#[test]
fn a_clash_of_names_gets_a_number() {
    let sql = format!(
        "{HEAD}SELECT * FROM ML_PREDICT((SELECT a, b, 7 AS prediction FROM source), MODEL m, DESCRIPTOR(a, b));"
    );
    expect![[r#"
        +---+-----+------------+-------------+
        | a | b   | prediction | prediction0 |
        +---+-----+------------+-------------+
        | 1 | 0.5 | 7          | 10.0        |
        | 2 |     | 7          | 20.0        |
        +---+-----+------------+-------------+
    "#]]
    .assert_eq(&folder().run(&sql).unwrap());
}

#[test]
fn the_model_is_called_once_a_batch() {
    let sql = format!(
        "{HEAD}EXPLAIN SELECT label, prediction + 1 FROM ML_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b))
         WHERE prediction > 15 AND label = 1;"
    );
    let plan = folder().run(&sql).unwrap();
    assert_eq!(plan.matches("predict[m](").count(), 1, "{plan}");
    let two = HEAD.replace(
        "OUTPUT (prediction DOUBLE)\n  WITH (",
        "OUTPUT (prediction DOUBLE, v STRING)\n  WITH ('version.column' = 'v', ",
    );
    for columns in ["v, label, prediction + 1 AS p", "v", "*"] {
        let sql = format!(
            "{two}EXPLAIN SELECT {columns} FROM ML_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b))
             WHERE prediction > 15;"
        );
        let plan = folder().run(&sql).unwrap();
        assert_eq!(plan.matches("predict[m](").count(), 1, "{plan}");
    }
}

fn check(call: &str, expected: Expect) {
    let sql = format!("{HEAD}SELECT * FROM ML_PREDICT(\n  {call});");
    expected.assert_eq(&folder().error(&sql));
}

#[test]
fn wrong_number_of_columns() {
    check(
        "TABLE source, MODEL m, DESCRIPTOR(a)",
        expect![[r#"
        error: the model 'm' takes 2 columns, DESCRIPTOR names 1
         --> job.sql:6:26
          |
        6 |   TABLE source, MODEL m, DESCRIPTOR(a));
          |                          ^^^^^^^^^^^^

        hint: the first input without a column is 'f1'
    "#]],
    );
}

#[test]
fn wrong_type() {
    check(
        "TABLE source, MODEL m, DESCRIPTOR(a, name)",
        expect![[r#"
        error: the column 'name' is STRING, but the input 'f1' of the model 'm' is DOUBLE
         --> job.sql:6:40
          |
        6 |   TABLE source, MODEL m, DESCRIPTOR(a, name));
          |                                        ^^^^

        hint: select CAST(`name` AS DOUBLE) in a query as the input of ML_PREDICT
    "#]],
    );
}

#[test]
fn unknown_column() {
    check(
        "TABLE source, MODEL m, DESCRIPTOR(a, bb)",
        expect![[r#"
        error: the input of ML_PREDICT has no column 'bb'
         --> job.sql:6:40
          |
        6 |   TABLE source, MODEL m, DESCRIPTOR(a, bb));
          |                                        ^^

        hint: did you mean 'b'?
    "#]],
    );
}

#[test]
fn unknown_model() {
    check(
        "TABLE source, MODEL mm, DESCRIPTOR(a, b)",
        expect![[r#"
        error: there is no model 'mm'
         --> job.sql:6:23
          |
        6 |   TABLE source, MODEL mm, DESCRIPTOR(a, b));
          |                       ^^

        hint: did you mean 'm'?
    "#]],
    );
}

#[test]
fn unknown_argument() {
    check(
        "INPUT => TABLE source, MODLE => MODEL m, ARGS => DESCRIPTOR(a, b)",
        expect![[r#"
            error: ML_PREDICT has no argument 'MODLE'
             --> job.sql:6:41
              |
            6 |   INPUT => TABLE source, MODLE => MODEL m, ARGS => DESCRIPTOR(a, b));
              |                                         ^

            hint: write ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(column, …) [, MAP['key', 'value']])
        "#]],
    );
}

#[test]
fn unknown_provider() {
    let sql = "CREATE TABLE t (a DOUBLE) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
CREATE MODEL n INPUT (f DOUBLE) OUTPUT (p DOUBLE) WITH ('provider' = 'lightgmb', 'path' = 'x');
SELECT * FROM ML_PREDICT(TABLE t, MODEL n, DESCRIPTOR(a));";
    expect![[r#"
        error: model 'n': unknown provider 'lightgmb'
         --> job.sql:2:14
          |
        2 | CREATE MODEL n INPUT (f DOUBLE) OUTPUT (p DOUBLE) WITH ('provider' = 'lightgmb', 'path' = 'x');
          |              ^

        hint: did you mean 'lightgbm'?
    "#]].assert_eq(&folder().error(sql));
}

#[test]
fn the_config_of_a_call_is_checked() {
    let with = |config: &str| {
        format!(
            "{HEAD}SELECT label, prediction FROM ML_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b), {config});"
        )
    };
    let output = folder()
        .run(&with(
            "MAP['output-mode', 'allow_unordered', 'timeout', '1 min', 'asink', 'x']",
        ))
        .unwrap();
    assert!(output.contains("| 1     | 20.0       |"), "{output}");
    let warning = output.lines().find(|line| line.starts_with("warning"));
    expect!["warning: ML_PREDICT has no config 'asink', so it changes nothing; there are: async, max-concurrent-operations, output-mode, timeout"].assert_eq(warning.unwrap_or_default());
    for (config, expected) in [
        (
            "MAP['async', 'yes']",
            expect![[r#"
            error: the config 'async' of ML_PREDICT cannot be 'yes'
             --> job.sql:5:83
              |
            5 | …_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b), MAP['async', 'yes']);
              |                                                    ^^^^^^^^^^^^^^^^^^

            hint: it is 'true' or 'false'
        "#]],
        ),
        (
            "MAP['output-mode', 'any']",
            expect![[r#"
            error: the config 'output-mode' of ML_PREDICT cannot be 'any'
             --> job.sql:5:83
              |
            5 | …_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b), MAP['output-mode', 'any']);
              |                                                    ^^^^^^^^^^^^^^^^^^^^^^^^

            hint: it is 'ORDERED' or 'ALLOW_UNORDERED'
        "#]],
        ),
        (
            "MAP['max-concurrent-operations', '0']",
            expect![[r#"
            error: the config 'max-concurrent-operations' of ML_PREDICT cannot be '0'
             --> job.sql:5:83
              |
            5 | …_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b), MAP['max-concurrent-operations', '0']);
              |                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: it is a whole number from 1 on
        "#]],
        ),
        (
            "MAP['timeout', 'soon']",
            expect![[r#"
            error: the config 'timeout' of ML_PREDICT cannot be 'soon'
             --> job.sql:5:83
              |
            5 | …_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b), MAP['timeout', 'soon']);
              |                                                    ^^^^^^^^^^^^^^^^^^^^^

            hint: it is a time, such as '30 s'
        "#]],
        ),
        (
            "'timeout'",
            expect![[r#"
            error: the config of ML_PREDICT must be MAP['key', 'value', …]
             --> job.sql:5:83
              |
            5 | SELECT label, prediction FROM ML_PREDICT(TABLE source, MODEL m, DESCRIPTOR(a, b), 'timeout');
              |                                                                                   ^^^^^^^^^
        "#]],
        ),
    ] {
        expected.assert_eq(&folder().error(&with(config)));
    }
}

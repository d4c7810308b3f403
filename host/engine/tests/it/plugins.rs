//! WASM functions in jobs; the components are built by `cargo xtask plugins`.

use crate::harness::Folder;
use expect_test::{Expect, expect};

const MODEL: &str = include_str!("model.txt");

const HEAD: &str = "CREATE TABLE source (label INT, a INT, b DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv');
CREATE MODEL m INPUT (f0 DOUBLE, f1 DOUBLE) OUTPUT (prediction DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'model.txt');\n";

fn folder() -> Folder {
    let plugin = "../../target/plugins/predict.wasm";
    let folder = Folder::new()
        .with("data.csv", "0,1,0.5\n1,2,\n")
        .with("model.txt", MODEL);
    std::fs::copy(plugin, folder.path().join("predict.wasm"))
        .expect("the plugins are missing: run cargo xtask plugins");
    folder
}

fn check(function: &str, expected: Expect) {
    expected.assert_eq(&folder().error(&format!("{HEAD}{function}")));
}

#[test]
fn a_function_hands_its_columns_to_a_model() {
    let output = folder().run(&format!("{HEAD}{}",
        "CREATE FUNCTION Predict AS 'predict.wasm#predict' LANGUAGE WASM
           WITH ('model' = 'm', 'grant.models' = 'm', 'limit.memory' = '64 MiB', 'limit.time' = '2 s');
         SELECT label, PREDICT(a, b) AS p FROM source;",
    ));
    expect![[r#"
        +-------+------+
        | label | p    |
        +-------+------+
        | 0     | 10.0 |
        | 1     | 20.0 |
        +-------+------+
    "#]]
    .assert_eq(&output.unwrap());
}

#[test]
fn a_model_that_is_not_granted() {
    check(
        "CREATE FUNCTION predict AS 'predict.wasm#predict' LANGUAGE WASM WITH ('model' = 'm');
SELECT predict(a, b) FROM source;",
        expect![[r#"
            error: function predict (predict.wasm#predict) wants the model `m`, which the job does not grant
             --> job.sql:6:1
              |
            6 | SELECT predict(a, b) FROM source;
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: add 'grant.models' = 'm' to the function's WITH
        "#]],
    );
}

#[test]
fn a_grant_of_a_model_that_is_not_there() {
    check(
        "CREATE FUNCTION predict AS 'predict.wasm#predict' LANGUAGE WASM
  WITH ('model' = 'm', 'grant.models' = 'mm');",
        expect![[r#"
            error: there is no model 'mm'
             --> job.sql:6:24
              |
            6 |   WITH ('model' = 'm', 'grant.models' = 'mm');
              |                        ^^^^^^^^^^^^^^

            hint: did you mean 'm'?
        "#]],
    );
}

#[test]
fn too_few_features() {
    check(
        "CREATE FUNCTION predict AS 'predict.wasm#predict' LANGUAGE WASM
  WITH ('model' = 'm', 'grant.models' = 'm');
SELECT predict(a) FROM source;",
        expect![[r#"
            error: function predict (predict.wasm#predict) refuses to open: the model 'm' takes 2 features, `predict` is called with 1
             --> job.sql:7:1
              |
            7 | SELECT predict(a) FROM source;
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn an_unknown_function_of_a_plugin() {
    check(
        "CREATE FUNCTION predict AS 'predict.wasm#predikt' LANGUAGE WASM;",
        expect![[r#"
            error: `predict.wasm` has no function `predikt`
             --> job.sql:5:28
              |
            5 | CREATE FUNCTION predict AS 'predict.wasm#predikt' LANGUAGE WASM;
              |                            ^^^^^^^^^^^^^^^^^^^^^^

            hint: did you mean `predict`?
        "#]],
    );
}

#[test]
fn an_unknown_parameter() {
    check(
        "CREATE FUNCTION predict AS 'predict.wasm#predict' LANGUAGE WASM
  WITH ('modle' = 'm');",
        expect![[r#"
            error: the function 'predict' has no parameter 'modle'
             --> job.sql:6:9
              |
            6 |   WITH ('modle' = 'm');
              |         ^^^^^^^

            hint: did you mean 'model'?
        "#]],
    );
}

#[test]
fn a_wrong_limit() {
    check(
        "CREATE FUNCTION predict AS 'predict.wasm#predict' LANGUAGE WASM
  WITH ('model' = 'm', 'limit.memory' = 'much');",
        expect![[r#"
            error: 'much' is not a size of memory
             --> job.sql:6:24
              |
            6 |   WITH ('model' = 'm', 'limit.memory' = 'much');
              |                        ^^^^^^^^^^^^^^

            hint: write 'limit.memory' = '64 MiB'
        "#]],
    );
}

#[test]
fn a_job_without_room_for_its_functions() {
    check(
        "SET 'job.total.memory' = '1 mb';
CREATE FUNCTION predict AS 'predict.wasm#predict' LANGUAGE WASM
  WITH ('model' = 'm', 'grant.models' = 'm');
SELECT predict(a, b) FROM source;",
        expect![[r#"
            error: function predict (predict.wasm#predict) cannot go on in `open`: all functions of the job together may have 1 MiB of memory, and would have 1.0 MiB
             --> job.sql:8:1
              |
            8 | SELECT predict(a, b) FROM source;
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: SET 'job.total.memory' before the functions gives the job more, or use a lower 'parallelism.default'
        "#]],
    );
}

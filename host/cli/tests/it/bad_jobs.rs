//! Jobs that are wrong: found before anything runs, exit code 2.

use expect_test::{Expect, expect};

use crate::support::Job;

const TABLES: &str = "
CREATE TABLE t (id INT, f1 DOUBLE, f2 DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv');
CREATE TABLE out (id INT, prediction DOUBLE) WITH ('connector' = 'print');
";

fn check(sql: &str, expected: Expect) {
    let job = Job::new(&format!("{}{sql}", TABLES.trim_start()))
        .file("data.csv", "1,0.5,1.5\n")
        .plugin("haversine")
        .model();
    expected.assert_eq(&job.run());
}

#[test]
fn syntax_error() {
    check(
        "INSERT INTO out\nSELEC id, f1 FROM t;",
        expect![[r#"
        exit 2
        error: syntax error: expected SELECT or VALUES, found SELEC
         --> job.sql:5:1
          |
        5 | SELEC id, f1 FROM t;
          | ^^^^^
    "#]],
    );
}

#[test]
fn unclosed_string() {
    check(
        "INSERT INTO out SELECT id, f1 FROM t WHERE 'a = 1;",
        expect![[r#"
        exit 2
        error: syntax error: unterminated string literal
         --> job.sql:4:44
          |
        4 | INSERT INTO out SELECT id, f1 FROM t WHERE 'a = 1;
          |                                            ^
    "#]],
    );
}

#[test]
fn unknown_table() {
    check(
        "INSERT INTO out SELECT id, f1 FROM tt;",
        expect![[r#"
        exit 2
        error: there is no table or view 'tt'
         --> job.sql:4:36
          |
        4 | INSERT INTO out SELECT id, f1 FROM tt;
          |                                    ^^

        hint: did you mean 't'?
    "#]],
    );
}

#[test]
fn unknown_column() {
    check(
        "INSERT INTO out SELECT id, f3 FROM t;",
        expect![[r#"
        exit 2
        error: there is no column 'f3'
         --> job.sql:4:28
          |
        4 | INSERT INTO out SELECT id, f3 FROM t;
          |                            ^^

        hint: did you mean 'f1'?
    "#]],
    );
}

#[test]
fn unknown_function() {
    check(
        "INSERT INTO out SELECT id, sqrrt(f1) FROM t;",
        expect![[r#"
        exit 2
        error: there is no function 'sqrrt'
         --> job.sql:4:28
          |
        4 | INSERT INTO out SELECT id, sqrrt(f1) FROM t;
          |                            ^^^^^

        hint: did you mean 'sqrt'?
    "#]],
    );
}

#[test]
fn unknown_connector() {
    check(
        "CREATE TABLE x (a INT) WITH ('connector' = 'filesytem'); SELECT * FROM x;",
        expect![[r#"
        exit 2
        error: table x: there is no connector 'filesytem'
         --> job.sql:4:14
          |
        4 | CREATE TABLE x (a INT) WITH ('connector' = 'filesytem'); SELECT * FROM x;
          |              ^

        hint: did you mean 'filesystem'?
    "#]],
    );
}

#[test]
fn unknown_option() {
    check(
        "CREATE TABLE x (a INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv', 'csv.field-delimeter' = ';'); SELECT * FROM x;",
        expect![[r#"
            exit 2
            error: table x: the connector 'filesystem' with format 'csv' has no option 'csv.field-delimeter'
             --> job.sql:4:14
              |
            4 | CREATE TABLE x (a INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv', 'csv…
              |              ^

            hint: did you mean 'csv.field-delimiter'?
        "#]],
    );
}

#[test]
fn unknown_format() {
    check(
        "CREATE TABLE x (a INT) WITH ('connector' = 'filesystem', 'format' = 'orc', 'path' = 'data.csv'); SELECT * FROM x;",
        expect![[r#"
            exit 2
            error: table x: the connector 'filesystem' has no format 'orc'
             --> job.sql:4:14
              |
            4 | CREATE TABLE x (a INT) WITH ('connector' = 'filesystem', 'format' = 'orc', 'path' = 'data.csv'); SEL…
              |              ^

            hint: known formats: csv, json, parquet
        "#]],
    );
}

#[test]
fn unknown_setting() {
    check(
        "SET 'parallelism.defalt' = '2';",
        expect![[r#"
        exit 2
        error: there is no setting 'parallelism.defalt'
         --> job.sql:4:5
          |
        4 | SET 'parallelism.defalt' = '2';
          |     ^^^^^^^^^^^^^^^^^^^^

        hint: did you mean 'parallelism.default'?
    "#]],
    );
}

#[test]
fn too_many_columns_for_the_sink() {
    check(
        "INSERT INTO out SELECT * FROM t;",
        expect![[r#"
        exit 2
        error: INSERT INTO 'out' takes 2 columns (id INT, prediction DOUBLE), the query has 3 columns (id INT, f1 DOUBLE, f2 DOUBLE)
         --> job.sql:4:1
          |
        4 | INSERT INTO out SELECT * FROM t;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]],
    );
}

#[test]
fn text_into_a_double() {
    check(
        "INSERT INTO out SELECT id, 'many' FROM t;",
        expect![[r#"
            exit 2
            error: the column 'prediction' of 'out' is DOUBLE, but the query gives 'EXPR$1', a STRING
             --> job.sql:4:1
              |
            4 | INSERT INTO out SELECT id, 'many' FROM t;
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: write CAST(… AS DOUBLE) if that is what you mean
        "#]],
    );
}

#[test]
fn unknown_provider() {
    check(
        "CREATE MODEL m INPUT (f1 DOUBLE) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgmb', 'path' = 'm.txt');
SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(f1));",
        expect![[r#"
            exit 2
            error: model 'm': unknown provider 'lightgmb'
             --> job.sql:4:14
              |
            4 | CREATE MODEL m INPUT (f1 DOUBLE) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgmb', 'path' =…
              |              ^

            hint: did you mean 'lightgbm'?
        "#]],
    );
}

#[test]
fn unknown_model() {
    check(
        "SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(f1));",
        expect![[r#"
        exit 2
        error: there is no model 'm'
         --> job.sql:4:41
          |
        4 | SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(f1));
          |                                         ^
    "#]],
    );
}

#[test]
fn missing_model_file() {
    check(
        "CREATE MODEL m INPUT (f1 DOUBLE) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgbm', 'path' = 'm.txt');
SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(f1));",
        expect![[r#"
            exit 2
            error: model 'm': ./m.txt: the model file does not exist
             --> job.sql:4:14
              |
            4 | CREATE MODEL m INPUT (f1 DOUBLE) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgbm', 'path' =…
              |              ^

            hint: a relative 'path' starts from the folder of the job file
        "#]],
    );
}

#[test]
fn model_file_that_is_none() {
    check(
        "CREATE MODEL m INPUT (f1 DOUBLE) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgbm', 'path' = 'data.csv');
SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(f1));",
        expect![[r#"
            exit 2
            error: model 'm': ./data.csv: this is not a LightGBM text model
             --> job.sql:4:14
              |
            4 | CREATE MODEL m INPUT (f1 DOUBLE) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgbm', 'path' =…
              |              ^

            hint: save the model with Booster.save_model('model.txt'); its first line is 'tree'
        "#]],
    );
}

#[test]
fn model_with_more_features_than_declared() {
    check(
        "CREATE MODEL m INPUT (f1 DOUBLE, f2 DOUBLE) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgbm', 'path' = 'model.txt');
SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(f1, f2));",
        expect![[r#"
            exit 2
            error: model 'm': the model file has 30 features, but 2 input columns are declared
             --> job.sql:4:14
              |
            4 | CREATE MODEL m INPUT (f1 DOUBLE, f2 DOUBLE) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgbm'…
              |              ^

            hint: the model's features are, in this order: mean_radius, mean_texture, mean_perimeter, mean_area, mean_smoothness, mean_compactness, mean_concavity, mean_concave_points, mean_symmetry, mean_fractal_dimension, radius_error, texture_error, perimeter_error, area_error, smoothness_error, compactness_error, concavity_error, concave_points_error, symmetry_error, fractal_dimension_error, worst_radius, worst_texture, worst_perimeter, worst_area, worst_smoothness, worst_compactness, worst_concavity, worst_concave_points, worst_symmetry, worst_fractal_dimension
        "#]],
    );
}

#[test]
fn wrong_number_of_descriptor_columns() {
    let inputs: Vec<_> = (1..=30).map(|n| format!("f{n} DOUBLE")).collect();
    check(
        &format!(
            "CREATE MODEL m INPUT ({}) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgbm', 'path' = 'model.txt');
SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(f1, f2));",
            inputs.join(", ")
        ),
        expect![[r#"
            exit 2
            error: the model 'm' takes 30 columns, DESCRIPTOR names 2
             --> job.sql:5:44
              |
            5 | SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(f1, f2));
              |                                            ^^^^^^^^^^^^^^^^^

            hint: the first input without a column is 'f3'
        "#]],
    );
}

#[test]
fn wrong_number_of_arguments() {
    check(
        "CREATE FUNCTION distance AS 'haversine.wasm#haversine' LANGUAGE WASM;
SELECT distance(f1, f2) FROM t;",
        expect![[r#"
            exit 2
            error: distance(lat1 DOUBLE, lon1 DOUBLE, lat2 DOUBLE, lon2 DOUBLE) takes 4 arguments, the call has 2
             --> job.sql:5:1
              |
            5 | SELECT distance(f1, f2) FROM t;
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn text_for_a_number() {
    check(
        "CREATE FUNCTION distance AS 'haversine.wasm#haversine' LANGUAGE WASM;
SELECT distance(f1, f2, 'north', 4) FROM t;",
        expect![[r#"
            exit 2
            error: distance: argument 3 (lat2) is DOUBLE, the call passes STRING
             --> job.sql:5:1
              |
            5 | SELECT distance(f1, f2, 'north', 4) FROM t;
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: write CAST(… AS DOUBLE) if that is what you mean
        "#]],
    );
}

#[test]
fn java_function() {
    check(
        "CREATE FUNCTION f AS 'com.example.F' LANGUAGE JAVA;",
        expect![[r#"
        exit 2
        error: functions in JAVA cannot run here
         --> job.sql:4:47
          |
        4 | CREATE FUNCTION f AS 'com.example.F' LANGUAGE JAVA;
          |                                               ^^^^

        hint: build the function as a WebAssembly component: AS 'path.wasm#name' LANGUAGE WASM
    "#]],
    );
}

#[test]
fn variables_are_not_expanded() {
    check(
        "CREATE TABLE x (a INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '${DATA}/x.csv'); SELECT * FROM x;",
        expect![[r#"
            exit 2
            warning: line 4: the value of 'path' holds '${DATA}', which is not expanded: it is taken as it stands
            error: there is no file or folder ${DATA}/x.csv
             --> job.sql:4:14
              |
            4 | CREATE TABLE x (a INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '${DATA}/x.csv')…
              |              ^

            hint: relative paths start from the job's folder, [JOB]
        "#]],
    );
}

#[test]
fn nothing_runs_before_everything_is_planned() {
    check(
        "INSERT INTO out SELECT id, f1 FROM t;\nINSERT INTO out SELECT id, f9 FROM t;",
        expect![[r#"
            exit 2
            error: there is no column 'f9'
             --> job.sql:5:28
              |
            5 | INSERT INTO out SELECT id, f9 FROM t;
              |                            ^^

            hint: did you mean 'f1'?
        "#]],
    );
}

#[test]
fn missing_job_file() {
    let job = Job::new("");
    std::fs::remove_file(job.path("job.sql")).unwrap();
    expect![[r#"
        exit 2
        error: the job file job.sql cannot be read: No such file or directory (os error 2)
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn no_onnx_runtime() {
    let job = Job::new(
        "CREATE TABLE t (x FLOAT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
CREATE MODEL m INPUT (x FLOAT) OUTPUT (y FLOAT) WITH ('provider' = 'onnx', 'path' = 'model.onnx');
SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(x));",
    )
    .file("model.onnx", "not read before the library is there");
    let cache = job.path("empty-cache");
    let output = job
        .command()
        .env_remove("ORT_DYLIB_PATH")
        .env("WASMILL_CACHE_DIR", cache)
        .output()
        .unwrap();
    expect![[r#"
        exit 2
        error: there is no ONNX Runtime on this machine: ORT_DYLIB_PATH is not set, and [JOB]/empty-cache/onnxruntime has no libonnxruntime.so

        hint: install it: `pip install onnxruntime`, then set ORT_DYLIB_PATH to the file onnxruntime/capi/libonnxruntime.so.* of that package, or link that file into the cache folder as onnxruntime/libonnxruntime.so
    "#]].assert_eq(&job.told(&output));
}

#[test]
fn job_file_that_is_no_text() {
    let job = Job::new("").file("job.sql", b"SELECT \xff;");
    expect![[r#"
        exit 2
        error: the job file job.sql cannot be read: it is not UTF-8 text

        hint: save it as UTF-8
    "#]]
    .assert_eq(&job.run());
}

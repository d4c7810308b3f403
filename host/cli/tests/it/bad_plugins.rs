//! Plugins that cannot be used: found when the job is planned, exit code 2.

use expect_test::{Expect, expect};

use crate::support::Job;

fn check(bytes: &[u8], expected: Expect) {
    let job = Job::new(
        "CREATE FUNCTION f AS 'f.wasm#f' LANGUAGE WASM;
SELECT f(1);",
    )
    .file("f.wasm", bytes);
    expected.assert_eq(&job.run());
}

fn check_text(wat: &str, expected: Expect) {
    check(&wat::parse_str(wat).unwrap(), expected);
}

#[test]
fn missing() {
    let job = Job::new("CREATE FUNCTION f AS 'g.wasm#f' LANGUAGE WASM;");
    expect![[r#"
        exit 2
        error: cannot read the plugin `./g.wasm`: No such file or directory (os error 2)
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION f AS 'g.wasm#f' LANGUAGE WASM;
          |                      ^^^^^^^^^^

        hint: paths in a job are relative to the job's file; was the plugin built?
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn no_function_named() {
    let job = Job::new("CREATE FUNCTION f AS 'g.wasm' LANGUAGE WASM;");
    expect![[r#"
        exit 2
        error: 'g.wasm' does not say which function of the plugin it is
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION f AS 'g.wasm' LANGUAGE WASM;
          |                      ^^^^^^^^

        hint: write AS 'g.wasm#name'
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn not_wasm() {
    check(
        b"#!/bin/sh\nexit 0\n",
        expect![[r#"
        exit 2
        error: `f.wasm` is not a WebAssembly component: it is a text file
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION f AS 'f.wasm#f' LANGUAGE WASM;
          |                      ^^^^^^^^^^

        hint: a plugin is a `.wasm` file built as a component, for example with the Rust SDK
    "#]],
    );
}

#[test]
fn core_module() {
    check_text(
        "(module (func (export \"f\")))",
        expect![[r#"
        exit 2
        error: `f.wasm` is a core WebAssembly module, not a component
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION f AS 'f.wasm#f' LANGUAGE WASM;
          |                      ^^^^^^^^^^

        hint: turn it into a component: `wasm-tools component new module.wasm -o plugin.wasm`
    "#]],
    );
}

#[test]
fn newer_contract() {
    check_text(
        "(component (import \"wasmill:udf/columns@0.9.0\" (instance)))",
        expect![[r#"
            exit 2
            error: `f.wasm` wants the contract wasmill:udf@0.9.0; this wasmill speaks wasmill:udf@0.2.0
             --> job.sql:1:22
              |
            1 | CREATE FUNCTION f AS 'f.wasm#f' LANGUAGE WASM;
              |                      ^^^^^^^^^^

            hint: use a newer wasmill, or build the plugin with an older SDK
        "#]],
    );
}

#[test]
fn component_of_another_kind() {
    check_text(
        "(component)",
        expect![[r#"
            exit 2
            error: `f.wasm` exports neither `wasmill:udf/scalar@0.2.0` nor `wasmill:udf/table@0.2.0` nor `wasmill:udf/aggregate@0.2.0` nor `wasmill:udf/process@0.2.0`, so it has no functions
             --> job.sql:1:22
              |
            1 | CREATE FUNCTION f AS 'f.wasm#f' LANGUAGE WASM;
              |                      ^^^^^^^^^^

            hint: build it for the world `wasmill:udf/plugin`, or for that of one kind of function
        "#]],
    );
}

#[test]
fn wants_files() {
    check_text(
        "(component (import \"wasi:filesystem/types@0.3.0\" (instance)))",
        expect![[r#"
            exit 2
            error: `f.wasm` imports `wasi:filesystem/types@0.3.0`, which is not granted
             --> job.sql:1:22
              |
            1 | CREATE FUNCTION f AS 'f.wasm#f' LANGUAGE WASM;
              |                      ^^^^^^^^^^

            hint: of WASI 0.2 there are cli, clocks, filesystem, http (requests), io, random and sockets
        "#]],
    );
}

#[test]
fn wants_http() {
    let job = |with: &str| {
        let job = Job::new(&format!(
            "CREATE FUNCTION f AS 'http-loopback.wasm#attack' LANGUAGE WASM
  WITH ('attack' = '127.0.0.1:1'{with});
SELECT f(CAST(1 AS BIGINT));"
        ));
        job.plugin("hostile/http-loopback")
    };
    expect![[r#"
        exit 2
        error: function f (http-loopback.wasm#attack) imports `wasi:http/outgoing-handler@0.2.12`, which the job does not grant
         --> job.sql:3:1
          |
        3 | SELECT f(CAST(1 AS BIGINT));
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: name the hosts that it may ask, 'grant.http' = 'api.example.com:443', in the function's WITH, or build the plugin without HTTP
    "#]].assert_eq(&job("").run());
    expect![[r#"
        exit 0
        +--------+
        | EXPR$0 |
        +--------+
        |      1 |
        +--------+
        1 row in set
    "#]]
    .assert_eq(&job(", 'grant.http' = 'localhost:1'").run());
}

#[test]
fn grants_that_the_host_does_not_allow() {
    let job = Job::new(
        "CREATE FUNCTION f AS 'haversine.wasm#haversine' LANGUAGE WASM
  WITH ('grant.clock' = 'true', 'grant.http' = 'localhost:1');",
    )
    .plugin("haversine");
    let told = |allowed: &str| {
        let mut command = job.command();
        job.told(&command.args(["--allow-grant", allowed]).output().unwrap())
    };
    expect![[r#"
        exit 2
        error: this host does not allow 'grant.http'
         --> job.sql:2:33
          |
        2 |   WITH ('grant.clock' = 'true', 'grant.http' = 'localhost:1');
          |                                 ^^^^^^^^^^^^

        hint: whoever runs it says what jobs may grant: `wasmill run --allow-grant`
    "#]]
    .assert_eq(&told("clock,dir"));
    expect![[r#"
        exit 0
    "#]]
    .assert_eq(&told("clock,http"));
}

fn check_function(with: &str, expected: Expect) {
    let inputs: Vec<_> = (1..=30).map(|n| format!("f{n} DOUBLE")).collect();
    let ones = vec!["1.0"; 30].join(", ");
    let job = Job::new(&format!(
        "CREATE MODEL tumour INPUT ({}) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgbm', 'path' = 'model.txt');
CREATE FUNCTION predict AS 'predict.wasm#predict' LANGUAGE WASM WITH ({with});
SELECT predict({ones});",
        inputs.join(", "),
    ))
    .plugin("predict")
    .model();
    expected.assert_eq(&job.run());
}

#[test]
fn model_not_granted() {
    check_function(
        "'model' = 'tumour'",
        expect![[r#"
        exit 2
        error: function predict (predict.wasm#predict) wants the model `tumour`, which the job does not grant
         --> job.sql:3:1
          |
        3 | SELECT predict(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,…
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: add 'grant.models' = 'tumour' to the function's WITH
    "#]],
    );
}

#[test]
fn grant_of_an_unknown_model() {
    check_function(
        "'model' = 'tumour', 'grant.models' = 'tumor'",
        expect![[r#"
            exit 2
            error: there is no model 'tumor'
             --> job.sql:2:91
              |
            2 | …#predict' LANGUAGE WASM WITH ('model' = 'tumour', 'grant.models' = 'tumor');
              |                                                    ^^^^^^^^^^^^^^

            hint: did you mean 'tumour'?
        "#]],
    );
}

#[test]
fn unknown_parameter() {
    check_function(
        "'modell' = 'tumour', 'grant.models' = 'tumour'",
        expect![[r#"
            exit 2
            error: the function 'predict' has no parameter 'modell'
             --> job.sql:2:71
              |
            2 | …ict AS 'predict.wasm#predict' LANGUAGE WASM WITH ('modell' = 'tumour', 'grant.models' = 'tumour');
              |                                                    ^^^^^^^^

            hint: did you mean 'model'?
        "#]],
    );
}

#[test]
fn missing_parameter() {
    check_function(
        "'grant.models' = 'tumour'",
        expect![[r#"
        exit 2
        error: function predict (predict.wasm#predict) needs the parameter `model`: the model's name in the job
         --> job.sql:3:1
          |
        3 | SELECT predict(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,…
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: add 'model' = '…' to the function's WITH
    "#]],
    );
}

#[test]
fn unknown_grant() {
    check_function(
        "'model' = 'tumour', 'grant.model' = 'tumour'",
        expect![[r#"
            exit 2
            error: the function 'predict' has no parameter 'grant.model'
             --> job.sql:2:91
              |
            2 | …#predict' LANGUAGE WASM WITH ('model' = 'tumour', 'grant.model' = 'tumour');
              |                                                    ^^^^^^^^^^^^^

            hint: did you mean 'grant.models'?
        "#]],
    );
}

#[test]
fn bad_limit() {
    check_function(
        "'model' = 'tumour', 'grant.models' = 'tumour', 'limit.memory' = 'much'",
        expect![[r#"
            exit 2
            error: 'much' is not a size of memory
             --> job.sql:2:118
              |
            2 | …H ('model' = 'tumour', 'grant.models' = 'tumour', 'limit.memory' = 'much');
              |                                                    ^^^^^^^^^^^^^^

            hint: write 'limit.memory' = '64 MiB'
        "#]],
    );
}

#[test]
fn wrong_function_name() {
    let job = Job::new("CREATE FUNCTION f AS 'haversine.wasm#haversin' LANGUAGE WASM;")
        .plugin("haversine");
    expect![[r#"
        exit 2
        error: `haversine.wasm` has no function `haversin`
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION f AS 'haversine.wasm#haversin' LANGUAGE WASM;
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: did you mean `haversine`?
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn wrong_number_of_features() {
    let inputs: Vec<_> = (1..=30).map(|n| format!("f{n} DOUBLE")).collect();
    let ones = vec!["1.0"; 29].join(", ");
    let job = Job::new(&format!(
        "CREATE MODEL tumour INPUT ({}) OUTPUT (prediction DOUBLE) WITH ('provider' = 'lightgbm', 'path' = 'model.txt');
CREATE FUNCTION predict AS 'predict.wasm#predict' LANGUAGE WASM WITH ('model' = 'tumour', 'grant.models' = 'tumour');
SELECT predict({ones});",
        inputs.join(", "),
    ))
    .plugin("predict")
    .model();
    expect![[r#"
        exit 2
        error: function predict (predict.wasm#predict) refuses to open: the model 'tumour' takes 30 features, `predict` is called with 29
         --> job.sql:3:1
          |
        3 | SELECT predict(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,…
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]].assert_eq(&job.run());
}

#[test]
fn endless_loop_is_stopped() {
    let job = Job::new(
        "CREATE TABLE t (x DOUBLE) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 't.csv');
CREATE TABLE out (x DOUBLE) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
CREATE FUNCTION f AS 'endless-loop.wasm#loop' LANGUAGE WASM WITH ('attack' = 'batch-eval', 'limit.time' = '200 ms');
INSERT INTO out SELECT f(x) FROM t;",
    )
    .plugin("hostile/endless-loop")
    .file("t.csv", "1\n2\n");
    expect![[r#"
        exit 1
         INFO wasmill::guest: here \x1b[31mI go function="f (endless-loop.wasm#loop)" rows=0-1
        error: function f (endless-loop.wasm#loop) ran over its time limit of 200 ms in `batch-eval`
          its last log lines:
            info: here \x1b[31mI go

        hint: a longer limit can be given with 'limit.time' in the function's WITH
    "#]]
    .assert_eq(&job.run());
    assert_eq!(job.listing(), ["endless-loop.wasm", "job.sql", "t.csv"]);
}

/// The first limit that is set counts: the function's, the job's; the host's is above both.
fn limited(settings: &str, with: &str, ceiling: &[&str], expected: Expect) {
    let job = Job::new(&format!(
        "{settings}
CREATE TABLE out (x BIGINT) WITH ('connector' = 'blackhole');
CREATE FUNCTION f AS 'poison.wasm#poison' LANGUAGE WASM WITH ('attack' = 'memory 13'{with});
INSERT INTO out SELECT f(CAST(x + 10 AS BIGINT)) FROM (VALUES (2), (3), (4)) AS t(x);",
    ))
    .plugin("hostile/poison");
    let ceiling = ceiling.iter().flat_map(|limit| ["--ceiling", limit]);
    let output = job.command().args(ceiling).output().unwrap();
    expected.assert_eq(&job.told(&output));
}

#[test]
fn limits_of_the_job() {
    limited(
        "SET 'job.limit.memory' = '8 mb';",
        "",
        &[],
        expect![[r#"
        exit 1
        error: function f (poison.wasm#poison) ran over its memory limit of 8 MiB in `batch-eval`: it wanted 8.5 MiB

        hint: a higher limit can be given with 'limit.memory' in the function's WITH
    "#]],
    );
}

#[test]
fn limits_of_the_function_come_first() {
    limited(
        "SET 'job.limit.memory' = '8 mb';",
        ", 'limit.memory' = '4 mb'",
        &["limit.memory=16mb"],
        expect![[r#"
            exit 1
            error: function f (poison.wasm#poison) ran over its memory limit of 4 MiB in `batch-eval`: it wanted 4.3 MiB

            hint: a higher limit can be given with 'limit.memory' in the function's WITH
        "#]],
    );
}

#[test]
fn the_hosts_ceiling_lowers_the_default() {
    limited(
        "",
        "",
        &["limit.memory=2mb"],
        expect![[r#"
        exit 1
        error: function f (poison.wasm#poison) ran over its memory limit of 2 MiB in `batch-eval`: it wanted 2.1 MiB

        hint: a higher limit can be given with 'limit.memory' in the function's WITH
    "#]],
    );
}

#[test]
fn limits_above_the_hosts_ceiling() {
    limited(
        "",
        ", 'limit.wall-time' = '1 min'",
        &["limit.wall-time=5s"],
        expect![[r#"
            exit 2
            error: function f: 'limit.wall-time' is 60 s, but this host allows 5 s at most
             --> job.sql:3:87
              |
            3 | …ison' LANGUAGE WASM WITH ('attack' = 'memory 13', 'limit.wall-time' = '1 min');
              |                                                    ^^^^^^^^^^^^^^^^^

            hint: ask for less, or have whoever runs this host raise its ceiling
        "#]],
    );
    limited(
        "SET 'job.limit.handles' = '2000';",
        "",
        &["limit.handles=1000"],
        expect![[r#"
            exit 2
            error: function f: 'limit.handles' is 2000, but this host allows 1000 at most
             --> job.sql:3:1
              |
            3 | CREATE FUNCTION f AS 'poison.wasm#poison' LANGUAGE WASM WITH ('attack' = 'memory 13');
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: ask for less, or have whoever runs this host raise its ceiling
        "#]],
    );
    limited(
        "",
        "",
        &["limit.mem=2mb"],
        expect![[r#"
        exit 2
        error: there is no limit 'limit.mem'

        hint: did you mean 'limit.memory'?
    "#]],
    );
}

#[test]
fn limits_that_are_none() {
    limited(
        "SET 'job.limit.handles' = '0';",
        "",
        &[],
        expect![[r#"
        exit 2
        error: the setting 'job.limit.handles' cannot be '0'
         --> job.sql:1:5
          |
        1 | SET 'job.limit.handles' = '0';
          |     ^^^^^^^^^^^^^^^^^^^

        hint: it is a number above 0
    "#]],
    );
    limited(
        "",
        ", 'limit.instances' = 'few'",
        &[],
        expect![[r#"
        exit 2
        error: 'few' is not a number above 0
         --> job.sql:3:87
          |
        3 | …ison' LANGUAGE WASM WITH ('attack' = 'memory 13', 'limit.instances' = 'few');
          |                                                    ^^^^^^^^^^^^^^^^^

        hint: write 'limit.instances' = '100'
    "#]],
    );
    limited(
        "",
        ", 'limit.wall-time' = '1 mile'",
        &[],
        expect![[r#"
        exit 2
        error: '1 mile' is not a time
         --> job.sql:3:87
          |
        3 | …ison' LANGUAGE WASM WITH ('attack' = 'memory 13', 'limit.wall-time' = '1 mile');
          |                                                    ^^^^^^^^^^^^^^^^^

        hint: write 'limit.wall-time' = '2 s'
    "#]],
    );
}

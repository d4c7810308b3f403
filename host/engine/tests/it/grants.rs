//! What a job grants to its functions: refused when it is wrong, and shown with the plan.

use expect_test::{Expect, expect};

use crate::harness::Folder;

/// A plugin that tells what it finds of its process.
fn folder() -> Folder {
    let plugin = "../../target/plugins/hostile/wasi-env.wasm";
    let folder = Folder::new().with("data/table.csv", "1,2");
    std::fs::copy(plugin, folder.path().join("wasi-env.wasm"))
        .expect("the plugins are missing: run cargo xtask plugins");
    folder
}

fn check(grants: &str, expected: Expect) {
    expected.assert_eq(&folder().error(&format!(
        "CREATE FUNCTION f AS 'wasi-env.wasm#attack' LANGUAGE WASM
  WITH ('attack' = 'all', {grants});"
    )));
}

#[test]
fn that_are_wrong() {
    check(
        "'grant.http' = 'https://example.com'",
        expect![[r#"
        error: 'https://example.com' is not a host and a port
         --> job.sql:2:27
          |
        2 |   WITH ('attack' = 'all', 'grant.http' = 'https://example.com');
          |                           ^^^^^^^^^^^^

        hint: write an exact name or address and the port: 'grant.http' = 'api.example.com:443'
    "#]],
    );
    check(
        "'grant.http' = 'example.com:443, *.example.com:443'",
        expect![[r#"
            error: '*.example.com:443' is not a host and a port
             --> job.sql:2:27
              |
            2 |   WITH ('attack' = 'all', 'grant.http' = 'example.com:443, *.example.com:443');
              |                           ^^^^^^^^^^^^

            hint: write an exact name or address and the port: 'grant.http' = 'api.example.com:443'
        "#]],
    );
    check(
        "'grant.clock' = 'yes'",
        expect![[r#"
        error: 'grant.clock' cannot be 'yes'
         --> job.sql:2:27
          |
        2 |   WITH ('attack' = 'all', 'grant.clock' = 'yes');
          |                           ^^^^^^^^^^^^^

        hint: it is 'true' or 'false'
    "#]],
    );
    check(
        "'grant.env' = 'WASMILL_NOT_THERE'",
        expect![[r#"
        error: the environment variable 'WASMILL_NOT_THERE' is not set where this job is planned
         --> job.sql:2:27
          |
        2 |   WITH ('attack' = 'all', 'grant.env' = 'WASMILL_NOT_THERE');
          |                           ^^^^^^^^^^^

        hint: 'grant.env' names variables; their values come from the host's environment
    "#]],
    );
    check(
        "'grant.dir' = 'nothing'",
        expect![[r#"
        error: the folder 'nothing' cannot be granted: No such file or directory (os error 2)
         --> job.sql:2:27
          |
        2 |   WITH ('attack' = 'all', 'grant.dir' = 'nothing');
          |                           ^^^^^^^^^^^

        hint: paths in a job are relative to the job's file
    "#]],
    );
    check(
        "'grant.dir' = 'data/table.csv'",
        expect![[r#"
        error: the folder 'data/table.csv' cannot be granted: Not a directory (os error 20)
         --> job.sql:2:27
          |
        2 |   WITH ('attack' = 'all', 'grant.dir' = 'data/table.csv');
          |                           ^^^^^^^^^^^

        hint: paths in a job are relative to the job's file
    "#]],
    );
    check(
        "'grant.dir' = 'in=data'",
        expect![[r#"
        error: 'in' does not begin with '/'
         --> job.sql:2:27
          |
        2 |   WITH ('attack' = 'all', 'grant.dir' = 'in=data');
          |                           ^^^^^^^^^^^

        hint: write one folder, or where the function sees each: 'grant.dir' = '/in=data, /more=other/data'
    "#]],
    );
    check(
        "'grant.dir' = '/in=data, /in=data'",
        expect![[r#"
        error: two folders are granted as '/in'
         --> job.sql:2:27
          |
        2 |   WITH ('attack' = 'all', 'grant.dir' = '/in=data, /in=data');
          |                           ^^^^^^^^^^^

        hint: write one folder, or where the function sees each: 'grant.dir' = '/in=data, /more=other/data'
    "#]],
    );
    check(
        "'grant.files' = 'data'",
        expect![[r#"
        error: the function 'f' has no parameter 'grant.files'
         --> job.sql:2:27
          |
        2 |   WITH ('attack' = 'all', 'grant.files' = 'data');
          |                           ^^^^^^^^^^^^^

        hint: did you mean 'grant.models'?
    "#]],
    );
}

#[test]
fn that_a_function_was_given_are_shown() {
    let output = folder().run(
        "CREATE FUNCTION given AS 'wasi-env.wasm#attack' LANGUAGE WASM WITH ('attack' = 'all',
           'grant.http' = 'api.example.com:443, [::1]:80', 'grant.dir' = '/in=data, /more=.',
           'grant.env' = 'CARGO_MANIFEST_DIR', 'grant.clock' = 'true', 'grant.random' = 'false');
         CREATE FUNCTION bare AS 'wasi-env.wasm#attack' LANGUAGE WASM WITH ('attack' = 'all');
         CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
         CREATE TABLE sink (n BIGINT) WITH ('connector' = 'blackhole');
         EXPLAIN SELECT GIVEN(n), BARE(n) FROM numbers;
         EXPLAIN INSERT INTO sink SELECT given(n) FROM numbers;
         EXPLAIN SELECT n FROM numbers;
         DESCRIBE FUNCTION given;
         SHOW CREATE FUNCTION bare;",
    );
    let output = output.unwrap();
    // The plugin's bytes are its compiler's.
    let output: Vec<_> = output
        .lines()
        .filter(|line| !line.contains("sha256"))
        .collect();
    expect![[r#"
        ProjectionExec: expr=[given(n@0) as GIVEN(n), bare(n@0) as BARE(n)]
          SourceScan: table=numbers, partitions=1, columns=[n]
        Function: name=bare, kind=scalar, component=wasi-env.wasm#attack, grants=[]
        Function: name=given, kind=scalar, component=wasi-env.wasm#attack, grants=[http=api.example.com:443, [::1]:80; env=CARGO_MANIFEST_DIR; dir=/in=data, /more=.; clock=true]
        Sink: table=sink
          ProjectionExec: expr=[given(n@0) as n]
            SourceScan: table=numbers, partitions=1, columns=[n]
        Function: name=given, kind=scalar, component=wasi-env.wasm#attack, grants=[http=api.example.com:443, [::1]:80; env=CARGO_MANIFEST_DIR; dir=/in=data, /more=.; clock=true]
        SourceScan: table=numbers, partitions=1, columns=[n]
        +-------------+------------------------------------------------------------------+
        | info name   | info value                                                       |
        +-------------+------------------------------------------------------------------+
        | name        | given                                                            |
        | kind        | scalar                                                           |
        | component   | wasi-env.wasm#attack                                             |
        | grant.http  | api.example.com:443, [::1]:80                                    |
        | grant.env   | CARGO_MANIFEST_DIR                                               |
        | grant.dir   | /in=data, /more=.                                                |
        | grant.clock | true                                                             |
        | description | An attack.                                                       |
        | parameter   | 'attack' (required): which                                       |
        +-------------+------------------------------------------------------------------+
        CREATE FUNCTION `bare` AS 'wasi-env.wasm#attack' LANGUAGE WASM
        WITH (
          'attack' = 'all'
        )"#]].assert_eq(&output.join("\n"));
}

#[test]
fn that_a_function_uses() {
    let error = folder().error(
        "CREATE FUNCTION f AS 'wasi-env.wasm#attack' LANGUAGE WASM
  WITH ('attack' = 'all', 'grant.env' = 'CARGO_PKG_NAME');
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '2');
SELECT f(n) FROM numbers;",
    );
    expect![[r#"
        error: function f (wasi-env.wasm#attack) failed: variables [("CARGO_PKG_NAME", "wasmill-engine")], arguments [], folder None, input Ok(("", 0))
    "#]].assert_eq(&error);
}

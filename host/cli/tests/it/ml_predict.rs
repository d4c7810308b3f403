//! ML_PREDICT with a model that does not come to its end.

use expect_test::{Expect, expect};

use crate::support::{Job, python, root};

fn told(settings: &str, arguments: &[&str], expected: Expect) {
    let job = Job::new(&format!(
        "CREATE TABLE out (y FLOAT) WITH ('connector' = 'blackhole');
CREATE MODEL m INPUT (x FLOAT) OUTPUT (y FLOAT)
  WITH ('provider' = 'onnx', 'path' = 'endless_loop.onnx');
{settings}
INSERT INTO out SELECT y FROM ML_PREDICT(
  (SELECT CAST(x AS FLOAT) AS x FROM (VALUES (1), (2)) AS t(x)), MODEL m, DESCRIPTOR(x));"
    ));
    let script = root().join("host/inference/tests/oracle/onnx_attackers.py");
    let made = python().arg(script).arg(job.path("")).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let output = job.command().args(arguments).output().unwrap();
    expected.assert_eq(&job.told(&output));
}

#[test]
fn a_model_ends_at_the_jobs_wall_time() {
    told(
        "SET 'job.limit.wall-time' = '300 ms';",
        &[],
        expect![[r#"
            exit 1
            error: model 'm' was stopped: it ran past the deadline of the call that asked it

            hint: a function has more time for its models with a longer 'limit.wall-time' in its WITH, ML_PREDICT with SET 'job.limit.wall-time'
        "#]],
    );
}

#[test]
fn a_model_ends_at_the_hosts_wall_time() {
    let ceiling = ["--ceiling", "limit.wall-time=300ms"];
    told(
        "",
        &ceiling,
        expect![[r#"
            exit 1
            error: model 'm' was stopped: it ran past the deadline of the call that asked it

            hint: a function has more time for its models with a longer 'limit.wall-time' in its WITH, ML_PREDICT with SET 'job.limit.wall-time'
        "#]],
    );
    told(
        "SET 'job.limit.wall-time' = '1 s';",
        &ceiling,
        expect![[r#"
            exit 2
            error: 'job.limit.wall-time' is 1 s, but this host allows 300 ms at most
             --> job.sql:5:31
              |
            5 | INSERT INTO out SELECT y FROM ML_PREDICT(
              |                               ^^^^^^^^^^

            hint: ask for less, or have whoever runs this host raise its ceiling
        "#]],
    );
}

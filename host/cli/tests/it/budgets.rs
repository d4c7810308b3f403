//! Budgets: what all functions of a job, or of a tenant, may use together.

use expect_test::{Expect, expect};

use crate::support::Job;

/// A function that takes memory for its third row, until somebody stops it.
fn told(settings: &str, with: &str, arguments: &[&str], expected: Expect) {
    let job = Job::new(&format!(
        "{settings}
CREATE TABLE out (x BIGINT) WITH ('connector' = 'blackhole');
CREATE FUNCTION f AS 'poison.wasm#poison' LANGUAGE WASM WITH ('attack' = 'memory 13'{with});
INSERT INTO out SELECT f(CAST(x + 10 AS BIGINT)) FROM (VALUES (2), (3), (4)) AS t(x);",
    ))
    .plugin("hostile/poison");
    let output = job.command().args(arguments).output().unwrap();
    expected.assert_eq(&job.told(&output));
}

#[test]
fn of_the_job() {
    told(
        "SET 'job.total.memory' = '8 mb';",
        "",
        &[],
        expect![[r#"
        exit 1
        error: function f (poison.wasm#poison) cannot go on in `batch-eval`: all functions of the job together may have 8 MiB of memory, and would have 8.5 MiB

        hint: SET 'job.total.memory' before the functions gives the job more, or use a lower 'parallelism.default'
    "#]],
    );
}

/// The rows cannot help it: they do not become NULL.
#[test]
fn of_the_job_whatever_becomes_of_rows() {
    let with = ", 'on-error' = 'null'";
    told(
        "SET 'job.total.memory' = '8 mb';",
        with,
        &[],
        expect![[r#"
        exit 1
        error: function f (poison.wasm#poison) cannot go on in `batch-eval`: all functions of the job together may have 8 MiB of memory, and would have 8.5 MiB

        hint: SET 'job.total.memory' before the functions gives the job more, or use a lower 'parallelism.default'
    "#]],
    );
}

#[test]
fn of_the_tenant() {
    let tenant = ["--tenant", "acme", "--tenant-limit", "total.memory=8mb"];
    told(
        "",
        "",
        &tenant,
        expect![[r#"
        exit 1
        error: function f (poison.wasm#poison) cannot go on in `batch-eval`: all functions of the tenant `acme` together may have 8 MiB of memory, and would have 8.5 MiB

        hint: wait until the tenant's other jobs need less, or have whoever runs this host give it more: --tenant-limit total.memory=…
    "#]],
    );
}

#[test]
fn of_the_function() {
    told(
        "",
        ", 'limit.total-memory' = '8 mb'",
        &[],
        expect![[r#"
        exit 1
        error: function f (poison.wasm#poison) cannot go on in `batch-eval`: all its instances together may have 8 MiB of memory, and would have 8.5 MiB

        hint: a higher limit can be given with 'limit.total-memory' in the function's WITH
    "#]],
    );
}

#[test]
fn a_call_that_has_used_up_its_cpu_time_waits() {
    let with = ", 'limit.cpu' = '500 ms', 'limit.memory' = '8 mb'";
    told(
        "SET 'job.total.cpu' = '1 s';",
        with,
        &[],
        expect![[r#"
        exit 1
        error: function f (poison.wasm#poison) ran over its memory limit of 8 MiB in `batch-eval`: it wanted 8.5 MiB

        hint: a higher limit can be given with 'limit.memory' in the function's WITH
    "#]],
    );
}

#[test]
fn the_hosts_ceiling_lowers_the_jobs() {
    let ceiling = ["--ceiling", "job.total.memory=8mb"];
    told(
        "",
        "",
        &ceiling,
        expect![[r#"
        exit 1
        error: function f (poison.wasm#poison) cannot go on in `batch-eval`: all functions of the job together may have 8 MiB of memory, and would have 8.5 MiB

        hint: SET 'job.total.memory' before the functions gives the job more, or use a lower 'parallelism.default'
    "#]],
    );
    told(
        "SET 'job.total.memory' = '16 mb';",
        "",
        &ceiling,
        expect![[r#"
            exit 2
            error: 'job.total.memory' is 16 MiB, but this host allows 8 MiB at most
             --> job.sql:3:1
              |
            3 | CREATE FUNCTION f AS 'poison.wasm#poison' LANGUAGE WASM WITH ('attack' = 'memory 13');
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: ask for less, or have whoever runs this host raise its ceiling
        "#]],
    );
}

#[test]
fn sums_that_are_none() {
    told(
        "SET 'job.total.instances' = '0';",
        "",
        &[],
        expect![[r#"
        exit 2
        error: the setting 'job.total.instances' cannot be '0'
         --> job.sql:1:5
          |
        1 | SET 'job.total.instances' = '0';
          |     ^^^^^^^^^^^^^^^^^^^^^

        hint: it is a number above 0
    "#]],
    );
    told(
        "SET 'job.total.cpu' = 'half';",
        "",
        &[],
        expect![[r#"
        exit 2
        error: the setting 'job.total.cpu' cannot be 'half'
         --> job.sql:1:5
          |
        1 | SET 'job.total.cpu' = 'half';
          |     ^^^^^^^^^^^^^^^

        hint: it is a time such as '2 s'
    "#]],
    );
    told(
        "",
        "",
        &["--ceiling", "job.total.mem=2mb"],
        expect![[r#"
        exit 2
        error: there is no limit 'job.total.mem'

        hint: did you mean 'job.total.memory'?
    "#]],
    );
    told(
        "",
        "",
        &["--tenant-limit", "memory=2mb"],
        expect![[r#"
        exit 2
        error: there is no limit 'memory'

        hint: there is total.memory, total.instances, total.cpu, total.result-bytes, total.model-calls, total.model-queue, total.state-bytes
    "#]],
    );
    told(
        "",
        "",
        &["--tenant-limit", "total.memory=much"],
        expect![[r#"
            exit 2
            error: 'much' is not a size of memory

            hint: write 'total.memory' = '64 MiB'
        "#]],
    );
}

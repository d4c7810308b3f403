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
    told("SET 'job.total.memory' = '8 mb';", "", &[], expect![[""]]);
}

/// The rows cannot help it: they do not become NULL.
#[test]
fn of_the_job_whatever_becomes_of_rows() {
    let with = ", 'on-error' = 'null'";
    told("SET 'job.total.memory' = '8 mb';", with, &[], expect![[""]]);
}

#[test]
fn of_the_tenant() {
    let tenant = ["--tenant", "acme", "--tenant-limit", "total.memory=8mb"];
    told("", "", &tenant, expect![[""]]);
}

#[test]
fn of_the_function() {
    told("", ", 'limit.total-memory' = '8 mb'", &[], expect![[""]]);
}

#[test]
fn a_call_that_has_used_up_its_cpu_time_waits() {
    let with = ", 'limit.cpu' = '500 ms', 'limit.memory' = '8 mb'";
    told("SET 'job.total.cpu' = '1 s';", with, &[], expect![[""]]);
}

#[test]
fn the_hosts_ceiling_lowers_the_jobs() {
    let ceiling = ["--ceiling", "job.total.memory=8mb"];
    told("", "", &ceiling, expect![[""]]);
    told(
        "SET 'job.total.memory' = '16 mb';",
        "",
        &ceiling,
        expect![[""]],
    );
}

#[test]
fn sums_that_are_none() {
    told("SET 'job.total.instances' = '0';", "", &[], expect![[""]]);
    told("SET 'job.total.cpu' = 'half';", "", &[], expect![[""]]);
    told("", "", &["--ceiling", "job.total.mem=2mb"], expect![[""]]);
    told("", "", &["--tenant-limit", "memory=2mb"], expect![[""]]);
    told(
        "",
        "",
        &["--tenant-limit", "total.memory=2 m"],
        expect![[""]],
    );
}

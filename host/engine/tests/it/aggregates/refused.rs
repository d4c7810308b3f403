//! What is refused when a job is planned, and what fails it, with the whole text.

use expect_test::expect;

use super::{FUNCTIONS, NUMBERS, folder};

fn refusals(queries: &[&str]) -> String {
    let told = queries
        .iter()
        .map(|query| folder().error(&format!("{FUNCTIONS}{NUMBERS}{query};")));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_cannot_be_planned() {
    expect![[r#""#]].assert_eq(&refusals(&[
        "CREATE FUNCTION g AS 'statistics.wasm#geometric_mean' LANGUAGE WASM WITH ('on-error' = 'null')",
        "CREATE FUNCTION g AS 'statistics.wasm#share_above' LANGUAGE WASM WITH ('limit' = 'x')",
        "SELECT wmean(v) FROM t",
        "SELECT wmean(s, 1) FROM t",
        "SELECT * FROM t, LATERAL TABLE(longest(s))",
        "SELECT id FROM t WHERE longest(s) = 'a'",
        "SELECT longest(DISTINCT s), COUNT(DISTINCT id) FROM t",
    ]));
}

#[test]
fn what_fails_a_job() {
    expect![[r#""#]].assert_eq(&refusals(&[
        "SELECT gmean(v - 1) FROM t",
        "SELECT k, gmean(v - 1) FROM t GROUP BY k",
        "SELECT gmean(v - 1) OVER (ORDER BY id) FROM t",
    ]));
}

/// Every group has a text of its own, of which there is no end.
#[test]
fn groups_have_the_memory_that_their_function_has() {
    let sql = format!(
        "{NUMBERS}CREATE FUNCTION longest AS 'statistics.wasm#longest' LANGUAGE WASM
           WITH ('limit.memory' = '8 MiB');
         CREATE TABLE many (id INT, s STRING) WITH ('connector' = 'datagen',
           'number-of-rows' = '200000', 'fields.s.length' = '200');
         SELECT COUNT(l) FROM (SELECT id, longest(s) AS l FROM many GROUP BY id);"
    );
    let told = folder().error(&sql);
    let told = told.lines().next().unwrap_or_default();
    let (before, rest) = told.split_once("it wants ").unwrap_or((told, ""));
    expect![[r#""#]].assert_eq(before);
    assert!(rest.ends_with("MiB"), "{rest}");
}

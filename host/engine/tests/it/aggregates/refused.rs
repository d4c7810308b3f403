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
    expect![[r#"
        error: 'on-error' of the aggregate function 'g' can only be 'fail'
         --> job.sql:7:75
          |
        7 | CREATE FUNCTION g AS 'statistics.wasm#geometric_mean' LANGUAGE WASM WITH ('on-error' = 'null');
          |                                                                           ^^^^^^^^^^

        hint: a row that was added to a group cannot be told apart any more: check its values in a filter, or in a scalar function with that 'on-error'

        error: function g (statistics.wasm#share_above) refuses to open: the parameter 'limit' = 'x' is not right: invalid float literal
         --> job.sql:7:17
          |
        7 | CREATE FUNCTION g AS 'statistics.wasm#share_above' LANGUAGE WASM WITH ('limit' = 'x');
          |                 ^

        error: wmean(value DOUBLE, weight DOUBLE) takes 2 arguments, the call has 1
         --> job.sql:7:1
          |
        7 | SELECT wmean(v) FROM t;
          | ^^^^^^^^^^^^^^^^^^^^^^

        error: wmean: argument 1 (value) is DOUBLE, the call passes STRING
         --> job.sql:7:1
          |
        7 | SELECT wmean(s, 1) FROM t;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: write CAST(… AS DOUBLE) if that is what you mean

        error: 'longest' is an aggregate function: it gives a value for many rows
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(longest(s));
          |                                ^^^^^^^

        hint: call it as an expression: SELECT longest(…) FROM …

        error: aggregate functions are not allowed in the WHERE clause. Consider using HAVING instead
         --> job.sql:7:1
          |
        7 | SELECT id FROM t WHERE longest(s) = 'a';
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        error: longest(DISTINCT …) cannot stand beside aggregates of other values

        hint: aggregate it alone, over distinct rows: SELECT longest(x) FROM (SELECT DISTINCT …)
    "#]].assert_eq(&refusals(&[
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
    expect![[r#"
        error: function gmean (statistics.wasm#geometric_mean) failed on 1 of 5 rows: row 0: 0 is not above 0

        error: function gmean (statistics.wasm#geometric_mean) failed on 1 of 5 rows: row 0: 0 is not above 0

        error: function gmean (statistics.wasm#geometric_mean) failed on 1 of 1 rows: row 0: 0 is not above 0
    "#]].assert_eq(&refusals(&[
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
    let (before, rest) = told.split_once("it wanted ").unwrap_or((told, ""));
    expect!["error: function longest (statistics.wasm#longest) ran over its memory limit of 8 MiB in `update`: "].assert_eq(before);
    assert!(rest.ends_with("MiB"), "{rest}");
}

//! Job files that are made to break the program.

use expect_test::{Expect, expect};

use crate::harness::Folder;

fn refused(sql: &str, expected: Expect) {
    expected.assert_eq(&Folder::new().error(sql));
}

#[test]
fn long_chains_of_operators() {
    for (operator, operand) in [
        (" + ", "1"),
        (" OR ", "TRUE"),
        (" || ", "'a'"),
        (" UNION SELECT ", "1"),
    ] {
        let sql = format!("SELECT {};", vec![operand; 100_000].join(operator));
        let error = Folder::new().error(&sql);
        assert!(
            error.starts_with("error: syntax error: more than 2000 operators in a row\n"),
            "{error}"
        );
    }
    let cases = "WHEN 1 = 2 THEN 3 + 4 ".repeat(3_000);
    Folder::new()
        .run(&format!("SELECT CASE {cases} END;"))
        .unwrap();
    let values = vec!["1 + 1"; 20_000].join(", ");
    Folder::new()
        .run(&format!("SELECT 1 WHERE 1 IN ({values});"))
        .unwrap();
}

#[test]
fn deep_types() {
    let deep = format!("{}INT{}", "ARRAY<".repeat(100_000), ">".repeat(100_000));
    refused(
        &format!("SELECT CAST(NULL AS {deep});"),
        expect![[r#"
        error: syntax error: more than 2000 operators in a row
         --> job.sql:1:12026
          |
        1 | …AY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<A…
          |                                                    ^

        hint: write IN (…) for many values, VALUES or a table for many rows
    "#]],
    );
    let deeper = format!("{}INT{}", "ARRAY<".repeat(100), ">".repeat(100));
    refused(
        &format!("SELECT CAST(NULL AS {deeper});"),
        expect![[r#"
        error: syntax error: more than 32 types inside each other
         --> job.sql:1:219
          |
        1 | …Y<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<ARRAY<AR…
          |                                                    ^^^^^
    "#]],
    );
    let suffixes = " ARRAY".repeat(100_000);
    refused(
        &format!("CREATE TABLE t (a INT{suffixes});"),
        expect![[r#"
            error: syntax error: more than 32 types inside each other
             --> job.sql:1:19
              |
            1 | CREATE TABLE t (a INT ARRAY ARRAY ARRAY ARRAY ARRAY ARRAY ARRAY ARRAY ARRAY ARRAY ARRAY ARRAY ARRAY…
              |                   ^^^
        "#]],
    );
    let rows = "ROW<a ".repeat(100_000);
    refused(
        &format!("CREATE TABLE t (a {rows}"),
        expect![[r#"
        error: syntax error: more than 2000 operators in a row
         --> job.sql:1:12022
          |
        1 | …OW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a ROW<a…
          |                                                    ^

        hint: write IN (…) for many values, VALUES or a table for many rows
    "#]],
    );
}

#[test]
fn deep_statements() {
    refused(
        &"EXPLAIN ".repeat(100_000),
        expect![[r#"
        error: syntax error: EXPLAIN works on a query, an INSERT or a statement set
         --> job.sql:1:9
          |
        1 | EXPLAIN EXPLAIN EXPLAIN EXPLAIN EXPLAIN EXPLAIN EXPLAIN EXPLAIN EXPLAIN EXPLAIN EXPLAIN EXPLAIN EXPL…
          |         ^^^^^^^
    "#]],
    );
    let parentheses = format!("SELECT {}1{};", "(".repeat(100_000), ")".repeat(100_000));
    refused(
        &parentheses,
        expect![[r#"
        error: syntax error: the statement is nested too deeply
         --> job.sql:1:507
          |
        1 | …((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((…
          |                                                    ^
    "#]],
    );
}

#[test]
fn bytes_that_are_no_sql() {
    refused(
        "SELECT 1;\0",
        expect![[r#"
            error: syntax error: a statement cannot start with \u{0}
             --> job.sql:1:10
              |
            1 | SELECT 1;
              |          ^
        "#]],
    );
    refused(
        "SELECT \u{1b}[31mred;",
        expect![[r#"
            error: syntax error: expected an expression, found \u{1b}
             --> job.sql:1:8
              |
            1 | SELECT  [31mred;
              |        ^
        "#]],
    );
    refused(
        "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'a\0b');
         INSERT INTO t VALUES (1);",
        expect![[r#"
            error: the path 'a\u{0}b' names nothing
             --> job.sql:1:14
              |
            1 | CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'a b');
              |              ^

            hint: paths may be local, file:///… or s3://bucket/… (credentials in AWS_… variables)
        "#]],
    );
}

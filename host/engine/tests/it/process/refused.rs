//! Calls of process functions that are refused when the job is planned.

use expect_test::expect;

use super::{FUNCTIONS, folder};

fn refused(sql: &str) -> String {
    let tables = "CREATE TABLE t (k STRING, amount DOUBLE, ts TIMESTAMP(3), n BIGINT) WITH (
      'connector' = 'datagen', 'number-of-rows' = '1');
    CREATE TABLE e (k STRING, amount DOUBLE, ts TIMESTAMP(3)) WITH ('connector' = 'datagen');
    CREATE TABLE o (k STRING, total DOUBLE, n BIGINT) WITH ('connector' = 'print');\n";
    folder().error(&format!("{FUNCTIONS}{tables}{sql}"))
}

#[test]
fn calls_that_do_not_fit() {
    let calls = [
        "SELECT * FROM total(TABLE t PARTITION BY amount + 1);",
        "SELECT * FROM total(input => TABLE t PARTITION BY who);",
        "SELECT * FROM total(TABLE t PARTITION BY k, on_time => DESCRIPTOR(n));",
        "SELECT * FROM total(TABLE t PARTITION BY k, on_time => DESCRIPTOR(time));",
        "SELECT * FROM total(TABLE t PARTITION BY k, 5);",
        "SELECT * FROM total(TABLE t PARTITION BY k, gap => 5);",
        "SELECT * FROM total(TABLE t PARTITION BY k, broadcast => TABLE t);",
        "SELECT * FROM total(k => 5);",
        "SELECT * FROM total();",
        "SELECT * FROM total(TABLE t PARTITION BY k) AS a(b);",
        "SELECT * FROM sums(TABLE t PARTITION BY k);",
        "SELECT total(amount) FROM t;",
        "SELECT * FROM t, LATERAL TABLE(total(amount));",
    ];
    let errors: Vec<_> = calls
        .iter()
        .map(|sql| format!("{sql}\n{}", refused(sql)))
        .collect();
    expect![""].assert_eq(&errors.join("\n"));
}

#[test]
fn declarations_that_do_not_fit() {
    let split = |options: &str| {
        format!(
            "CREATE FUNCTION split AS 'conformance.wasm#side_split' LANGUAGE WASM WITH ({options});
             CREATE VIEW v AS SELECT k, n AS `value` FROM t;"
        )
    };
    let into = "INSERT INTO o SELECT k, 1.0, number FROM split(TABLE v PARTITION BY k);";
    let select = "SELECT * FROM split(TABLE v PARTITION BY k);";
    let jobs = [
        split("'on-error' = 'null'"),
        split("'side-output.even' = 'o'") + into,
        split("'side-output.odd' = 'nowhere'") + into,
        split("'side-output.odd' = 'o'") + into,
        split("'side-output.odd' = 'o'") + select,
        split("'on-error' = 'dead-letter'") + select,
        split("'on-error' = 'dead-letter'") + into,
        "INSERT INTO o SELECT k, total, `rows` FROM total(
           input => TABLE e PARTITION BY k, on_time => DESCRIPTOR(ts));"
            .to_owned(),
        "SELECT * FROM total(TABLE e PARTITION BY k);".to_owned(),
    ];
    let errors: Vec<_> = jobs.iter().map(|sql| refused(sql)).collect();
    expect![""].assert_eq(&errors.join("\n"));
}

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
    expect![[r#"
        SELECT * FROM total(TABLE t PARTITION BY amount + 1);
        error: 'total': PARTITION BY takes columns; a view may compute others
          --> job.sql:11:15
           |
        11 | SELECT * FROM total(TABLE t PARTITION BY amount + 1);
           |               ^^^^^

        hint: write total(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts))

        SELECT * FROM total(input => TABLE t PARTITION BY who);
        error: there is no column 'who'
          --> job.sql:11:51
           |
        11 | SELECT * FROM total(input => TABLE t PARTITION BY who);
           |                                                   ^^^

        hint: the columns are: k, amount, ts, n

        SELECT * FROM total(TABLE t PARTITION BY k, on_time => DESCRIPTOR(n));
        error: 'total': on_time is a TIMESTAMP, but 'n' is BIGINT
          --> job.sql:11:67
           |
        11 | SELECT * FROM total(TABLE t PARTITION BY k, on_time => DESCRIPTOR(n));
           |                                                                   ^

        hint: write total(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts))

        SELECT * FROM total(TABLE t PARTITION BY k, on_time => DESCRIPTOR(time));
        error: 'total' needs a column 'time' of its table, which is not there
          --> job.sql:11:67
           |
        11 | SELECT * FROM total(TABLE t PARTITION BY k, on_time => DESCRIPTOR(time));
           |                                                                   ^^^^

        hint: its columns are: k, amount, ts, n

        SELECT * FROM total(TABLE t PARTITION BY k, 5);
        error: 'total': it cannot take 5
          --> job.sql:11:45
           |
        11 | SELECT * FROM total(TABLE t PARTITION BY k, 5);
           |                                             ^

        hint: write total(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts))

        SELECT * FROM total(TABLE t PARTITION BY k, gap => 5);
        error: 'total': it has no argument 'gap'
          --> job.sql:11:45
           |
        11 | SELECT * FROM total(TABLE t PARTITION BY k, gap => 5);
           |                                             ^^^

        hint: write total(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts))

        SELECT * FROM total(TABLE t PARTITION BY k, broadcast => TABLE t);
        error: 'total': the function takes no broadcast table
          --> job.sql:11:45
           |
        11 | SELECT * FROM total(TABLE t PARTITION BY k, broadcast => TABLE t);
           |                                             ^^^^^^^^^

        hint: write total(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts))

        SELECT * FROM total(k => 5);
        error: 'total': it has no argument 'k'
          --> job.sql:11:21
           |
        11 | SELECT * FROM total(k => 5);
           |                     ^

        hint: write total(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts))

        SELECT * FROM total();
        error: 'total': it has no input
          --> job.sql:11:15
           |
        11 | SELECT * FROM total();
           |               ^^^^^

        hint: write total(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts))

        SELECT * FROM total(TABLE t PARTITION BY k) AS a(b);
        error: 'total' gives 3 columns, AS a(…) names 1
          --> job.sql:11:15
           |
        11 | SELECT * FROM total(TABLE t PARTITION BY k) AS a(b);
           |               ^^^^^

        hint: its columns are k, total, rows

        SELECT * FROM sums(TABLE t PARTITION BY k);
        error: 'sums' needs a column 'value' of its table, which is not there
          --> job.sql:11:15
           |
        11 | SELECT * FROM sums(TABLE t PARTITION BY k);
           |               ^^^^

        hint: its columns are: k, amount, ts, n

        SELECT total(amount) FROM t;
        error: 'total' is a process function: it gives rows, not a value
          --> job.sql:11:8
           |
        11 | SELECT total(amount) FROM t;
           |        ^^^^^

        hint: write FROM total(input => TABLE t PARTITION BY k)

        SELECT * FROM t, LATERAL TABLE(total(amount));
        error: 'total' is a process function: it takes a table, not the values of a row
          --> job.sql:11:32
           |
        11 | SELECT * FROM t, LATERAL TABLE(total(amount));
           |                                ^^^^^

        hint: write FROM total(input => TABLE t PARTITION BY k)
    "#]]
    .assert_eq(&errors.join("\n"));
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
    expect![[r#"
        error: 'on-error' of the process function 'split' can be 'fail' or 'dead-letter', not 'null'
          --> job.sql:11:76
           |
        11 | CREATE FUNCTION split AS 'conformance.wasm#side_split' LANGUAGE WASM WITH ('on-error' = 'null');
           |                                                                            ^^^^^^^^^^

        hint: it gives rows, and no value that could be NULL

        error: the function 'split' has no side output 'even'
          --> job.sql:12:102
           |
        12 | …` FROM t;INSERT INTO o SELECT k, 1.0, number FROM split(TABLE v PARTITION BY k);
           |                                                    ^^^^^

        hint: it has: odd

        error: the table of a side output 'nowhere' of 'split' is not there
          --> job.sql:12:61
           |
        12 | …   CREATE VIEW v AS SELECT k, n AS `value` FROM t;INSERT INTO o SELECT k, 1.0, number FROM split(TAB…
           |                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: the tables are: e, o, t

        error: the table of a side output 'o' has a column 'total', which no row of it has
          --> job.sql:10:18
           |
        10 |     CREATE TABLE o (k STRING, total DOUBLE, n BIGINT) WITH ('connector' = 'print');
           |                  ^

        hint: its columns may be k STRING, value BIGINT, number BIGINT, epoch BIGINT

        error: a SELECT writes no table, so the rows of the side output 'odd' of 'split' would be lost
          --> job.sql:12:61
           |
        12 | …   CREATE VIEW v AS SELECT k, n AS `value` FROM t;SELECT * FROM split(TABLE v PARTITION BY k);
           |                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: write an INSERT

        error: a SELECT writes no table, so the rows would be lost on which a function with 'on-error' = 'dead-letter' fails
          --> job.sql:12:61
           |
        12 | …   CREATE VIEW v AS SELECT k, n AS `value` FROM t;SELECT * FROM split(TABLE v PARTITION BY k);
           |                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: write an INSERT, or let it fail: declare the function without 'on-error'

        error: a function with 'on-error' = 'dead-letter' needs a table for the letters
          --> job.sql:12:61
           |
        12 | …   CREATE VIEW v AS SELECT k, n AS `value` FROM t;INSERT INTO o SELECT k, 1.0, number FROM split(TAB…
           |                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: name it with SET 'dead-letter.table' = '…'

        error: the query into 'o' is over tables without end and has a process function whose on_time is no time attribute, for which they would have to end
          --> job.sql:11:1
           |
        11 | INSERT INTO o SELECT k, total, `rows` FROM total(
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: declare WATERMARK FOR the column in CREATE TABLE, for example WATERMARK FOR ts AS ts - INTERVAL '5' SECOND

        error: this query needs all rows of a table that never ends, so it would never give a result: it has a process function
          --> job.sql:11:1
           |
        11 | SELECT * FROM total(TABLE e PARTITION BY k);
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: over an unbounded table write projections and filters; a datagen table ends with 'number-of-rows'
    "#]].assert_eq(&errors.join("\n"));
}

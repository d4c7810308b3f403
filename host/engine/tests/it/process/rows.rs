//! What process functions give of tables that end.

use expect_test::expect;

use super::{folder, run, run_in};

/// A few purchases.
const PURCHASES: &str = "CREATE TABLE p (who STRING, what STRING, amount DOUBLE, at BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'p.csv', 'csv.null-literal' = '-');
CREATE VIEW t AS SELECT who, what, amount, at, TO_TIMESTAMP_LTZ(at, 3) AS ts FROM p;\n";

const ROWS: &str = "ann,tea,2.5,1000\nbob,milk,1.0,1500\nann,tea,2.5,1600\n-,tea,4.0,1700\n\
                    ann,-,-,9000\nbob,tea,2.0,9500\n";

fn purchases(sql: &str) -> String {
    run_in(&folder().with("p.csv", ROWS), &format!("{PURCHASES}{sql}"))
}

#[test]
fn a_key_has_what_its_rows_have_left() {
    expect![[r#"
        +-----+-------+------+
        | who | total | rows |
        +-----+-------+------+
        | ann | 2.5   | 1    |
        | bob | 1.0   | 1    |
        | ann | 5.0   | 2    |
        |     | 4.0   | 1    |
        | bob | 3.0   | 2    |
        +-----+-------+------+
    "#]]
    .assert_eq(&purchases(
        "SELECT * FROM total(input => TABLE t PARTITION BY who);",
    ));
}

/// As DataFusion's own sum over the same rows, whatever the size of batches and the number of keys.
#[test]
fn sums_are_those_of_a_window_function() {
    let rows: String = (0..5000_i64)
        .map(|row| format!("{},{},{row}\n", row * 7919 % 613, row % 17))
        .collect();
    for batch in ["1", "64", "8192"] {
        let sql = format!(
            "SET 'job.batch-rows' = '{batch}';
             CREATE TABLE s (k INT, v BIGINT, n BIGINT) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = 's.csv');
             SELECT COUNT(*), SUM(CASE WHEN a.sum = b.s THEN 1 ELSE 0 END) FROM
               (SELECT k, sum, ROW_NUMBER() OVER (PARTITION BY k ORDER BY sum) AS n
                FROM sums(TABLE v PARTITION BY k)) a
             JOIN (SELECT k, SUM(`value`) OVER (PARTITION BY k ORDER BY n) AS s,
                     ROW_NUMBER() OVER (PARTITION BY k ORDER BY n) AS n FROM v) b
             ON a.k = b.k AND a.n = b.n;"
        );
        let sql = sql.replace(
            "SELECT COUNT",
            "CREATE VIEW v AS SELECT k, v + 1 AS `value`, n FROM s;
             SELECT COUNT",
        );
        let output = run_in(&folder().with("s.csv", &rows), &sql);
        assert!(output.contains("| 5000     | 5000"), "{batch}: {output}");
    }
}

#[test]
fn lists_and_maps_are_kept_by_key() {
    let rows = "a,x,1\nb,x,2\na,y,3\na,x,-\na,z,5\na,w,6\nb,y,7\nb,z,8\n";
    let folder = folder().with("t.csv", rows);
    let sql =
        "CREATE TABLE t (k STRING, name STRING, `value` BIGINT) WITH ('connector' = 'filesystem',
                 'format' = 'csv', 'path' = 't.csv', 'csv.null-literal' = '-');
               CREATE VIEW texts AS SELECT k, name AS text FROM t;
               SELECT * FROM lists(TABLE texts PARTITION BY k);
               SELECT * FROM maps(TABLE t PARTITION BY k) AS m(k, before, entries);";
    expect![[r#"
        +---+-----------+
        | k | items     |
        +---+-----------+
        | a | [x, y, x] |
        | b | [x, y, z] |
        +---+-----------+
        +---+--------+---------+
        | k | before | entries |
        +---+--------+---------+
        | a |        | 1       |
        | b |        | 1       |
        | a |        | 2       |
        | a | 1      | 1       |
        | a |        | 2       |
        | a |        | 3       |
        | b |        | 2       |
        | b |        | 3       |
        +---+--------+---------+
    "#]]
    .assert_eq(&run_in(&folder, sql));
}

/// Timers wait for the end of the table, and give their times.
#[test]
fn timers_fire_behind_the_last_row() {
    let folder = folder().with(
        "t.csv",
        "a,later,5000,event\na,first,1000,event\nb,later,2000,event\na,later,3000,event\n\
         b,gone,9000,event\nb,gone,0,clear\nb,never,32503680000000,processing\n",
    );
    let sql = "CREATE TABLE c (k STRING, name STRING, at BIGINT, clock STRING) WITH (
                 'connector' = 'filesystem', 'format' = 'csv', 'path' = 't.csv');
               CREATE VIEW t AS SELECT *, TO_TIMESTAMP_LTZ(at, 3) AS ts FROM c;
               SELECT k, name, at, fired, rowtime FROM
                 echo(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts), uid => 'timers');";
    expect![[r#"
        +---+-------+------+-------+----------------------+
        | k | name  | at   | fired | rowtime              |
        +---+-------+------+-------+----------------------+
        | a | first | 1000 | 1     | 1970-01-01T00:00:01Z |
        | b | later | 2000 | 1     | 1970-01-01T00:00:02Z |
        | a | later | 3000 | 2     | 1970-01-01T00:00:03Z |
        +---+-------+------+-------+----------------------+
    "#]]
    .assert_eq(&run_in(&folder, sql));
}

/// Side outputs go to the tables that the function names, with keys and times; the broadcast table is
/// there before the first row.
#[test]
fn side_outputs_and_the_broadcast_table() {
    let folder = folder()
        .with("limits.csv", "tea,2.0\nmilk,5\ntea,2.25\n")
        .with("p.csv", ROWS);
    let sql = format!(
        "{PURCHASES}CREATE FUNCTION alerts AS 'sessions.wasm#alerts' LANGUAGE WASM
           WITH ('side-output.unknown' = 'unknown');
         CREATE TABLE limits (category STRING, highest DOUBLE) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'limits.csv');
         CREATE TABLE unknown (who STRING, amount DOUBLE, rowtime TIMESTAMP_LTZ(3), epoch BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'unknown');
         CREATE TABLE o (who STRING, category STRING, amount DOUBLE, above DOUBLE, number BIGINT)
           WITH ('connector' = 'print');
         CREATE VIEW a AS SELECT who, ts, COALESCE(what, 'cake') AS category,
           COALESCE(amount, 9) AS amount FROM t;
         INSERT INTO o SELECT who, category, amount, above, number FROM alerts(
           input => TABLE a PARTITION BY who, broadcast => TABLE limits, on_time => DESCRIPTOR(ts));"
    );
    expect![[r#"
        o: 3 rows
        unknown: 1 rows
        +I[ann, tea, 2.5, 0.25, 1]
        +I[ann, tea, 2.5, 0.25, 2]
        +I[null, tea, 4.0, 1.75, 1]
    "#]]
    .assert_eq(&run_in(&folder, &sql));
    expect!["ann,9.0,1970-01-01 00:00:09Z,1"].assert_eq(&folder.lines("unknown").join("\n"));
}

/// One key for all rows; a table of no rows; an alias.
#[test]
fn without_keys_and_without_rows() {
    let sql =
        "CREATE VIEW v AS SELECT CAST(x AS BIGINT) AS `value` FROM (VALUES (1), (2), (3)) AS u(x);
               SELECT * FROM sums(TABLE v);
               CREATE VIEW none AS SELECT * FROM v WHERE `value` > 5;
               SELECT a.s FROM sums(TABLE none) AS a(s);
               SELECT a.s + 1 FROM TABLE(sums(TABLE v)) AS a(s) WHERE a.s > 1;";
    expect![[r#"
        +-----+
        | sum |
        +-----+
        | 1   |
        | 3   |
        | 6   |
        +-----+
        +---+
        | s |
        +---+
        +---+
        +---------+
        | a.s + 1 |
        +---------+
        | 4       |
        | 7       |
        +---------+
    "#]]
    .assert_eq(&run(sql));
}

#[test]
fn a_plan_tells_of_it() {
    let sql = "CREATE VIEW v AS SELECT 'a' AS k, CAST(1 AS BIGINT) AS `value`;
               EXPLAIN SELECT * FROM sums(TABLE v PARTITION BY k);
               DESCRIBE FUNCTION sums;";
    let told = run(sql);
    let told = told
        .lines()
        .map(|line| match line.split_once("| sha256      | ") {
            Some(_) => "| sha256      | [64 digits] |\n".to_owned(),
            None => format!("{line}\n"),
        });
    expect![[r#"
        ProcessRows: function=sums, keys=[k@0]
          ProjectionExec: expr=[a as k, 1 as value]
            PlaceholderRowExec
        Function: name=sums, kind=process, component=conformance.wasm#keyed_sum, grants=[]
        +-------------+------------------------------------------------------------------+
        | info name   | info value                                                       |
        +-------------+------------------------------------------------------------------+
        | name        | sums                                                             |
        | kind        | process                                                          |
        | component   | conformance.wasm#keyed_sum                                       |
        | sha256      | [64 digits] |
        | description | The sum of the key's values so far.                              |
        +-------------+------------------------------------------------------------------+
    "#]]
    .assert_eq(&told.collect::<String>());
}

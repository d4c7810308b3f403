//! Rows that come too late, in a table of their own: with the results they are all rows, at any size of
//! epochs.

use std::collections::BTreeMap;

use expect_test::expect;
use serde_json::Value;

use crate::{
    harness::Folder,
    stream::{Row, SIZES, STREAM, files, stream},
};

const LATE: &str =
    "CREATE TABLE late (sink STRING, rowtime TIMESTAMP_LTZ(3), watermark TIMESTAMP_LTZ(3),
  `row` STRING) WITH ('connector' = 'print', 'print-identifier' = 'late');\n";

fn insert(columns: &str, query: &str) -> String {
    format!(
        "{STREAM}{LATE}SET 'late-rows.table' = 'late';
         CREATE TABLE o ({columns}) WITH ('connector' = 'print');
         INSERT INTO o {query};"
    )
}

/// Every tenth is half a minute late.
fn disordered(seed: u64) -> Vec<Row> {
    let mut rows = stream(seed, 600);
    rows.iter_mut()
        .step_by(10)
        .for_each(|row| row.time -= 30_000);
    rows
}

/// A late row: the moments by which it was late, and what it holds.
struct Late {
    rowtime: String,
    row: Value,
}

/// What a query prints, but for the last rows, and its late rows.
fn run(
    folder: &Folder,
    sql: &str,
    (batch, partitions): (&str, &str),
) -> (Vec<Vec<String>>, Vec<Late>) {
    let settings = [
        ("job.batch-rows", batch),
        ("job.epoch-rows", batch),
        ("job.epoch-linger", "1 ms"),
        ("parallelism.default", partitions),
    ];
    let (lines, report) = folder.run_until(sql, &settings, |text| text.contains('z'));
    folder.stdout.lock().unwrap().clear();
    let (mut rows, mut late) = (Vec::new(), Vec::new());
    for line in &lines {
        let (before, values) = line.split_once("+I[").unwrap();
        let values = values.strip_suffix(']').unwrap();
        if before.is_empty() {
            let values: Vec<_> = values.split(", ").map(str::to_owned).collect();
            rows.extend((!values.contains(&"z".to_owned())).then_some(values));
            continue;
        }
        let values: Vec<_> = values.splitn(4, ", ").collect();
        let [sink, rowtime, watermark, row] = values.as_slice() else {
            panic!("{line}");
        };
        assert_eq!(*sink, "o");
        assert!(milliseconds(rowtime) <= milliseconds(watermark), "{line}");
        late.push(Late {
            rowtime: (*rowtime).to_owned(),
            row: serde_json::from_str(row).unwrap(),
        });
    }
    assert_eq!(report.late, late.len() as u64);
    let table = (!late.is_empty()).then(|| "late".to_owned());
    assert_eq!(report.late_table, table);
    assert_eq!(report.sinks.len(), 1, "late rows are no result");
    (rows, late)
}

fn number(text: &str) -> i64 {
    text.parse().unwrap()
}

/// Milliseconds since 1970, of a time within the first day.
fn milliseconds(time: &str) -> i64 {
    let (date, time) = time.trim_end_matches('Z').split_once(['T', ' ']).unwrap();
    assert_eq!(date, "1970-01-01");
    let parts: Vec<f64> = time.split(':').map(|part| part.parse().unwrap()).collect();
    ((parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]) * 1000.0).round() as i64
}

#[test]
fn windows_and_their_late_rows_are_all_rows() {
    let windows = [
        (
            "TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' SECONDS)",
            10,
            1,
        ),
        (
            "HOP(TABLE s, DESCRIPTOR(ts), INTERVAL '5' SECONDS, INTERVAL '20' SECONDS)",
            5,
            4,
        ),
    ];
    for (seed, (windows, slide, windows_of_row)) in (0..).zip(windows) {
        let sql = insert(
            "s BIGINT, e BIGINT, k STRING, n BIGINT, total BIGINT",
            &format!(
                "SELECT TO_UNIXTIME(window_start), TO_UNIXTIME(window_end), k, COUNT(*), SUM(v) FROM \
                 TABLE({windows}) GROUP BY window_start, window_end, k"
            ),
        );
        for (size, batch, partitions) in SIZES {
            let rows = disordered(seed);
            let mut expected: BTreeMap<(i64, String), (i64, i64)> = BTreeMap::new();
            for row in &rows {
                let last = row.time.div_euclid(1000 * slide) * slide;
                for start in (0..windows_of_row).map(|back| last - back * slide) {
                    let window = expected.entry((start, row.key.to_string())).or_default();
                    *window = (window.0 + 1, window.1 + row.value);
                }
            }
            let (given, late) = run(&files(&rows, *size), &sql, (batch, partitions));
            if *size < 10 {
                assert!(late.len() > 40, "{} of 60 rows are late", late.len());
            }
            let mut found: BTreeMap<(i64, String), (i64, i64)> = BTreeMap::new();
            for row in &given {
                let window = (number(&row[0]), row[2].clone());
                let counted = (number(&row[3]), number(&row[4]));
                assert_eq!(
                    found.insert(window, counted),
                    None,
                    "a window is given once"
                );
            }
            for Late { rowtime, row } in &late {
                let time = |name: &str| milliseconds(row[name].as_str().unwrap());
                assert_eq!(milliseconds(rowtime), time("window_end") - 1);
                let key = row["k"].as_str().unwrap().to_owned();
                let window = found.entry((time("window_start") / 1000, key)).or_default();
                *window = (window.0 + 1, window.1 + row["v"].as_i64().unwrap());
            }
            assert_eq!(found, expected, "{windows} {size}");
        }
    }
}

#[test]
fn sessions_and_their_late_rows_are_all_rows() {
    let sql = insert(
        "k STRING, n BIGINT, total BIGINT",
        "SELECT k, COUNT(*), SUM(v) FROM TABLE(SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), \
         INTERVAL '2' SECOND)) GROUP BY window_start, window_end, k",
    );
    for (seed, (size, batch, partitions)) in (10..).zip(SIZES) {
        let rows = disordered(seed);
        let (given, late) = run(&files(&rows, *size), &sql, (batch, partitions));
        if *size < 10 {
            assert!(late.len() > 40, "{} of 60 rows are late", late.len());
        }
        let counted: i64 = given.iter().map(|row| number(&row[1])).sum();
        let total: i64 = given.iter().map(|row| number(&row[2])).sum();
        let late_total: i64 = late
            .iter()
            .map(|late| late.row["v"].as_i64().unwrap())
            .sum();
        assert_eq!(counted + late.len() as i64, 600);
        let expected: i64 = rows.iter().map(|row| row.value).sum();
        assert_eq!(total + late_total, expected, "{size}");
        for Late { rowtime, row } in &late {
            let time = milliseconds(row["ts"].as_str().unwrap());
            assert_eq!(milliseconds(rowtime), time + 2000 - 1);
        }
    }
}

#[test]
fn the_first_of_each_key_is_given_or_late() {
    let sql = insert(
        "k STRING, v BIGINT, ms BIGINT",
        "SELECT k, v, ms FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k, v ORDER BY ts) AS place \
         FROM s) WHERE place = 1",
    );
    for (seed, (size, batch, partitions)) in (20..).zip(SIZES) {
        let rows = disordered(seed);
        let mut expected: BTreeMap<(String, i64), i64> = BTreeMap::new();
        for row in &rows {
            let first = expected.entry((row.key.to_string(), row.value));
            let first = first.or_insert(row.time);
            *first = row.time.min(*first);
        }
        let (given, late) = run(&files(&rows, *size), &sql, (batch, partitions));
        let given = given
            .into_iter()
            .map(|row| ((row[0].clone(), number(&row[1])), number(&row[2])));
        let given: BTreeMap<_, _> = given.collect();
        let mut found = given.clone();
        for Late { rowtime, row } in &late {
            let time = row["ms"].as_i64().unwrap();
            assert_eq!(milliseconds(rowtime), time);
            let key = (
                row["k"].as_str().unwrap().to_owned(),
                row["v"].as_i64().unwrap(),
            );
            assert!(given.get(&key).is_none_or(|first| time < *first));
            let first = found.entry(key).or_insert(time);
            *first = time.min(*first);
        }
        assert_eq!(found, expected, "{size}");
        if *size < 10 {
            assert!(given != expected, "some of the first are late");
        }
    }
}

#[test]
fn nothing_is_late_in_a_table_that_ends() {
    let query = "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' HOUR)) \
                 GROUP BY window_end";
    let sql = insert("n BIGINT", query).replace(", 'source.monitor-interval' = '10 ms'", "");
    let folder = files(&disordered(30), 10);
    expect![[r#"
        o: 3 rows
        +I[600]
        +I[1]
        +I[1]
    "#]]
    .assert_eq(&folder.run(&sql).unwrap());
}

#[test]
fn what_a_late_rows_table_cannot_be() {
    let folder = files(&[], 1);
    let query = "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' SECOND)) \
                 GROUP BY window_end";
    let sql = insert("n BIGINT", query);
    let error = |from: &str, to: &str| folder.error(&sql.replace(from, to));
    expect![[r#"
        error: the late-rows table 'latte' is not there
         --> job.sql:8:10
          |
        8 |          INSERT INTO o SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' SECON…
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: did you mean 'late'?
    "#]].assert_eq(&error("= 'late';", "= 'latte';"));
    expect![[r#"
        error: 's' is the late-rows table: the same job cannot read it
         --> job.sql:1:14
          |
        1 | CREATE TABLE s (k STRING, v BIGINT, ms BIGINT,
          |              ^

        hint: read it in a job of its own
    "#]]
    .assert_eq(&error("= 'late';", "= 's';"));
    expect![[r#"
        error: the late-rows table 'seen' is a view
         --> job.sql:8:10
          |
        8 |          INSERT INTO o SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' SECON…
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: the tables are: late, o, s
    "#]].assert_eq(&error(
        "SET 'late-rows.table' = 'late';",
        "CREATE VIEW seen AS SELECT * FROM s; SET 'late-rows.table' = 'seen';",
    ));
    expect![[r#"
        error: the late-rows table 'late' has a column 'source', which no late row has
         --> job.sql:4:14
          |
        4 | CREATE TABLE late (source STRING, rowtime TIMESTAMP_LTZ(3), watermark TIMESTAMP_LTZ(3),
          |              ^^^^

        hint: its columns may be sink STRING, rowtime TIMESTAMP_LTZ(3), watermark TIMESTAMP_LTZ(3), row STRING
    "#]].assert_eq(&error("sink STRING", "source STRING"));
    expect![[r#"
        error: the late-rows table 'late' has a column 'colour', which no late row has
         --> job.sql:4:14
          |
        4 | CREATE TABLE late (colour STRING, rowtime TIMESTAMP_LTZ(3), watermark TIMESTAMP_LTZ(3),
          |              ^^^^

        hint: its columns may be sink STRING, rowtime TIMESTAMP_LTZ(3), watermark TIMESTAMP_LTZ(3), row STRING
    "#]].assert_eq(&error("sink STRING", "colour STRING"));
    expect![[r#"
        error: the column 'row' of the late-rows table 'late' must be STRING, not BYTES
         --> job.sql:4:14
          |
        4 | CREATE TABLE late (sink STRING, rowtime TIMESTAMP_LTZ(3), watermark TIMESTAMP_LTZ(3),
          |              ^^^^
    "#]]
    .assert_eq(&error("`row` STRING", "`row` BYTES"));
    expect![[r#"
        error: there is no setting 'late-row.table'
         --> job.sql:6:5
          |
        6 | SET 'late-row.table' = 'late';
          |     ^^^^^^^^^^^^^^^^

        hint: did you mean 'late-rows.table'?
    "#]]
    .assert_eq(&error("late-rows.table", "late-row.table"));
}

//! Windows over processing time: whenever rows come, each is in the windows of its time, and every
//! window is given though no row comes after it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, TimeDelta};
use expect_test::expect;

use crate::harness::Folder;

/// Rows of the stream.
const ROWS: usize = 600;

/// The rows come within 0.6 s; then there are none, and no end.
const STREAM: &str = "CREATE TABLE numbers (id BIGINT, pt AS PROCTIME()) WITH (
  'connector' = 'datagen', 'rows-per-second' = '1000', 'fields.id.kind' = 'sequence',
  'fields.id.start' = '0', 'fields.id.end' = '599');
CREATE TABLE none (id BIGINT, pt AS PROCTIME()) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'none', 'source.monitor-interval' = '10 ms');
CREATE VIEW s AS SELECT id, id % 3 AS k, pt FROM numbers UNION ALL SELECT id, id % 3, pt FROM none;\n";

/// Size of epochs, partitions, time zone.
const SIZES: &[(&str, &str, &str)] = &[
    ("7", "1", "UTC"),
    ("65536", "2", "UTC"),
    ("100", "2", "Asia/Kolkata"),
];

fn insert(columns: &str, query: &str) -> String {
    format!(
        "{STREAM}CREATE TABLE o ({columns}) WITH ('connector' = 'print');\nINSERT INTO o {query};"
    )
}

fn folder() -> Folder {
    Folder::new().with("none/.keep", "")
}

/// The values of the rows that a query prints, until they are `done`, at a size of epochs.
fn printed(
    sql: &str,
    (rows, partitions, zone): (&str, &str, &str),
    done: impl Fn(&[Vec<String>]) -> bool,
) -> Vec<Vec<String>> {
    let settings = [
        ("job.epoch-rows", rows),
        ("job.epoch-linger", "1 ms"),
        ("parallelism.default", partitions),
        ("table.local-time-zone", zone),
    ];
    let values = |line: &str| {
        let values = line.trim_start_matches("+I[").trim_end_matches(']');
        values.split(", ").map(str::to_owned).collect::<Vec<_>>()
    };
    let all = |text: &str| text.lines().map(values).collect::<Vec<_>>();
    let (lines, report) = folder().run_until(sql, &settings, |text| {
        (text.is_empty() || text.ends_with('\n')) && done(&all(text))
    });
    assert_eq!(report.late, 0, "no row is late");
    lines.iter().map(|line| values(line)).collect()
}

/// As Java prints it: without the seconds of a whole minute.
fn time(text: &str) -> NaiveDateTime {
    let text = text.trim_end_matches('Z');
    let seconds = if text.len() == 16 { ":00" } else { "" };
    format!("{text}{seconds}").parse().unwrap()
}

fn milliseconds(text: &str) -> i64 {
    time(text).and_utc().timestamp_millis()
}

fn number(text: &str) -> i64 {
    text.parse().unwrap()
}

fn sum(rows: &[Vec<String>], column: usize) -> i64 {
    rows.iter().map(|row| number(&row[column])).sum()
}

/// All rows, each with its time and the bounds of its windows, as windows give them when they are over.
fn ranked(windows: &str) -> String {
    insert(
        "id BIGINT, k BIGINT, pt TIMESTAMP(3), s TIMESTAMP(3), e TIMESTAMP(3)",
        &format!(
            "SELECT id, k, CAST(pt AS TIMESTAMP(3)), window_start, window_end FROM (SELECT *, \
             ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY pt, id) AS place \
             FROM TABLE({windows})) WHERE place <= 100000"
        ),
    )
}

/// `windows`: the starts and ends of those of a time, all in milliseconds, by definition.
fn check(call: &str, most: usize, windows: impl Fn(i64) -> BTreeSet<(i64, i64)>) {
    for size in SIZES {
        // All windows of a row but those of CUMULATE are as many.
        let least = ROWS * most;
        let rows = printed(&ranked(call), *size, |rows| match most {
            0 => rows.iter().filter(|row| ends_last(row)).count() >= ROWS,
            _ => rows.len() >= least,
        });
        let mut found: BTreeMap<i64, (i64, BTreeSet<(i64, i64)>)> = BTreeMap::new();
        for row in &rows {
            let (_, of_row) = found
                .entry(number(&row[0]))
                .or_insert_with(|| (milliseconds(&row[2]), BTreeSet::new()));
            let window = (milliseconds(&row[3]), milliseconds(&row[4]));
            assert!(of_row.insert(window), "{row:?} is there twice");
        }
        assert!(found.keys().copied().eq(0..ROWS as i64), "{size:?}");
        for (time, of_row) in found.into_values() {
            assert_eq!(of_row, windows(time), "{size:?}");
        }
    }
}

/// Whether a row is of a whole window of CUMULATE, of 120 ms.
fn ends_last(row: &[String]) -> bool {
    milliseconds(&row[4]) % 120 == 0
}

#[test]
fn tumble() {
    check(
        "TUMBLE(TABLE s, DESCRIPTOR(pt), INTERVAL '0.100' SECOND)",
        1,
        |time| [(time - time % 100, time - time % 100 + 100)].into(),
    );
}

#[test]
fn hop() {
    check(
        "HOP(TABLE s, DESCRIPTOR(pt), INTERVAL '0.050' SECOND, INTERVAL '0.200' SECOND)",
        4,
        |time| {
            let last = time - time % 50;
            (0..4)
                .map(|back| (last - back * 50, last - back * 50 + 200))
                .collect()
        },
    );
}

#[test]
fn cumulate() {
    check(
        "CUMULATE(TABLE s, DESCRIPTOR(pt), INTERVAL '0.040' SECOND, INTERVAL '0.120' SECOND)",
        0,
        |time| {
            let start = time - time % 120;
            let ends = [40, 80, 120].map(|length| (start, start + length));
            ends.into_iter().filter(|(_, end)| time < *end).collect()
        },
    );
}

#[test]
fn session() {
    let sql = ranked("SESSION(TABLE s PARTITION BY k, DESCRIPTOR(pt), INTERVAL '0.030' SECOND)");
    for size in SIZES {
        let rows = printed(&sql, *size, |rows| rows.len() >= ROWS);
        assert_eq!(rows.len(), ROWS);
        for key in ["0", "1", "2"] {
            let mut of_key: Vec<_> = rows.iter().filter(|row| row[1] == key).collect();
            of_key.sort_by_key(|row| milliseconds(&row[2]));
            let near = |a: &&Vec<String>, b: &&Vec<String>| {
                milliseconds(&b[2]) - milliseconds(&a[2]) <= 30
            };
            for session in of_key.chunk_by(near) {
                let last = milliseconds(&session[session.len() - 1][2]);
                let bounds = (milliseconds(&session[0][2]), last + 30);
                for row in session {
                    let found = (milliseconds(&row[3]), milliseconds(&row[4]));
                    assert_eq!(found, bounds, "{size:?}");
                }
            }
        }
    }
}

/// Counts of a key in a window, with the first and the last time there.
fn counted(windows: &str) -> String {
    insert(
        "s TIMESTAMP(3), e TIMESTAMP(3), t TIMESTAMP_LTZ(3), k BIGINT, first TIMESTAMP_LTZ(3), \
         last TIMESTAMP_LTZ(3), n BIGINT",
        &format!(
            "SELECT window_start, window_end, window_time, k, MIN(pt), MAX(pt), COUNT(*) \
             FROM TABLE({windows}) GROUP BY window_start, window_end, window_time, k"
        ),
    )
}

#[test]
fn what_windows_count_is_all_rows() {
    for (windows, of_a_row) in [
        (
            "TUMBLE(TABLE s, DESCRIPTOR(pt), INTERVAL '0.070' SECOND)",
            1,
        ),
        (
            "HOP(TABLE s, DESCRIPTOR(pt), INTERVAL '0.050' SECOND, INTERVAL '0.150' SECOND)",
            3,
        ),
        (
            "SESSION(TABLE s PARTITION BY k, DESCRIPTOR(pt), INTERVAL '0.020' SECOND)",
            1,
        ),
    ] {
        for size in SIZES {
            let all = (ROWS * of_a_row) as i64;
            let rows = printed(&counted(windows), *size, |rows| sum(rows, 6) >= all);
            assert_eq!(sum(&rows, 6), all, "{windows} {size:?}");
            let mut met = BTreeSet::new();
            let mut by_key: BTreeMap<&str, i64> = BTreeMap::new();
            for row in &rows {
                let of_window = (&row[0], &row[1], &row[3]);
                assert!(met.insert(of_window), "{row:?} is there twice");
                *by_key.entry(&row[3]).or_default() += number(&row[6]);
                // What is of TIMESTAMP_LTZ is printed in UTC, the bounds by the zone's clocks.
                let ahead = match size.2 {
                    "UTC" => TimeDelta::zero(),
                    _ => TimeDelta::minutes(330),
                };
                let [start, end, last_of_window] = [0, 1, 2].map(|column| time(&row[column]));
                let [first, last] = [4, 5].map(|column| time(&row[column]) + ahead);
                assert!(start <= first && first <= last && last < end, "{row:?}");
                assert_eq!(last_of_window + ahead, end - TimeDelta::milliseconds(1));
            }
            let third = all / 3;
            assert!(by_key.values().all(|count| *count == third), "{by_key:?}");
        }
    }
}

/// Also where the time is no column of a table.
#[test]
fn windows_over_windows() {
    let inner = "SELECT window_time AS t, COUNT(*) AS n, MAX(id) AS latest FROM TABLE(TUMBLE(\
                 (SELECT id, PROCTIME() AS now FROM s), DESCRIPTOR(now), INTERVAL '0.020' SECOND)) \
                 GROUP BY window_start, window_end, window_time";
    let sql = insert(
        "s TIMESTAMP(3), e TIMESTAMP(3), n BIGINT, latest BIGINT, first TIMESTAMP_LTZ(3), last TIMESTAMP_LTZ(3)",
        &format!(
            "SELECT window_start, window_end, SUM(n), MAX(latest), MIN(t), MAX(t) \
             FROM TABLE(TUMBLE(({inner}), DESCRIPTOR(t), INTERVAL '0.100' SECOND)) \
             GROUP BY window_start, window_end"
        ),
    );
    for size in &SIZES[..2] {
        let rows = printed(&sql, *size, |rows| sum(rows, 2) >= ROWS as i64);
        assert_eq!(sum(&rows, 2), ROWS as i64, "{size:?}");
        assert!(rows.iter().any(|row| row[3] == "599"));
        for row in &rows {
            let [start, end, first, last] = [0, 1, 4, 5].map(|column| time(&row[column]));
            assert!(start <= first && last < end, "{row:?}");
        }
        let windows: BTreeSet<_> = rows.iter().map(|row| &row[0]).collect();
        assert_eq!(windows.len(), rows.len(), "{size:?}");
    }
}

#[test]
fn windows_are_joined() {
    let side = |keep: &str| {
        format!(
            "(SELECT window_start, window_end, COUNT(*) AS n FROM TABLE(TUMBLE((SELECT * FROM s WHERE \
             {keep}), DESCRIPTOR(pt), INTERVAL '0.100' SECOND)) GROUP BY window_start, window_end)"
        )
    };
    let (even, odd) = (side("id % 2 = 0"), side("id % 2 <> 0"));
    let sql = insert(
        "e TIMESTAMP(3), even BIGINT, odd BIGINT",
        &format!(
            "SELECT COALESCE(a.window_end, b.window_end), COALESCE(a.n, 0), COALESCE(b.n, 0) \
             FROM {even} AS a FULL JOIN {odd} AS b ON a.window_start = b.window_start AND \
             a.window_end = b.window_end"
        ),
    );
    for size in &SIZES[..2] {
        let all = |rows: &[Vec<String>]| sum(rows, 1) + sum(rows, 2);
        let rows = printed(&sql, *size, |rows| all(rows) >= ROWS as i64);
        assert_eq!((sum(&rows, 1), sum(&rows, 2)), (300, 300), "{size:?}");
        let ends: BTreeSet<_> = rows.iter().map(|row| &row[0]).collect();
        assert_eq!(ends.len(), rows.len(), "{size:?}");
    }
}

#[test]
fn a_table_that_ends_gives_all_windows_at_its_end() {
    let windows = "TUMBLE(TABLE numbers, DESCRIPTOR(pt), INTERVAL '1' HOUR)";
    let query = format!("SELECT COUNT(*) FROM TABLE({windows}) GROUP BY window_start, window_end");
    // Hours may pass between two rows; then there are two.
    let text = folder().run(&insert("n BIGINT", &query)).unwrap();
    let counts = text.lines().filter_map(|line| line.strip_prefix("+I["));
    let counts = counts.map(|count| number(count.trim_end_matches(']')));
    assert_eq!(counts.sum::<i64>(), ROWS as i64);
}

#[test]
fn what_processing_time_cannot_do() {
    let folder = folder().with("timed/.keep", "");
    let timed = "CREATE TABLE timed (id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'timed', 'source.monitor-interval' = '10 ms');\n";
    let error = |query: &str| folder.error(&format!("{timed}{}", insert("n BIGINT", query)));
    expect![[r#"
        error: the query into 'o' is over tables without end and has a join of two tables without end, for which they would have to end
          --> job.sql:10:1
           |
        10 | INSERT INTO o SELECT a.id FROM none AS a JOIN none AS b ON a.id = b.id AND b.pt BETWEEN a.pt AND a.p…
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: bound the times of both, which must have a WATERMARK: … ON a.id = b.id AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts + INTERVAL '1' MINUTE; or join windows of both, ON a.id = b.id AND a.window_end = b.window_end
    "#]].assert_eq(&error(
        "SELECT a.id FROM none AS a JOIN none AS b ON a.id = b.id AND b.pt BETWEEN a.pt AND a.pt + \
         INTERVAL '1' SECOND",
    ));
    expect![[r#"
        error: the query into 'o' is over tables without end and has a window function without PARTITION BY window_end, for which they would have to end
          --> job.sql:10:1
           |
        10 | INSERT INTO o SELECT COUNT(*) OVER (PARTITION BY id ORDER BY pt) FROM none;
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: over tables without end a query may project, filter, call functions, unite tables, join a table that ends, and aggregate, rank or join by windows: GROUP BY window_start, window_end over TUMBLE, HOP, CUMULATE or SESSION
    "#]].assert_eq(&error(
        "SELECT COUNT(*) OVER (PARTITION BY id ORDER BY pt) FROM none",
    ));
    expect![[r#"
        error: the query into 'o' is over tables without end and has windows over a column that is no time attribute, for which they would have to end
          --> job.sql:10:1
           |
        10 | INSERT INTO o SELECT COUNT(*) FROM TABLE(TUMBLE((SELECT CAST(pt AS TIMESTAMP(3)) AS t FROM none), DE…
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: declare WATERMARK FOR the column in CREATE TABLE, for example WATERMARK FOR ts AS ts - INTERVAL '5' SECOND; or take a column that is AS PROCTIME()
    "#]].assert_eq(&error(
        "SELECT COUNT(*) FROM TABLE(TUMBLE((SELECT CAST(pt AS TIMESTAMP(3)) AS t FROM none), \
         DESCRIPTOR(t), INTERVAL '1' SECOND)) GROUP BY window_end",
    ));
    let windows = |table: &str, time: &str| {
        format!("TABLE(TUMBLE(TABLE {table}, DESCRIPTOR({time}), INTERVAL '1' SECOND))")
    };
    let (of_machine, of_rows) = (windows("none", "pt"), windows("timed", "ts"));
    expect![[r#"
        error: the query into 'o' is over tables without end and has a join of windows over processing time with windows over the time of rows, for which they would have to end
          --> job.sql:10:1
           |
        10 | INSERT INTO o SELECT a.id FROM TABLE(TUMBLE(TABLE none, DESCRIPTOR(pt), INTERVAL '1' SECOND)) AS a J…
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: make the windows of both over processing time, or of both over columns with a WATERMARK
    "#]].assert_eq(&error(&format!(
        "SELECT a.id FROM {of_machine} AS a JOIN {of_rows} AS b ON a.window_end = b.window_end"
    )));
    expect![[r#"
        error: the query into 'o' is over tables without end and has a union of windows over processing time with windows over the time of rows, for which they would have to end
          --> job.sql:10:1
           |
        10 | INSERT INTO o SELECT COUNT(*) FROM (SELECT window_end FROM TABLE(TUMBLE(TABLE none, DESCRIPTOR(pt),…
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: unite what windows give, not what goes into them
    "#]].assert_eq(&error(&format!(
        "SELECT COUNT(*) FROM (SELECT window_end FROM {of_machine} UNION ALL SELECT window_end FROM \
         {of_rows}) GROUP BY window_end"
    )));
}

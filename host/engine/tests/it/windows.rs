//! Windows over tables without end: at any size of epochs the results are those of a computation by
//! definition, which looks at all rows for every window.

use std::collections::BTreeMap;

use expect_test::expect;

use crate::stream::{Row, SIZES, STREAM, files, insert, printed, printed_in, stream};

/// The windows with these starts and ends, in seconds, with what is in them of each key.
pub fn by_definition(rows: &[Row], windows: impl Iterator<Item = (i64, i64)>) -> Vec<String> {
    let mut lines = Vec::new();
    for (start, end) in windows {
        let mut groups: BTreeMap<char, Vec<i64>> = BTreeMap::new();
        for row in rows {
            if (start * 1000..end * 1000).contains(&row.time) {
                groups.entry(row.key).or_default().push(row.value);
            }
        }
        for (key, mut values) in groups {
            values.sort_unstable();
            let (count, sum) = (values.len(), values.iter().sum::<i64>());
            let mut distinct = values.clone();
            distinct.dedup();
            lines.push(format!(
                "+I[{start}, {end}, {key}, {count}, {sum}, {}, {}]",
                values[0],
                distinct.len()
            ));
        }
    }
    lines.sort();
    lines
}

const COLUMNS: &str =
    "s BIGINT, e BIGINT, k STRING, n BIGINT, total BIGINT, least BIGINT, kinds BIGINT";

/// What [`by_definition`] gives, in SQL.
pub fn aggregate(windows: &str) -> String {
    insert(
        COLUMNS,
        &format!(
            "SELECT TO_UNIXTIME(window_start), TO_UNIXTIME(window_end), k, COUNT(*), SUM(v), MIN(v), \
             COUNT(DISTINCT v) FROM TABLE({windows}) GROUP BY window_start, window_end, k"
        ),
    )
}

fn check(windows: &str, all: impl Iterator<Item = (i64, i64)> + Clone) {
    check_sql(&aggregate(windows), all);
}

fn check_sql(sql: &str, all: impl Iterator<Item = (i64, i64)> + Clone) {
    for (seed, size) in (0..).zip(SIZES) {
        let rows = stream(seed, 1000);
        let expected = by_definition(&rows, all.clone());
        assert!(expected.len() > 20, "the stream fills windows");
        assert_eq!(printed(&rows, sql, *size), expected, "{size:?}");
    }
}

#[test]
fn event_time_as_flink_writes_it() {
    let windows = (900..1300).step_by(10).map(|start| (start, start + 10));
    let sql = aggregate("TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' SECONDS)");
    for time in [
        "TO_TIMESTAMP_LTZ(ms, 3)",
        "TO_TIMESTAMP(FROM_UNIXTIME(ms / 1000) || '.' || LPAD(CAST(MOD(ms, 1000) AS STRING), 3, '0'))",
    ] {
        let sql = sql.replace("TO_TIMESTAMP_MILLIS(ms)", time);
        check_sql(&sql, windows.clone());
    }
}

#[test]
fn tumble() {
    let windows = (900..1300).step_by(10).map(|start| (start, start + 10));
    check(
        "TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' SECONDS)",
        windows,
    );
}

#[test]
fn tumble_with_an_offset() {
    let windows = (903..1300).step_by(10).map(|start| (start, start + 10));
    check(
        "TUMBLE(DATA => TABLE s, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '10' SECONDS, \
         OFFSET => INTERVAL '3' SECONDS)",
        windows,
    );
}

#[test]
fn hop() {
    let windows = (900..1300).step_by(5).map(|start| (start, start + 20));
    check(
        "HOP(TABLE s, DESCRIPTOR(ts), INTERVAL '5' SECONDS, INTERVAL '20' SECONDS)",
        windows,
    );
}

#[test]
fn cumulate() {
    let starts = (900..1300).step_by(20);
    let windows = starts.flat_map(|start| (1..=4).map(move |step| (start, start + 5 * step)));
    check(
        "CUMULATE(TABLE s, DESCRIPTOR(ts), INTERVAL '5' SECONDS, INTERVAL '20' SECONDS)",
        windows,
    );
}

#[test]
fn windows_over_windows() {
    let inner = "SELECT window_time AS t, k, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), \
                 INTERVAL '5' SECONDS)) GROUP BY window_start, window_end, window_time, k";
    let sql = insert(
        "s BIGINT, e BIGINT, k STRING, n BIGINT",
        &format!(
            "SELECT TO_UNIXTIME(window_start), TO_UNIXTIME(window_end), k, SUM(n) \
             FROM TABLE(TUMBLE(({inner}), DESCRIPTOR(t), INTERVAL '20' SECONDS)) \
             GROUP BY window_start, window_end, k"
        ),
    );
    for (seed, size) in (10..).zip(SIZES) {
        let rows = stream(seed, 600);
        let windows = (900..1300).step_by(20).map(|start| (start, start + 20));
        let expected = by_definition(&rows, windows).into_iter();
        // Only the count of each window.
        let expected = expected.map(|line| {
            let values: Vec<_> = line.splitn(5, ", ").take(4).map(str::to_owned).collect();
            format!("{}]", values.join(", "))
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(printed(&rows, &sql, *size), expected, "{size:?}");
    }
}

#[test]
fn the_best_rows_of_each_window() {
    let sql = insert(
        "s BIGINT, k STRING, v BIGINT",
        "SELECT TO_UNIXTIME(window_start), k, v FROM (SELECT *, ROW_NUMBER() OVER (\
         PARTITION BY window_start, window_end, k ORDER BY v DESC, ms) AS place \
         FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' SECONDS))) WHERE place <= 2",
    );
    for (seed, size) in (20..).zip(SIZES) {
        let rows = stream(seed, 600);
        let mut expected = Vec::new();
        for start in (900..1300).step_by(10) {
            for key in 'a'..='c' {
                let inside = |row: &&Row| {
                    row.key == key && (start * 1000..start * 1000 + 10_000).contains(&row.time)
                };
                let mut values: Vec<_> = rows.iter().filter(inside).map(|row| row.value).collect();
                values.sort_unstable_by(|a, b| b.cmp(a));
                let best = values.into_iter().take(2);
                expected.extend(best.map(|value| format!("+I[{start}, {key}, {value}]")));
            }
        }
        expected.sort();
        assert_eq!(printed(&rows, &sql, *size), expected, "{size:?}");
    }
}

#[test]
fn windows_are_joined() {
    let side = |name: &str, keep: &str| {
        format!(
            "(SELECT window_start, window_end, k, COUNT(*) AS n FROM TABLE(TUMBLE((SELECT * FROM s \
             WHERE {keep} OR k = 'z'), DESCRIPTOR(ts), INTERVAL '10' SECONDS)) \
             GROUP BY window_start, window_end, k) AS {name}"
        )
    };
    let (even, odd) = (side("a", "v % 2 = 0"), side("b", "v % 2 <> 0"));
    let sql = insert(
        "s BIGINT, k STRING, even BIGINT, odd BIGINT",
        &format!(
            "SELECT TO_UNIXTIME(a.window_start), a.k, a.n, b.n FROM {even} JOIN {odd} \
             ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.k = b.k"
        ),
    );
    for (seed, size) in (30..).zip(SIZES) {
        let rows = stream(seed, 600);
        let mut expected = Vec::new();
        for start in (900..1300).step_by(10) {
            for key in 'a'..='c' {
                let count = |odd: bool| {
                    let inside = |row: &&Row| {
                        row.key == key
                            && (row.value % 2 != 0) == odd
                            && (start * 1000..start * 1000 + 10_000).contains(&row.time)
                    };
                    rows.iter().filter(inside).count()
                };
                if count(false) > 0 && count(true) > 0 {
                    let (even, odd) = (count(false), count(true));
                    expected.push(format!("+I[{start}, {key}, {even}, {odd}]"));
                }
            }
        }
        expected.sort();
        assert_eq!(printed(&rows, &sql, *size), expected, "{size:?}");
    }
}

#[test]
fn a_table_that_ends_is_joined() {
    let names = "CREATE TABLE names (k STRING, name STRING) WITH ('connector' = 'filesystem', \
                 'format' = 'csv', 'path' = 'names.csv');";
    let query = "SELECT s.ms, n.name FROM s LEFT JOIN names AS n ON s.k = n.k";
    let sql = format!("{names}{}", insert("ms BIGINT, name STRING", query));
    for (seed, size) in (40..).zip(SIZES) {
        let rows = stream(seed, 300);
        let (size, batch, partitions) = *size;
        let folder = files(&rows, size).with("names.csv", "a,Anna\nb,Bert\nz,z\n");
        let mut expected: Vec<_> = rows
            .iter()
            .map(|row| match row.key {
                'a' => format!("+I[{}, Anna]", row.time),
                'b' => format!("+I[{}, Bert]", row.time),
                _ => format!("+I[{}, null]", row.time),
            })
            .collect();
        expected.sort();
        let lines = printed_in(&folder, &sql, batch, partitions);
        assert_eq!(lines, expected, "{size:?}");
    }
}

#[test]
fn what_comes_too_late_is_counted_and_in_no_result() {
    let mut rows = stream(50, 600);
    // Half a minute late, every twentieth.
    rows.iter_mut()
        .step_by(20)
        .for_each(|row| row.time -= 30_000);
    let folder = files(&rows, 10);
    let sql = insert(
        "s BIGINT, k STRING, n BIGINT",
        "SELECT TO_UNIXTIME(window_start), k, COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), \
         INTERVAL '10' SECONDS)) GROUP BY window_start, window_end, k",
    );
    let settings = [("job.batch-rows", "5"), ("job.epoch-rows", "5")];
    let (lines, report) = folder.run_until(&sql, &settings, |text| text.contains("z"));
    let count = |line: &String| -> u64 {
        let (_, count) = line.trim_end_matches(']').rsplit_once(", ").unwrap();
        count.parse().unwrap()
    };
    let counted: u64 = lines
        .iter()
        .filter(|line| !line.contains('z'))
        .map(count)
        .sum();
    assert_eq!(counted + report.late, 600);
    // But for the first of them, before which no time has passed.
    assert!(
        (25..30).contains(&report.late),
        "{} of 30 are late",
        report.late
    );
}

#[test]
fn what_windows_cannot_be() {
    let folder = files(&[], 1);
    let error = |query: &str| folder.error(&insert("n BIGINT", query));
    expect![[r#"
        error: the query into 'o' is over tables without end and has an aggregation without a window, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT COUNT(*) FROM s;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: over tables without end a query may project, filter, call functions, unite tables, join a table that ends, and aggregate, rank or join by windows: GROUP BY window_start, window_end over TUMBLE, HOP, CUMULATE or SESSION
    "#]]
    .assert_eq(&error("SELECT COUNT(*) FROM s"));
    expect![[r#"
        error: the windows of TUMBLE are over a TIMESTAMP, but 'ms' is BIGINT
         --> job.sql:5:69
          |
        5 | …CT COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ms), INTERVAL '1' SECOND)) GROUP BY window_end;
          |                                                    ^^

        hint: write TUMBLE(TABLE t, DESCRIPTOR(time), INTERVAL '10' MINUTES)
    "#]].assert_eq(&error(
        "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ms), INTERVAL '1' SECOND)) GROUP BY window_end",
    ));
    expect![[r#"
        error: the query into 'o' is over tables without end and has windows over a column that is no time attribute, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT COUNT(*) FROM TABLE(TUMBLE((SELECT ts + INTERVAL '1' SECOND AS later FROM s), D…
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: declare WATERMARK FOR the column in CREATE TABLE, for example WATERMARK FOR ts AS ts - INTERVAL '5' SECOND; or take a column that is AS PROCTIME()
    "#]].assert_eq(&error(
        "SELECT COUNT(*) FROM TABLE(TUMBLE((SELECT ts + INTERVAL '1' SECOND AS later FROM s), \
         DESCRIPTOR(later), INTERVAL '1' SECOND)) GROUP BY window_end",
    ));
    expect![[r#"
        error: the size of HOP must be a whole multiple of its slide
         --> job.sql:5:101
          |
        5 | … s, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '5' SECOND)) GROUP BY window_end;
          |                                                    ^^^

        hint: write HOP(TABLE t, DESCRIPTOR(time), INTERVAL '5' MINUTES, INTERVAL '10' MINUTES): the slide, then the size
    "#]].assert_eq(&error(
        "SELECT COUNT(*) FROM TABLE(HOP(TABLE s, DESCRIPTOR(ts), INTERVAL '2' SECOND, \
         INTERVAL '5' SECOND)) GROUP BY window_end",
    ));
    expect![[r#"
        error: the size of TUMBLE must be an interval of whole milliseconds, not INTERVAL '1' MONTH
         --> job.sql:5:83
          |
        5 | …OM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' MONTH)) GROUP BY window_end;
          |                                                    ^^^

        hint: write TUMBLE(TABLE t, DESCRIPTOR(time), INTERVAL '10' MINUTES)
    "#]].assert_eq(&error(
        "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' MONTH)) GROUP BY window_end",
    ));
    expect![[r#"
        error: the query into 'o' is over tables without end and has a join of two tables without end, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT a.v FROM s AS a JOIN s AS b ON a.k = b.k;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: bound the times of both, which must have a WATERMARK: … ON a.id = b.id AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts + INTERVAL '1' MINUTE; or join windows of both, ON a.id = b.id AND a.window_end = b.window_end
    "#]]
    .assert_eq(&error("SELECT a.v FROM s AS a JOIN s AS b ON a.k = b.k"));
    expect![[r#"
        error: the query into 'o' is over tables without end and has ORDER BY, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT v FROM s ORDER BY v;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: over tables without end a query may project, filter, call functions, unite tables, join a table that ends, and aggregate, rank or join by windows: GROUP BY window_start, window_end over TUMBLE, HOP, CUMULATE or SESSION
    "#]]
    .assert_eq(&error("SELECT v FROM s ORDER BY v"));
    let table = STREAM.replace(
        "WATERMARK FOR ts AS ts - INTERVAL '5' SECOND",
        "WATERMARK FOR k AS k",
    );
    expect![[r#"
        error: a watermark is FOR a TIMESTAMP, but k is STRING
         --> job.sql:1:1
          |
        1 | CREATE TABLE s (k STRING, v BIGINT, ms BIGINT,
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: add a computed column, for example ts AS TO_TIMESTAMP_LTZ(ms, 3), and declare WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
    "#]].assert_eq(&folder.error(&table));
}

#[test]
fn sessions() {
    let sql = aggregate("SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), INTERVAL '1' SECOND)");
    for (seed, size) in (60..).zip(SIZES) {
        let rows: Vec<_> = stream(seed, 600);
        // Whole seconds, so that the bounds can be compared.
        let rows: Vec<_> = rows
            .into_iter()
            .step_by(3)
            .map(|row| Row {
                time: row.time - row.time.rem_euclid(1000),
                ..row
            })
            .collect();
        let mut expected = Vec::new();
        for key in 'a'..='c' {
            let mut of_key: Vec<_> = rows.iter().filter(|row| row.key == key).cloned().collect();
            of_key.sort_by_key(|row| row.time);
            for session in of_key.chunk_by(|a, b| b.time - a.time <= 1000) {
                let (start, end) = (session[0].time, session[session.len() - 1].time + 1000);
                let bounds = std::iter::once((start / 1000, end / 1000));
                expected.extend(by_definition(session, bounds));
            }
        }
        expected.sort();
        assert!(expected.len() > 20, "there are sessions");
        assert_eq!(printed(&rows, &sql, *size), expected, "{size:?}");
    }
}

#[test]
fn windows_of_tables_that_end_are_the_same() {
    let ends = |sql: String| sql.replace(", 'source.monitor-interval' = '10 ms'", "");
    let rows = stream(70, 600);
    let folder = files(&rows, 50);
    let tumble = "TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' SECONDS)";
    let session = "SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), INTERVAL '2' SECONDS)";
    for windows in [tumble, session] {
        let without_end = printed_in(&folder, &aggregate(windows), "64", "2");
        let printed = folder.run(&ends(aggregate(windows))).unwrap();
        let mut lines: Vec<_> = printed.lines().skip(1).map(str::to_owned).collect();
        lines.retain(|line| !line.contains('z'));
        lines.sort();
        assert_eq!(lines, without_end);
    }
}

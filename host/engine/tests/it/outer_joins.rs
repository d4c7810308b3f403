//! Outer joins by an interval of time over tables without end: at any size of epochs the results are
//! those of a computation by definition, which looks at all rows.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;

use crate::{
    harness::Folder,
    stream::{Row, SIZES, files, insert, printed, stream},
};

/// Which sides of a join are kept whole.
const JOINS: &[(&str, bool, bool)] = &[
    ("LEFT JOIN", true, false),
    ("RIGHT JOIN", false, true),
    ("FULL JOIN", true, true),
];

/// What a join of rows with an even value and those with an odd one gives, where these are so many
/// milliseconds apart, the second less the first: keys and times.
fn joined(rows: &[Row], (earliest, latest): (i64, i64), left: bool, right: bool) -> Vec<String> {
    let even: Vec<_> = rows.iter().filter(|row| row.value % 2 == 0).collect();
    let odd: Vec<_> = rows.iter().filter(|row| row.value % 2 != 0).collect();
    let goes =
        |a: &Row, b: &Row| a.key == b.key && (earliest..=latest).contains(&(b.time - a.time));
    let mut lines = Vec::new();
    for a in &even {
        for b in odd.iter().filter(|b| goes(a, b)) {
            lines.push(format!("+I[{}, {}, {}, {}]", a.key, a.time, b.key, b.time));
        }
        if left && !odd.iter().any(|b| goes(a, b)) {
            lines.push(format!("+I[{}, {}, null, null]", a.key, a.time));
        }
    }
    for b in &odd {
        if right && !even.iter().any(|a| goes(a, b)) {
            lines.push(format!("+I[null, null, {}, {}]", b.key, b.time));
        }
    }
    lines.sort();
    lines
}

/// A join of rows with an even value and those with an odd one; the rows at the end are on both sides.
fn sides(join: &str) -> String {
    let side = |keep: &str| format!("(SELECT * FROM s WHERE {keep} OR k = 'z')");
    format!(
        "{} AS a {join} {} AS b",
        side("v % 2 = 0"),
        side("v % 2 <> 0")
    )
}

const COLUMNS: &str = "ak STRING, a BIGINT, bk STRING, b BIGINT";

fn join(join: &str, condition: &str) -> String {
    insert(
        COLUMNS,
        &format!(
            "SELECT a.k, a.ms, b.k, b.ms FROM {} ON a.k = b.k AND {condition}",
            sides(join)
        ),
    )
}

const AROUND: &str =
    "b.ts BETWEEN a.ts - INTERVAL '0.200' SECOND AND a.ts + INTERVAL '0.300' SECOND";

#[test]
fn outer_joins_by_an_interval_of_time() {
    let bounds = [
        (AROUND, (-200, 300)),
        (
            "b.ts BETWEEN a.ts + INTERVAL '1' SECOND AND a.ts + INTERVAL '2' SECOND",
            (1000, 2000),
        ),
        (
            "a.ts <= b.ts AND b.ts < a.ts + INTERVAL '3' SECOND",
            (0, 2999),
        ),
        (
            "b.ts BETWEEN a.ts - INTERVAL '1' SECOND AND a.ts - INTERVAL '0.500' SECOND",
            (-1000, -500),
        ),
    ];
    for (seed, (condition, apart)) in (0..).zip(bounds) {
        for (kind, left, right) in JOINS {
            let sql = join(kind, condition);
            for size in SIZES {
                let rows = stream(seed, 500);
                let expected = joined(&rows, apart, *left, *right);
                let alone = expected.iter().filter(|line| line.contains("null"));
                let alone = alone.count();
                assert!(alone > 10 && alone < expected.len(), "some have partners");
                assert_eq!(
                    printed(&rows, &sql, *size),
                    expected,
                    "{kind} {condition} {size:?}"
                );
            }
        }
    }
}

#[test]
fn a_row_waits_only_for_partners_that_the_condition_admits() {
    let sql = join("LEFT JOIN", &format!("{AROUND} AND a.v > 2"));
    for (seed, size) in (10..).zip(SIZES) {
        let rows = distinct(stream(seed, 500));
        // The others go with none, as if they were of another key.
        let mut expected = joined(&rows, (-200, 300), true, false);
        let small = |row: &&Row| row.value % 2 == 0 && row.value <= 2;
        for row in rows.iter().filter(small) {
            let this = format!("+I[{}, {}, ", row.key, row.time);
            expected.retain(|line| !line.starts_with(&this));
            expected.push(format!("{this}null, null]"));
        }
        expected.sort();
        assert_eq!(printed(&rows, &sql, *size), expected, "{size:?}");
    }
}

#[test]
fn windows_over_an_outer_join() {
    let sql = insert(
        "s BIGINT, k STRING, n BIGINT, partners BIGINT",
        &format!(
            "SELECT TO_UNIXTIME(window_start), k, COUNT(*), COUNT(b) FROM TABLE(TUMBLE((SELECT a.k, a.ts, \
             b.ms AS b FROM {} ON a.k = b.k AND {AROUND}), DESCRIPTOR(ts), INTERVAL '10' SECONDS)) \
             GROUP BY window_start, window_end, k",
            sides("LEFT JOIN")
        ),
    );
    for (seed, size) in (20..).zip(SIZES) {
        let rows = stream(seed, 500);
        let mut counts: BTreeMap<(i64, char), (usize, usize)> = BTreeMap::new();
        for a in rows.iter().filter(|row| row.value % 2 == 0) {
            let near = |b: &&Row| {
                b.value % 2 != 0 && b.key == a.key && (-200..=300).contains(&(b.time - a.time))
            };
            let near = rows.iter().filter(near).count();
            let window = (a.time.div_euclid(10_000) * 10, a.key);
            let (all, partners) = counts.entry(window).or_default();
            *all += near.max(1);
            *partners += near;
        }
        let counts = counts.into_iter();
        let mut expected: Vec<_> = counts
            .map(|((start, key), (all, partners))| format!("+I[{start}, {key}, {all}, {partners}]"))
            .collect();
        expected.sort();
        assert_eq!(printed(&rows, &sql, *size), expected, "{size:?}");
    }
}

/// No two of a key have the same time.
fn distinct(mut rows: Vec<Row>) -> Vec<Row> {
    let mut seen = BTreeSet::new();
    rows.retain(|row| seen.insert((row.key, row.time)));
    rows
}

/// Some rows come long after their time.
fn disordered(seed: u64) -> Vec<Row> {
    let mut rows = stream(seed, 500);
    for (place, row) in rows.iter_mut().enumerate().step_by(7) {
        row.time -= 1500 * (place as i64 % 5 + 3);
    }
    distinct(rows)
}

/// What a join prints but for the last rows, and how many rows were late.
fn lines_of(
    rows: &[Row],
    sql: &str,
    (size, batch, partitions): (usize, &str, &str),
) -> (Vec<String>, u64) {
    let settings = [
        ("job.batch-rows", batch),
        ("job.epoch-rows", batch),
        ("job.epoch-linger", "1 ms"),
        ("parallelism.default", partitions),
    ];
    let folder = files(rows, size);
    let (mut lines, report) = folder.run_until(sql, &settings, |text| text.contains('z'));
    lines.retain(|line| !line.contains('z'));
    (lines, report.late)
}

#[test]
fn a_late_row_of_a_side_that_is_kept_whole_is_there() {
    for (seed, size) in (30..).zip(SIZES) {
        let rows = disordered(seed);
        let all = joined(&rows, (-200, 300), true, false);
        let (lines, late) = lines_of(&rows, &join("LEFT JOIN", AROUND), *size);
        assert_eq!(late, 0);
        for a in rows.iter().filter(|row| row.value % 2 == 0) {
            let this = format!("+I[{}, {}, ", a.key, a.time);
            let given: Vec<_> = lines
                .iter()
                .filter(|line| line.starts_with(&this))
                .collect();
            assert!(!given.is_empty(), "{this} {size:?}");
            let (alone, pairs): (Vec<_>, Vec<_>) =
                given.into_iter().partition(|line| line.contains("null"));
            assert!(
                alone.is_empty() || (pairs.is_empty() && alone.len() == 1),
                "{alone:?} {pairs:?} {size:?}"
            );
            // What is given of pairs is right, if not all.
            assert!(pairs.iter().all(|line| all.contains(*line)), "{pairs:?}");
        }
    }
}

#[test]
fn a_full_join_leaves_out_late_rows() {
    let mut late_rows = 0;
    for (seed, size) in (40..).zip(SIZES) {
        let rows = disordered(seed);
        let late_table = "CREATE TABLE late (`row` STRING) WITH ('connector' = 'print', \
                          'print-identifier' = 'late'); SET 'late-rows.table' = 'late';";
        let sql = format!("{late_table}{}", join("FULL JOIN", AROUND));
        let (lines, late) = lines_of(&rows, &sql, *size);
        let (left_out, lines): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| line.starts_with("late"));
        assert_eq!(left_out.len() as u64, late);
        late_rows += late;
        // The others are joined as if these had never been.
        let mut in_time = rows.clone();
        for line in left_out {
            let row = line.strip_prefix("late> +I[").unwrap();
            let row = row.strip_suffix(']').unwrap();
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            let same = |other: &Row| row["k"] == other.key.to_string() && row["ms"] == other.time;
            let place = in_time.iter().position(same).unwrap();
            in_time.remove(place);
        }
        let expected = joined(&in_time, (-200, 300), true, true);
        assert_eq!(lines, expected, "{size:?}");
    }
    // How many are depends on how the reads fall into epochs.
    assert!(late_rows > 0);
}

#[test]
fn what_outer_joins_cannot_be() {
    let folder: Folder = files(&[], 1);
    let error = |query: &str| folder.error(&insert("v BIGINT", query));
    expect![[r#"
        error: the query into 'o' is over tables without end and has EXISTS or IN by an interval of time, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT v FROM s AS a WHERE EXISTS (SELECT * FROM s AS b WHERE a.k = b.k AND a.ts BETWE…
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: write a JOIN with the same condition
    "#]].assert_eq(&error(
        "SELECT v FROM s AS a WHERE EXISTS (SELECT * FROM s AS b WHERE a.k = b.k AND a.ts BETWEEN b.ts \
         AND b.ts + INTERVAL '1' SECOND)",
    ));
    expect![[r#"
        error: the query into 'o' is over tables without end and has a join of two tables without end, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT a.v FROM s AS a LEFT JOIN s AS b ON a.k = b.k AND a.ts > b.ts;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: bound the times of both, which must have a WATERMARK: … ON a.id = b.id AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts + INTERVAL '1' MINUTE; or join windows of both, ON a.id = b.id AND a.window_end = b.window_end
    "#]].assert_eq(&error(
        "SELECT a.v FROM s AS a LEFT JOIN s AS b ON a.k = b.k AND a.ts > b.ts",
    ));
}

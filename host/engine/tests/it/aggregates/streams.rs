//! Aggregate functions over tables without end.

use super::{FUNCTIONS, with_plugin};
use crate::stream::{Row, SIZES, files, insert, printed_in, stream};

const COLUMNS: &str = "s BIGINT, k STRING, m DOUBLE, a DOUBLE, n BIGINT";

/// For each window of ten seconds and each key: the mean, the share of which ten times the value is above 50, and how many.
fn by_definition(rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for start in (900..1300).step_by(10) {
        for key in 'a'..='z' {
            let of_window = rows.iter().filter(|row| {
                row.key == key && (start * 1000..(start + 10) * 1000).contains(&row.time)
            });
            let values: Vec<_> = of_window.map(|row| row.value).collect();
            if values.is_empty() {
                continue;
            }
            let count = values.len() as f64;
            let mean = values.iter().sum::<i64>() as f64 / count;
            let above = values.iter().filter(|value| **value * 10 > 50).count() as f64 / count;
            lines.push(format!("+I[{start}, {key}, {mean:?}, {above:?}, {count}]"));
        }
    }
    lines.sort();
    lines
}

/// Partial groups are held between epochs, and put together.
#[test]
fn windows_are_the_same_at_any_size_of_epochs() {
    let sql = insert(
        COLUMNS,
        "SELECT TO_UNIXTIME(window_start), k, wmean(v, 1), above(v * 10), COUNT(*)
         FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
         GROUP BY window_start, window_end, k",
    );
    let sql = format!("{FUNCTIONS}{sql}");
    for (seed, &(size, batch, partitions)) in (0..).zip(SIZES) {
        let rows = stream(seed, 1000);
        let expected = by_definition(&rows);
        assert!(expected.len() > 20, "the stream fills windows");
        let folder = with_plugin(files(&rows, size));
        let printed = printed_in(&folder, &sql, batch, partitions);
        assert_eq!(printed, expected, "{size}");
    }
}

/// OVER within windows, whose rows are held whole.
#[test]
fn frames_within_windows_are_the_same_at_any_size_of_epochs() {
    let query = |mean: &str| {
        let sql = insert(
            "s BIGINT, k STRING, v BIGINT, m DOUBLE",
            &format!(
                "SELECT TO_UNIXTIME(window_start), k, v, {mean} OVER (
                   PARTITION BY window_start, window_end, k ORDER BY v, ts
                   ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
                 FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' SECONDS))"
            ),
        );
        format!("{FUNCTIONS}{sql}")
    };
    let rows = stream(3, 500);
    for &(size, batch, partitions) in SIZES {
        let folder = with_plugin(files(&rows, size));
        let printed = printed_in(&folder, &query("wmean(v, 1)"), batch, partitions);
        let expected = printed_in(&folder, &query("AVG(CAST(v AS DOUBLE))"), batch, partitions);
        assert!(printed.len() > 100, "the stream fills windows");
        assert_eq!(printed, expected, "{size}");
    }
}

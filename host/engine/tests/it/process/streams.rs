//! Process functions over tables without end.

use std::{cell::Cell, collections::BTreeMap};

use expect_test::expect;

use super::{FUNCTIONS, folder, with_plugins};
use crate::stream::{Row, SIZES, STREAM, files, insert, printed_in, stream};

/// Whatever the size of epochs, and whether state is left to files: each row comes once behind those of
/// its key before it.
#[test]
fn totals_are_those_of_all_rows_of_a_key() {
    let sql = insert(
        "k STRING, total DOUBLE, n BIGINT",
        "SELECT k, total, `rows` FROM total(TABLE amounts PARTITION BY k)",
    );
    let view = "CREATE VIEW amounts AS SELECT k, CAST(v AS DOUBLE) AS amount FROM s;\n";
    let sql = format!(
        "{FUNCTIONS}{STREAM}{view}{}",
        sql.strip_prefix(STREAM).unwrap()
    );
    for (seed, &(size, batch, partitions)) in (0..).zip(SIZES) {
        let rows = stream(seed, 1000);
        let printed = printed_in(&with_plugins(files(&rows, size)), &sql, batch, partitions);
        let mut found: BTreeMap<String, BTreeMap<usize, f64>> = BTreeMap::new();
        for line in printed {
            let line = line.trim_start_matches("+I[").trim_end_matches(']');
            let [key, total, number] = line.split(", ").collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let of_key = found.entry(key.to_owned()).or_default();
            let before = of_key.insert(number.parse().unwrap(), total.parse().unwrap());
            assert_eq!(before, None, "{line} comes once");
        }
        for key in 'a'..='c' {
            let values = rows
                .iter()
                .filter(|row| row.key == key)
                .map(|row| row.value);
            let of_key = &found[&key.to_string()];
            assert!(of_key.keys().copied().eq(1..=values.clone().count()));
            let (_, total) = of_key.last_key_value().unwrap();
            assert_eq!(*total, values.sum::<i64>() as f64, "{key}");
        }
    }
}

/// Rows in the order of their time.
fn ordered(seed: u64) -> Vec<Row> {
    let mut rows = stream(seed, 1000);
    rows.sort_by_key(|row| row.time);
    rows
}

/// Sessions end by timers at the watermark, and are those of SESSION.
#[test]
fn sessions_are_those_of_the_window_function() {
    let columns = "k STRING, s BIGINT, n BIGINT";
    let by_window = insert(
        columns,
        "SELECT k, TO_UNIXTIME(window_start), COUNT(*)
         FROM SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), INTERVAL '1' SECOND)
         GROUP BY k, window_start, window_end",
    );
    let by_function = insert(
        columns,
        "SELECT k, TO_UNIXTIME(started), `rows` FROM sessions(
           input => TABLE s PARTITION BY k, on_time => DESCRIPTOR(ts))",
    );
    let by_function = format!("{FUNCTIONS}{by_function}");
    for (seed, &(size, batch, _)) in (0..).zip(SIZES) {
        let rows = ordered(seed);
        let folder = with_plugins(files(&rows, size));
        let expected = printed_in(&folder, &by_window, batch, "1");
        assert!(expected.len() > 100, "the stream has sessions");
        assert_eq!(
            printed_in(&folder, &by_function, batch, "1"),
            expected,
            "{size}"
        );
    }
}

/// What a function gives has a time, over which windows see all of it in time.
#[test]
fn windows_over_what_a_function_gives() {
    let query = |of: &str| {
        let sql = insert(
            "s BIGINT, k STRING, n BIGINT",
            &format!(
                "SELECT TO_UNIXTIME(window_start), k, COUNT(*)
                 FROM TUMBLE(TABLE {of}, INTERVAL '10' SECONDS)
                 GROUP BY window_start, window_end, k"
            ),
        );
        let view = "CREATE VIEW amounts AS SELECT k, ts, CAST(v AS DOUBLE) AS amount FROM s;
          CREATE VIEW totals AS SELECT * FROM total(
            input => TABLE amounts PARTITION BY k, on_time => DESCRIPTOR(ts));\n";
        format!(
            "{FUNCTIONS}{STREAM}{view}{}",
            sql.strip_prefix(STREAM).unwrap()
        )
    };
    for (seed, &(size, batch, partitions)) in (0..).zip(SIZES) {
        let folder = with_plugins(files(&stream(seed, 1000), size));
        let expected = printed_in(&folder, &query("s, DESCRIPTOR(ts)"), batch, partitions);
        assert!(expected.len() > 50, "the stream fills windows");
        let printed = printed_in(
            &folder,
            &query("totals, DESCRIPTOR(rowtime)"),
            batch,
            partitions,
        );
        assert_eq!(printed, expected, "{size}");
    }
}

/// Timers of the machine's clock fire though no row comes.
#[test]
fn processing_time_goes_on_without_rows() {
    let sql = format!(
        "{FUNCTIONS}CREATE TABLE s (k STRING, name STRING, later BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
           'source.monitor-interval' = '10 ms');
         CREATE VIEW t AS SELECT k, name, 'processing' AS clock,
           CAST(EXTRACT(EPOCH FROM CAST(CURRENT_TIMESTAMP AS TIMESTAMP(3))) AS BIGINT) * 1000 + later AS at
           FROM s;
         CREATE TABLE o (k STRING, name STRING, fired BIGINT) WITH ('connector' = 'print');
         INSERT INTO o SELECT k, name, fired FROM echo(TABLE t PARTITION BY k);"
    );
    let folder = folder().with("in/a.csv", "a,soon,100\na,now,-5000\nb,next,900\n");
    let (lines, _) = folder.run_until(&sql, &[], |text| text.matches("+I").count() == 3);
    expect![[r#"
        +I[a, now, 1]
        +I[a, soon, 2]
        +I[b, next, 1]"#]]
    .assert_eq(&lines.join("\n"));
}

/// A broadcast table without end: its rows are there for those that come later.
#[test]
fn a_broadcast_table_goes_on() {
    let sql = "CREATE FUNCTION limits AS 'conformance.wasm#broadcast_limit' LANGUAGE WASM;
         CREATE TABLE s (k STRING, name STRING, `value` BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
           'source.monitor-interval' = '10 ms');
         CREATE TABLE r (name STRING, most BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'rules',
           'source.monitor-interval' = '10 ms');
         CREATE TABLE o (k STRING, name STRING, v BIGINT, n BIGINT) WITH ('connector' = 'print');
         INSERT INTO o SELECT k, name, `value`, number FROM
           limits(input => TABLE s PARTITION BY k, broadcast => TABLE r);";
    let folder = folder()
        .with("rules/a.csv", "x,10\n")
        .with("in/.hidden", "");
    let put = |name: &str, rows: &str| folder.put(name, rows);
    let (step, probes) = (Cell::new(0), Cell::new(0));
    let (mut lines, _) = folder.run_until(sql, &[], |text| {
        // Asks whether a rule is there, until it is.
        let probe = |key: &str, name: &str| {
            probes.set(probes.get() + 1);
            put(
                &format!("in/{key}{:04}.csv", probes.get()),
                &format!("{key},{name},11\n"),
            );
            text.contains(&format!("[{key}, "))
        };
        match step.get() {
            0 if probe("p", "x") => put("in/x.csv", "a,x,11\na,x,10\nb,x,12\nb,y,5\n"),
            1 if text.contains("[b, ") => put("rules/b.csv", "y,1\nx,20\n"),
            2 if probe("q", "y") => put("in/y.csv", "a,x,15\na,y,2\nb,x,21\n"),
            3 => return text.contains("[b, x, 21"),
            _ => return false,
        }
        step.set(step.get() + 1);
        false
    });
    lines.retain(|line| line.contains("[a") || line.contains("[b"));
    expect![[r#"
        +I[a, x, 11, 1]
        +I[a, y, 2, 2]
        +I[b, x, 12, 1]
        +I[b, x, 21, 2]"#]]
    .assert_eq(&lines.join("\n"));
}

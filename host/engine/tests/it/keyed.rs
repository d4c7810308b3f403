//! Ranks and joins by key over tables without end: at any size of epochs the results are those of a
//! computation by definition, which looks at all rows.

use std::{cell::Cell, collections::BTreeMap, time::Duration};

use expect_test::expect;

use crate::{
    harness::Folder,
    stream::{Row, SIZES, STREAM, files, insert, printed, stream},
};

/// The first row of each key and value, by time; no two rows of theirs have the same time.
fn firsts(rows: &[Row]) -> Vec<String> {
    let mut first: BTreeMap<(char, i64), i64> = BTreeMap::new();
    for row in rows {
        let found = first.entry((row.key, row.value)).or_insert(row.time);
        *found = row.time.min(*found);
    }
    let first = first.into_iter();
    let mut lines: Vec<_> = first
        .map(|((key, value), time)| format!("+I[{key}, {value}, {time}]"))
        .collect();
    lines.sort();
    lines
}

#[test]
fn the_first_row_of_each_key_by_time() {
    let sql = insert(
        "k STRING, v BIGINT, ms BIGINT",
        "SELECT k, v, ms FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k, v ORDER BY ts) AS place \
         FROM s) WHERE place = 1",
    );
    for (seed, size) in (0..).zip(SIZES) {
        let rows = stream(seed, 600);
        assert_eq!(printed(&rows, &sql, *size), firsts(&rows), "{size:?}");
    }
}

#[test]
fn the_first_row_of_each_key_that_came() {
    let sql = insert(
        "k STRING, v BIGINT, ms BIGINT",
        "SELECT k, v, ms FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k, v ORDER BY PROCTIME()) AS \
         place FROM s) WHERE place < 2",
    );
    for (seed, (size, batch, _)) in (10..).zip(SIZES) {
        let rows = stream(seed, 600);
        let mut first = BTreeMap::new();
        for row in &rows {
            first.entry((row.key, row.value)).or_insert(row.time);
        }
        let first = first.into_iter();
        let mut expected: Vec<_> = first
            .map(|((key, value), time)| format!("+I[{key}, {value}, {time}]"))
            .collect();
        expected.sort();
        // One reader, so that rows come in the order of the files.
        assert_eq!(
            printed(&rows, &sql, (*size, batch, "1")),
            expected,
            "{size}"
        );
    }
}

/// The rows of two streams that are so many milliseconds apart, the second less the first.
fn pairs(rows: &[Row], earliest: i64, latest: i64) -> Vec<String> {
    let mut lines = Vec::new();
    for a in rows.iter().filter(|row| row.value % 2 == 0) {
        for b in rows.iter().filter(|row| row.value % 2 != 0) {
            let between = b.time - a.time;
            if a.key == b.key && (earliest..=latest).contains(&between) {
                lines.push(format!(
                    "+I[{}, {}, {}, {}]",
                    a.key,
                    a.time,
                    b.time,
                    a.value * b.value
                ));
            }
        }
    }
    lines.sort();
    lines
}

/// Rows with an even value, and those with an odd one; and the rows at the end.
fn sides(join: &str) -> String {
    let side = |keep: &str| format!("(SELECT * FROM s WHERE {keep} OR k = 'z')");
    format!(
        "{} AS a {join} {} AS b",
        side("v % 2 = 0"),
        side("v % 2 <> 0")
    )
}

#[test]
fn rows_are_joined_by_an_interval_of_time() {
    let bounds = [
        (
            "b.ts BETWEEN a.ts - INTERVAL '2' SECOND AND a.ts + INTERVAL '3' SECOND",
            (-2000, 3000),
        ),
        (
            "a.ts <= b.ts AND b.ts < a.ts + INTERVAL '1' SECOND",
            (0, 999),
        ),
        (
            "b.ts + INTERVAL '1' SECOND > a.ts AND a.ts >= b.ts",
            (-999, 0),
        ),
        ("a.ts = b.ts", (0, 0)),
    ];
    for (seed, (condition, (earliest, latest))) in (20..).zip(bounds) {
        let sql = insert(
            "k STRING, a BIGINT, b BIGINT, product BIGINT",
            &format!(
                "SELECT a.k, a.ms, b.ms, a.v * b.v FROM {} ON a.k = b.k AND {condition}",
                sides("JOIN")
            ),
        );
        for size in SIZES {
            let rows = stream(seed, 600);
            let expected = pairs(&rows, earliest, latest);
            assert!(
                condition == "a.ts = b.ts" || expected.len() > 100,
                "rows have partners"
            );
            assert_eq!(
                printed(&rows, &sql, *size),
                expected,
                "{condition} {size:?}"
            );
        }
    }
}

#[test]
fn windows_over_a_join_by_an_interval() {
    let sql = insert(
        "s BIGINT, k STRING, n BIGINT",
        &format!(
            "SELECT TO_UNIXTIME(window_start), k, COUNT(*) FROM TABLE(TUMBLE((SELECT a.k, a.ts FROM {} \
             ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '2' SECOND AND a.ts + INTERVAL '3' SECOND), \
             DESCRIPTOR(ts), INTERVAL '10' SECONDS)) GROUP BY window_start, window_end, k",
            sides("JOIN")
        ),
    );
    for (seed, size) in (30..).zip(SIZES) {
        let rows = stream(seed, 600);
        let mut counts: BTreeMap<(i64, char), u64> = BTreeMap::new();
        for a in rows.iter().filter(|row| row.value % 2 == 0) {
            let odd = rows
                .iter()
                .filter(|row| row.value % 2 != 0 && row.key == a.key);
            let near = odd
                .filter(|b| (-2000..=3000).contains(&(b.time - a.time)))
                .count();
            if near > 0 {
                let start = a.time.div_euclid(10_000) * 10;
                *counts.entry((start, a.key)).or_default() += near as u64;
            }
        }
        let counts = counts.into_iter();
        let mut expected: Vec<_> = counts
            .map(|((start, key), count)| format!("+I[{start}, {key}, {count}]"))
            .collect();
        expected.sort();
        assert_eq!(printed(&rows, &sql, *size), expected, "{size:?}");
    }
}

#[test]
fn what_ranks_and_joins_cannot_be() {
    let folder = files(&[], 1);
    let error = |query: &str| folder.error(&insert("v BIGINT", query));
    let ranked = |over: &str, keep: &str| {
        format!("SELECT v FROM (SELECT *, ROW_NUMBER() OVER ({over}) AS place FROM s) WHERE {keep}")
    };
    expect![[r#"
        error: the query into 'o' is over tables without end and has a rank whose PARTITION BY columns or row number are left out, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS place FROM s…
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: select these columns as they are, with nothing above them but other columns of the row
    "#]].assert_eq(&error(&ranked("PARTITION BY k ORDER BY v", "place <= 3")));
    expect![[r#"
        error: the query into 'o' is over tables without end and has a rank that is not compared with a number alone, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) AS place FROM…
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: WHERE row_number <= 3 gives the first three rows of each key; filter other columns in a query inside
    "#]].assert_eq(&error(&ranked("PARTITION BY k ORDER BY ts", "place = 2")));
    expect![[r#"
        error: the query into 'o' is over tables without end and has a rank that is not compared with a number alone, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) AS place FROM…
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: WHERE row_number <= 3 gives the first three rows of each key; filter other columns in a query inside
    "#]].assert_eq(&error(&ranked(
        "PARTITION BY k ORDER BY ts",
        "place = 1 AND v > 3",
    )));
    expect![[r#"
        error: the query into 'o' is over tables without end and has a window function without PARTITION BY window_end, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT RANK() OVER (PARTITION BY k ORDER BY v) FROM s;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: over tables without end a query may project, filter, call functions, unite tables, join a table that ends, and aggregate, rank or join by windows: GROUP BY window_start, window_end over TUMBLE, HOP, CUMULATE or SESSION
    "#]].assert_eq(&error(
        "SELECT RANK() OVER (PARTITION BY k ORDER BY v) FROM s",
    ));
    expect![[r#"
        error: the query into 'o' is over tables without end and has a join of two tables without end, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT a.v FROM s AS a JOIN s AS b ON a.k = b.k AND a.ts > b.ts - INTERVAL '1' SECOND;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: bound the times of both, which must have a WATERMARK: … ON a.id = b.id AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts + INTERVAL '1' MINUTE; or join windows of both, ON a.id = b.id AND a.window_end = b.window_end
    "#]].assert_eq(&error(
        "SELECT a.v FROM s AS a JOIN s AS b ON a.k = b.k AND a.ts > b.ts - INTERVAL '1' SECOND",
    ));
    let unordered = STREAM.replace(", WATERMARK FOR ts AS ts - INTERVAL '5' SECOND", "");
    let sql = insert(
        "v BIGINT",
        "SELECT a.v FROM s AS a JOIN s AS b ON a.k = b.k AND a.ts BETWEEN b.ts AND b.ts + INTERVAL '1' \
         SECOND",
    );
    expect![[r#"
        error: the query into 'o' is over tables without end and has a join of two tables without end, for which they would have to end
         --> job.sql:5:1
          |
        5 | INSERT INTO o SELECT a.v FROM s AS a JOIN s AS b ON a.k = b.k AND a.ts BETWEEN b.ts AND b.ts + INTER…
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: bound the times of both, which must have a WATERMARK: … ON a.id = b.id AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts + INTERVAL '1' MINUTE; or join windows of both, ON a.id = b.id AND a.window_end = b.window_end
    "#]].assert_eq(&folder.error(&sql.replace(STREAM, &unordered)));
}

/// Runs a query over a folder that gets another file whenever `grows` says so of what is printed.
fn printed_while(folder: &Folder, sql: &str, ttl: &str, grows: impl Fn(&str, u32) -> bool) {
    let files = Cell::new(0);
    let settings = [("table.exec.state.ttl", ttl), ("parallelism.default", "1")];
    folder.run_until(sql, &settings, |text| {
        let done = !grows(text, files.get());
        if !done {
            files.set(files.get() + 1);
            folder.put(&format!("in/{:04}.csv", files.get()), "a,1,1000\n");
        }
        std::thread::sleep(Duration::from_millis(20));
        done
    });
}

#[test]
fn a_joined_table_is_read_again() {
    let folder = Folder::new()
        .with("in/0000.csv", "")
        .with("names/1.csv", "a,Anna\n");
    let names = "CREATE TABLE names (k STRING, name STRING) WITH ('connector' = 'filesystem', \
                 'format' = 'csv', 'path' = 'names', 'lookup.cache' = 'FULL', \
                 'lookup.full-cache.periodic-reload.interval' = '50 ms');";
    let stream = STREAM.replace("v BIGINT,", "v BIGINT, proctime AS PROCTIME(),");
    let query =
        "SELECT n.name FROM s JOIN names FOR SYSTEM_TIME AS OF s.proctime AS n ON s.k = n.k";
    let sql = insert("name STRING", query).replace(STREAM, &stream);
    printed_while(&folder, &format!("{names}{sql}"), "0 s", |text, files| {
        if text.contains("+I[Anna]") {
            folder.put("names/1.csv", "a,Berta\n");
        }
        !text.contains("+I[Berta]") && files < 1000
    });
    let printed = String::from_utf8(folder.stdout.lock().unwrap().clone()).unwrap();
    let last = printed.lines().last();
    assert_eq!(last, Some("+I[Berta]"), "{printed}");
}

#[test]
fn a_key_is_forgotten_in_time() {
    let query = "SELECT k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME()) AS place \
                 FROM s) WHERE place = 1";
    let sql = insert("k STRING", query);
    let rows = |text: &str| text.lines().count();
    // It is the first row that counts: those after it change nothing.
    for (ttl, expected) in [("0 s", 1), ("50 ms", 2)] {
        let folder = Folder::new().with("in/0000.csv", "a,1,1000\n");
        printed_while(&folder, &sql, ttl, |text, files| {
            rows(text) < 2 && files < 25
        });
        let printed = String::from_utf8(folder.stdout.lock().unwrap().clone()).unwrap();
        assert_eq!(rows(&printed), expected, "{ttl}");
    }
}

#[test]
fn what_a_lookup_cannot_be() {
    let table = |options: &str| {
        format!(
            "CREATE TABLE names (k STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', \
             'path' = 'in', {options}); SELECT * FROM names;"
        )
    };
    let folder = files(&[], 1);
    expect![[r#"
        error: table names: with 'lookup.cache' = 'FULL' it must say when it is read again
         --> job.sql:1:14
          |
        1 | CREATE TABLE names (k STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'lo…
          |              ^^^^^

        hint: for example 'lookup.full-cache.periodic-reload.interval' = '10 min'
    "#]].assert_eq(&folder.error(&table("'lookup.cache' = 'FULL'")));
    expect![[r#"
        error: table names: option 'lookup.cache' must be NONE or FULL, not 'PARTIAL'
         --> job.sql:1:14
          |
        1 | CREATE TABLE names (k STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'lo…
          |              ^^^^^
    "#]].assert_eq(&folder.error(&table("'lookup.cache' = 'PARTIAL'")));
    expect![[r#"
        error: table names: 'lookup.full-cache.periodic-reload.interval' needs 'lookup.cache' = 'FULL'
         --> job.sql:1:14
          |
        1 | CREATE TABLE names (k STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'lo…
          |              ^^^^^
    "#]].assert_eq(&folder.error(&table(
        "'lookup.full-cache.periodic-reload.interval' = '1 min'",
    )));
    expect![[r#"
        error: 's' is joined as it was at the time of a row, of which only what it is now can be had
         --> job.sql:5:43
          |
        5 | INSERT INTO o SELECT a.v FROM s AS a JOIN s FOR SYSTEM_TIME AS OF a.ts AS b ON a.k = b.k;
          |                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: leave WATERMARK out of CREATE TABLE s and join it FOR SYSTEM_TIME AS OF a column that is AS PROCTIME()
    "#]].assert_eq(&folder.error(&insert(
        "v BIGINT",
        "SELECT a.v FROM s AS a JOIN s FOR SYSTEM_TIME AS OF a.ts AS b ON a.k = b.k",
    )));
}

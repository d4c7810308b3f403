//! Functions that fail on rows, by the policy that the job sets for them.

use std::{collections::BTreeSet, thread, time::Duration};

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::{
    dead_letters::{letters, listed},
    endless::{every, shown, start, stop, wait_for_rows},
    support::Job,
};

/// A table of numbers, one of results, and one for letters.
const TABLES: &str = "
CREATE TABLE t (id BIGINT, x BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in');
CREATE TABLE out (id BIGINT, y BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
CREATE TABLE bad (source STRING, raw BYTES, `function` STRING, error STRING) WITH (
  'connector' = 'filesystem', 'format' = 'json', 'path' = 'bad');
SET 'dead-letter.table' = 'bad';
";

/// A function that hands back its argument, but for one number.
fn function(name: &str, attack: &str, policy: &str) -> String {
    format!(
        "CREATE FUNCTION {name} AS 'poison.wasm#poison' LANGUAGE WASM WITH (
           'attack' = '{attack}', 'on-error' = '{policy}', 'limit.time' = '1 s',
           'limit.memory' = '32 MiB');\n"
    )
}

fn job(sql: &str) -> Job {
    Job::new(&format!("{TABLES}{sql}")).plugin("hostile/poison")
}

/// Rows whose number is their place.
fn numbered(count: u64) -> String {
    (0..count).map(|row| format!("{row},{row}\n")).collect()
}

const KINDS: [&str; 5] = ["rows", "failed", "trap", "memory", "loop"];

#[test]
fn one_poison_row_costs_only_itself() {
    let mut told = String::new();
    for kind in KINDS {
        for policy in ["null", "dead-letter"] {
            let job = job(&format!(
                "{}INSERT INTO out SELECT id, f(x) FROM t;",
                function("f", &format!("{kind} 7777"), policy)
            ))
            .file("in/a.csv", numbered(10_000));
            let summary = job.run();
            let summary = summary.lines().filter(|line| !line.contains("INFO"));
            told += &format!(
                "{kind}, {policy}: {}\n",
                summary.collect::<Vec<_>>().join("; ")
            );
            let mut expected: Vec<_> = (0..10_000)
                .filter_map(|row| match (row, policy) {
                    (7777, "null") => Some("7777,".to_owned()),
                    (7777, _) => None,
                    (row, _) => Some(format!("{row},{row}")),
                })
                .collect();
            expected.sort();
            assert!(job.rows("out") == expected, "{kind}, {policy}");
            if policy == "dead-letter" {
                told += &listed(&letters(&job, "bad"));
            }
        }
    }
    expect![[r#"
        rows, null: exit 0; out: 10,000 rows; functions failed on 1 row and gave NULL
        rows, dead-letter: exit 0; out: 9,999 rows; 1 bad record in the dead-letter table bad
        {"error":"function f (poison.wasm#poison) failed: 7777 is poison","function":"f","raw":"{\"id\":7777,\"x\":7777}","source":"t"}
        failed, null: exit 0; out: 10,000 rows; functions failed on 1 row and gave NULL
        failed, dead-letter: exit 0; out: 9,999 rows; 1 bad record in the dead-letter table bad
        {"error":"function f (poison.wasm#poison) failed: 7777 is poison","function":"f","raw":"{\"id\":7777,\"x\":7777}","source":"t"}
        trap, null: exit 0; out: 10,000 rows; functions failed on 1 row and gave NULL
        trap, dead-letter: exit 0; out: 9,999 rows; 1 bad record in the dead-letter table bad
        {"error":"function f (poison.wasm#poison) trapped in `eval`: it panicked or aborted\n  its backtrace:\n    poison::check\n    wasmill:udf/scalar@0.2.0#[method]scalar-function.eval","function":"f","raw":"{\"id\":7777,\"x\":7777}","source":"t"}
        memory, null: exit 0; out: 10,000 rows; functions failed on 1 row and gave NULL
        memory, dead-letter: exit 0; out: 9,999 rows; 1 bad record in the dead-letter table bad
        {"error":"function f (poison.wasm#poison) ran over its memory limit of 32 MiB in `eval`: it wanted 33.0 MiB","function":"f","raw":"{\"id\":7777,\"x\":7777}","source":"t"}
        loop, null: exit 0; out: 10,000 rows; functions failed on 1 row and gave NULL
        loop, dead-letter: exit 0; out: 9,999 rows; 1 bad record in the dead-letter table bad
        {"error":"function f (poison.wasm#poison) ran over its time limit of 1 s in `eval`","function":"f","raw":"{\"id\":7777,\"x\":7777}","source":"t"}
    "#]].assert_eq(&told);
}

/// All that is poison, and nothing else, wherever it stands.
#[test]
fn many_poison_rows() {
    for kind in ["rows", "trap"] {
        for share in [1, 2, 3, 1000] {
            let rows = (0..20_000_u64).map(|row| match row % share {
                0 => (row, 13),
                _ => (row, row + 100),
            });
            let rows: Vec<_> = rows.collect();
            let text: String = rows.iter().map(|(id, x)| format!("{id},{x}\n")).collect();
            let job = job(&format!(
                "{}INSERT INTO out SELECT id, f(x) FROM t;",
                function("f", &format!("{kind} 13"), "dead-letter")
            ))
            .file("in/a.csv", text);
            let told = job.run();
            assert!(told.starts_with("exit 0\n"), "{told}");
            let (bad, good): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, x)| *x == 13);
            let mut good: Vec<_> = good.iter().map(|(id, x)| format!("{id},{x}")).collect();
            good.sort();
            assert!(job.rows("out") == good, "{kind}, one of {share}");
            assert_eq!(
                ids(&letters(&job, "bad")),
                bad.iter().map(|row| row.0).collect()
            );
        }
    }
}

/// The numbers of the rows that are letters, each once.
fn ids(letters: &[Value]) -> BTreeSet<u64> {
    let found = letters.iter().map(|letter| {
        let row: Value = serde_json::from_str(letter["raw"].as_str().unwrap()).unwrap();
        row["id"].as_u64().unwrap()
    });
    let ids: BTreeSet<_> = found.collect();
    assert_eq!(ids.len(), letters.len());
    ids
}

/// Wherever a call stands, what is left is what DataFusion gives without the call and without the
/// poison row.
#[test]
fn calls_in_all_places() {
    let queries = [
        "SELECT id, f(x) FROM t",
        "SELECT id, f(x) + f(x) FROM t",
        "SELECT id, x FROM t WHERE f(x) > 4",
        "SELECT id, x FROM t WHERE f(x) > 4 AND id <> 20 AND (f(x) < 30 OR id = 35)",
        "SELECT id, CASE WHEN x > 10 THEN f(x) ELSE -x END FROM t",
        "SELECT id, COALESCE(NULLIF(f(x), 5), -1) FROM t",
        "SELECT id, f(g(x)) FROM t",
        "SELECT id, y FROM (SELECT id, f(x) AS y FROM t) WHERE y > 4 AND id < 30",
        "SELECT f(x) / 10, SUM(id) FROM t GROUP BY f(x) / 10",
        "SELECT MOD(id, 3), SUM(f(x)) FROM t GROUP BY MOD(id, 3)",
        "SELECT MOD(id, 3), COUNT(DISTINCT f(x)) FILTER (WHERE f(x) > 10) FROM t GROUP BY MOD(id, 3)",
        "SELECT MOD(id, 3), MAX(x) FROM t GROUP BY MOD(id, 3) HAVING f(SUM(x)) > 230",
        "SELECT f(x) * 2, x FROM t GROUP BY GROUPING SETS ((f(x) * 2, x), (x))",
        "SELECT id, x FROM t ORDER BY f(x) DESC LIMIT 5",
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY MOD(id, 2) ORDER BY f(x) DESC) FROM t",
        "SELECT id, SUM(f(x)) OVER (ORDER BY id) + x FROM t",
        "SELECT a.id, b.x FROM t AS a JOIN t AS b ON a.id = b.id AND f(a.x) < b.x + 1",
        "SELECT a.id, b.y FROM t AS a LEFT JOIN (SELECT id, f(x) AS y FROM t) AS b ON a.id = b.id
         WHERE a.x <> 13",
        "SELECT id, x FROM t WHERE f(x) > 0 AND x > (SELECT AVG(f(x)) FROM t)",
        "SELECT id, x FROM t WHERE id IN (SELECT f(x) + 1 FROM t WHERE x < 20)",
        "SELECT DISTINCT f(x), 1 FROM t",
        "SELECT id, f(x) FROM t UNION ALL SELECT id, g(x) FROM t",
        "WITH c AS (SELECT id, f(x) AS y FROM t) SELECT a.id, b.y FROM c AS a, c AS b WHERE a.id = b.y",
    ];
    for query in queries {
        let functions = ["f", "g"].map(|name| function(name, "trap 13", "dead-letter"));
        let with = job(&format!("{}INSERT INTO out {query};", functions.concat()))
            .file("in/a.csv", numbered(50));
        let told = with.run();
        assert!(told.starts_with("exit 0\n"), "{query}\n{told}");
        let plain = query.replace("f(", "(").replace("g(", "(");
        let without = job(&format!("INSERT INTO out {plain};"))
            .file("in/a.csv", numbered(50).replace("\n13,13\n", "\n"));
        let told = without.run();
        assert!(told.starts_with("exit 0\n"), "{plain}\n{told}");
        let mut expected = without.rows("out");
        if query.contains(" IN ") {
            // The rows of the outer query go through no function.
            expected.push("13,13".to_owned());
            expected.sort();
        }
        assert_eq!(with.rows("out"), expected, "{query}");
        assert!(!expected.is_empty(), "{query}");
        let letters = letters(&with, "bad");
        assert_eq!(letters.is_empty(), query.contains("HAVING"), "{query}");
    }
}

/// What a row is asked before a function is called for it is asked first.
#[test]
fn rows_for_which_no_function_is_called() {
    for query in [
        "SELECT id, x FROM t WHERE x > 20 AND f(x) > 0",
        "SELECT id, x FROM t WHERE f(x) > 0 AND x > 20",
        "SELECT id, CASE WHEN x > 20 THEN f(x) ELSE x END FROM t",
        "SELECT id, y FROM (SELECT id, f(x) AS y FROM t) WHERE id > 20",
    ] {
        let job = job(&format!(
            "{}INSERT INTO out {query};",
            function("f", "trap 13", "dead-letter")
        ))
        .file("in/a.csv", numbered(50));
        let told = job.run();
        assert!(told.starts_with("exit 0\n"), "{query}\n{told}");
        assert!(!told.contains("bad record"), "{query}\n{told}");
        assert_eq!(letters(&job, "bad").len(), 0, "{query}");
    }
}

#[test]
fn functions_of_different_policies_in_one_row() {
    let functions = [
        function("f", "rows 5", "dead-letter"),
        function("g", "trap 9", "dead-letter"),
        function("n", "rows 7", "null"),
    ];
    let job = job(&format!(
        "{}INSERT INTO out SELECT id, f(x) + g(x) + n(x) FROM t WHERE f(id) = g(id);",
        functions.concat()
    ))
    .file("in/a.csv", "1,1\n2,5\n3,9\n4,7\n5,6\n9,9\n7,5\n8,8\n");
    expect![[r#"
        exit 0
        out: 3 rows
        functions failed on 1 row and gave NULL
        5 bad records in the dead-letter table bad
    "#]]
    .assert_eq(&job.run());
    expect![[r#"
        1,3
        4,
        8,24"#]]
    .assert_eq(&job.rows("out").join("\n"));
    let mut found = letters(&job, "bad");
    found.sort_by_key(|letter| letter["raw"].to_string());
    expect![[r#"
        {"error":"function f (poison.wasm#poison) failed: 5 is poison","function":"f","raw":"{\"id\":2,\"x\":5}","source":"t"}
        {"error":"function g (poison.wasm#poison) trapped in `eval`: it panicked or aborted\n  its backtrace:\n    poison::check\n    wasmill:udf/scalar@0.2.0#[method]scalar-function.eval","function":"g","raw":"{\"id\":3,\"x\":9}","source":"t"}
        {"error":"function f (poison.wasm#poison) failed: 5 is poison","function":"f","raw":"{\"id\":5,\"x\":6}","source":"t"}
        {"error":"function f (poison.wasm#poison) failed: 5 is poison","function":"f","raw":"{\"id\":7,\"x\":5}","source":"t"}
        {"error":"function g (poison.wasm#poison) trapped in `eval`: it panicked or aborted\n  its backtrace:\n    poison::check\n    wasmill:udf/scalar@0.2.0#[method]scalar-function.eval","function":"g","raw":"{\"id\":9,\"x\":9}","source":"t"}
    "#]].assert_eq(&listed(&found));
}

#[test]
fn a_function_that_fails_the_job_does_so_beside_others() {
    let functions = [
        function("f", "rows 5", "dead-letter"),
        function("g", "rows 9", "fail"),
    ];
    let job = job(&format!(
        "{}INSERT INTO out SELECT id, f(x) + g(x) FROM t;",
        functions.concat()
    ))
    .file("in/a.csv", numbered(20));
    expect![[r#"
        exit 1
        error: function g (poison.wasm#poison) failed on 1 of 19 rows: row 8: 9 is poison
    "#]]
    .assert_eq(&job.run());
    assert_eq!(job.listing(), ["in", "job.sql", "poison.wasm"]);
}

/// All columns that a letter of a function has, in a table that takes those of a source as well.
#[test]
fn letters_of_a_source_and_of_a_function() {
    let job = Job::new(&format!(
        "{}
         CREATE TABLE t (id INT, x BIGINT, name STRING, at TIMESTAMP_LTZ(3), b BYTES) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in.csv', 'on-error' = 'dead-letter');
         CREATE TABLE bad (source STRING, path STRING, line BIGINT, `timestamp` TIMESTAMP_LTZ(3),
           `key` BYTES, raw BYTES, `function` STRING, error STRING, epoch BIGINT)
         WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'bad');
         SET 'dead-letter.table' = 'bad';
         CREATE TABLE out (id INT, y BIGINT, name STRING, at TIMESTAMP_LTZ(3), b BYTES) WITH ('connector' = 'blackhole');
         INSERT INTO out SELECT id, f(x), name, at, b FROM t;",
        function("f", "rows 5", "dead-letter")
    ))
    .plugin("hostile/poison")
    .file(
        "in.csv",
        "1,1,a,2020-01-01 00:00:00Z,AA==\nx,2,b,,\n3,5,\"c \"\"d\"\"\",2020-01-01 00:00:00.5Z,AAE=\n4,5,,,\n",
    );
    expect![[r#"
        exit 0
        out: 1 row
        3 bad records in the dead-letter table bad
    "#]]
    .assert_eq(&job.run());
    let mut found = letters(&job, "bad");
    for letter in &mut found {
        let letter = letter.as_object_mut().unwrap();
        assert_eq!(
            letter.remove("timestamp").is_some(),
            letter.contains_key("function")
        );
    }
    expect![[r#"
        {"epoch":1,"error":"function f (poison.wasm#poison) failed: 5 is poison","function":"f","raw":"{\"id\":3,\"x\":5,\"name\":\"c \\\"d\\\"\",\"at\":\"2020-01-01 00:00:00.500Z\",\"b\":\"0001\"}","source":"t"}
        {"epoch":1,"error":"function f (poison.wasm#poison) failed: 5 is poison","function":"f","raw":"{\"id\":4,\"x\":5,\"name\":\"\",\"at\":null,\"b\":null}","source":"t"}
        {"epoch":1,"error":"in.csv, line 2, column id (field 1): 'x' is not an INT","line":2,"path":"in.csv","raw":"x,2,b,,","source":"t"}
    "#]].assert_eq(&listed(&found));
}

fn refused(sql: &str, expected: Expect) {
    let job = job(&format!("{}{sql}", function("f", "rows 13", "dead-letter")))
        .file("in/a.csv", numbered(20));
    let told = job.run();
    // The tables and the function come first.
    let told: Vec<_> = told.lines().filter(|line| !line.contains("-->")).collect();
    expected.assert_eq(&(told.join("\n") + "\n"));
    assert_eq!(job.listing(), ["in", "job.sql", "poison.wasm"]);
}

#[test]
fn what_cannot_be_is_refused() {
    refused(
        "SELECT f(x) FROM t;",
        expect![[r#"
        exit 2
        error: a SELECT writes no table, so the rows would be lost on which a function with 'on-error' = 'dead-letter' fails
           |
        12 | SELECT f(x) FROM t;
           | ^^^^^^^^^^^^^^^^^^

        hint: write an INSERT, or let it fail: declare the function without 'on-error'
    "#]],
    );
    refused(
        "RESET 'dead-letter.table'; INSERT INTO out SELECT id, f(x) FROM t;",
        expect![[r#"
            exit 2
            error: a function with 'on-error' = 'dead-letter' needs a table for the letters
               |
            12 | RESET 'dead-letter.table'; INSERT INTO out SELECT id, f(x) FROM t;
               |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: name it with SET 'dead-letter.table' = '…'
        "#]],
    );
    refused(
        "SET 'dead-letter.table' = 'bed'; INSERT INTO out SELECT id, f(x) FROM t;",
        expect![[r#"
            exit 2
            error: the dead-letter table 'bed' is not there
               |
            12 | SET 'dead-letter.table' = 'bed'; INSERT INTO out SELECT id, f(x) FROM t;
               |                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: did you mean 'bad'?
        "#]],
    );
    refused(
        "INSERT INTO out SELECT a.id, b.x FROM t AS a LEFT JOIN t AS b ON f(a.x) = b.x;",
        expect![[r#"
            exit 2
            error: 'f' has 'on-error' = 'dead-letter', and is called in the condition of an outer join
               |
            12 | INSERT INTO out SELECT a.id, b.x FROM t AS a LEFT JOIN t AS b ON f(a.x) = b.x;
               | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: call it in a query of its own, below: FROM (SELECT *, f(x) AS y FROM t)
        "#]],
    );
    refused(
        "INSERT INTO out VALUES (1, f(13));",
        expect![[r#"
        exit 2
        error: 'f' has 'on-error' = 'dead-letter', and is called in VALUES
           |
        12 | INSERT INTO out VALUES (1, f(13));
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: write SELECT instead of VALUES
    "#]],
    );
    refused(
        "INSERT INTO out SELECT id, f(x) + (SELECT MAX(x) FROM t) FROM t;",
        expect![[r#"
            exit 2
            error: 'f' has 'on-error' = 'dead-letter', and is called in one expression with a subquery, or with a column of the query around it
               |
            12 | INSERT INTO out SELECT id, f(x) + (SELECT MAX(x) FROM t) FROM t;
               | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: call it in a query of its own, below: FROM (SELECT *, f(x) AS y FROM t)
        "#]],
    );
    refused(
        "INSERT INTO out SELECT id, x FROM t AS a WHERE EXISTS (SELECT 1 FROM t AS b WHERE f(b.x) = a.x);",
        expect![[r#"
            exit 2
            error: 'f' has 'on-error' = 'dead-letter', and is called in one expression with a subquery, or with a column of the query around it
               |
            12 | INSERT INTO out SELECT id, x FROM t AS a WHERE EXISTS (SELECT 1 FROM t AS b WHERE f(b.x) = a.x);
               | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: call it in a query of its own, below: FROM (SELECT *, f(x) AS y FROM t)
        "#]],
    );
    refused(
        "CREATE FUNCTION g AS 'poison.wasm#poison' LANGUAGE WASM WITH ('attack' = 'rows 13', 'on-error' = 'ignore');",
        expect![[r#"
            exit 2
            error: 'on-error' cannot be 'ignore'
               |
            12 | …poison' LANGUAGE WASM WITH ('attack' = 'rows 13', 'on-error' = 'ignore');
               |                                                    ^^^^^^^^^^

            hint: it is 'fail', 'null' or 'dead-letter'
        "#]],
    );
}

/// What is read anew whenever the job begins again would have its letters again.
#[test]
fn on_the_side_with_an_end_of_a_join() {
    let sql = format!(
        "{TABLES}{}
         CREATE TABLE ticks (id BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'ticks',
           'source.monitor-interval' = '20 ms');
         INSERT INTO out SELECT k.id, b.y FROM ticks AS k
           JOIN (SELECT id, f(x) AS y FROM t) AS b ON k.id = b.id;",
        function("f", "rows 13", "dead-letter")
    );
    let job = Job::new(&sql)
        .plugin("hostile/poison")
        .file("in/a.csv", numbered(20))
        .file("ticks/a.csv", "1\n");
    expect![[r#"
        exit 2
        warning: the job has no end and takes no checkpoints: 'out' shows nothing before the job is stopped; SET 'execution.checkpointing.interval' = '10 s' shows its rows every 10 s
        error: a table with a call of a function with 'on-error' = 'dead-letter' has an end and is joined with a table without one: it is read anew whenever the job begins again, and so would be its letters
          --> job.sql:16:10
           |
        16 |          INSERT INTO out SELECT k.id, b.y FROM ticks AS k
           |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: call the function above the join
    "#]].assert_eq(&job.run());
}

/// A function that fails on row after row, and takes its time for it.
#[test]
fn rows_that_take_too_long_to_find() {
    let told = ["null", "dead-letter"].map(|policy| {
        let job = job(&format!(
            "SET 'job.limit.batch-time' = '500 ms';
             CREATE FUNCTION f AS 'poison.wasm#poison' LANGUAGE WASM WITH (
               'attack' = 'loop 13', 'on-error' = '{policy}', 'limit.time' = '200 ms');
             INSERT INTO out SELECT id, f(x) FROM t;"
        ))
        .file("in/a.csv", "1,13\n".repeat(1000));
        job.run()
    });
    assert_eq!(told[0], told[1]);
    expect![[r#"
        exit 1
        error: function f ran over its batch-time limit of 500 ms: it fails on rows of a batch, and not all of them are found

        hint: let it fail faster with a lower 'limit.time' in the function's WITH, or give it a longer 'limit.batch-time'
    "#]].assert_eq(&told[0]);
}

/// A function that does not start has no rows to leave out.
#[test]
fn a_function_that_does_not_start() {
    let job = job(
        "CREATE FUNCTION f AS 'endless-loop.wasm#loop' LANGUAGE WASM WITH (
           'attack' = 'open', 'on-error' = 'null', 'limit.time' = '200 ms');
         INSERT INTO out SELECT id, f(x) FROM t;",
    )
    .plugin("hostile/endless-loop")
    .file("in/a.csv", numbered(20));
    expect![[r#"
        exit 2
        error: function f (endless-loop.wasm#loop) ran over its time limit of 200 ms in `open`
          --> job.sql:11:10
           |
        11 |          INSERT INTO out SELECT id, f(x) FROM t;
           |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: a longer limit can be given with 'limit.time' in the function's WITH
    "#]]
    .assert_eq(&job.run());
}

/// Rows of two kinds, one in three of them poison, in a job that is killed again and again.
#[test]
fn no_kill_loses_a_letter_or_shows_one_twice() {
    const LINES: u64 = 20_000;
    let sql = format!(
        "SET 'job.epoch-rows' = '500';
         {}{}INSERT INTO out SELECT id, f(x) FROM t;",
        TABLES.replace(
            "'path' = 'in')",
            "'path' = 'in', 'source.monitor-interval' = '20 ms')"
        ),
        function("f", "rows 13", "dead-letter")
    );
    let mut job = Job::new(&every("20 ms", &sql))
        .plugin("hostile/poison")
        .file("in/0.csv", "");
    let (mut good, mut bad) = (Vec::new(), BTreeSet::new());
    for round in 1..=6_u64 {
        let mut text = String::new();
        for line in 0..LINES {
            let id = round * LINES + line;
            let x = if id.is_multiple_of(3) { 13 } else { id };
            text += &format!("{id},{x}\n");
            match x {
                13 => drop(bad.insert(id)),
                x => good.push(format!("{id},{x}")),
            }
        }
        job = job.file(&format!("in/{round}.csv"), text);
        let mut child = start(&job);
        thread::sleep(Duration::from_millis(60 + 70 * round));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let job = job.file("in/7.csv", "1,1\n2,13\n");
    good.push("1,1".to_owned());
    bad.insert(2);
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() >= good.len());
    let told = job.told(&stop(child));
    assert!(told.starts_with("exit 0\n"), "{told}");
    good.sort();
    assert!(shown(&job) == good);
    assert_eq!(ids(&letters(&job, "bad")), bad);
}

/// Below windows over time, which a job without end holds back.
#[test]
fn below_windows_of_a_job_without_end() {
    let job = Job::new(&every(
        "20 ms",
        &format!(
            "{}
             CREATE TABLE ticks (ms BIGINT, x BIGINT, ts AS TO_TIMESTAMP_MILLIS(f(ms)),
               WATERMARK FOR ts AS ts) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '20 ms');
             CREATE TABLE out (we TIMESTAMP(3), y BIGINT) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
             CREATE TABLE bad (source STRING, raw BYTES, `function` STRING) WITH (
               'connector' = 'filesystem', 'format' = 'json', 'path' = 'bad');
             SET 'dead-letter.table' = 'bad';
             INSERT INTO out SELECT window_end, SUM(g(x))
               FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '1' SECOND))
               WHERE h(x) > 0
               GROUP BY window_start, window_end HAVING g(SUM(x)) > 1;",
            [
                function("f", "rows 5", "fail"),
                function("g", "rows 13", "dead-letter"),
                function("h", "trap 14", "dead-letter")
            ]
            .concat()
        ),
    ))
    .plugin("hostile/poison")
    .file("in/a.csv", "0,1\n10,2\n20,13\n30,14\n1000,6\n1010,7\n2000,8\n9000,9\n");
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() >= 2);
    let told = job.told(&stop(child));
    assert!(told.starts_with("exit 0\n"), "{told}");
    expect![[r#"
        1970-01-01 00:00:01,3
        1970-01-01 00:00:03,8"#]]
    .assert_eq(&shown(&job).join("\n"));
    let mut found = letters(&job, "bad");
    found.sort_by_key(Value::to_string);
    expect![[r#"
        {"function":"g","raw":"{\"window_end\":\"1970-01-01 00:00:02\",\"sum(g(ticks.x))\":13,\"sum(ticks.x)\":13}","source":"ticks"}
        {"function":"g","raw":"{\"x\":13,\"window_start\":\"1970-01-01 00:00:00\",\"window_end\":\"1970-01-01 00:00:01\"}","source":"ticks"}
        {"function":"h","raw":"{\"x\":14,\"window_start\":\"1970-01-01 00:00:00\",\"window_end\":\"1970-01-01 00:00:01\"}","source":"ticks"}
    "#]].assert_eq(&listed(&found));
}

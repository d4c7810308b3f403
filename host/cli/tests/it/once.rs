//! Queries over tables that end, in a job that has another without end: their rows come once.

use std::{fs, thread, time::Duration};

use expect_test::expect;

use crate::{
    endless::{every, shown_in, start, stop, wait_for_rows},
    support::Job,
};

const TABLES: &str = "
CREATE TABLE sales (id BIGINT, shop STRING, amount DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'sales.csv');
CREATE TABLE amounts (shop STRING, amount DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'amounts.csv');
CREATE TABLE totals (shop STRING, total DOUBLE, n BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'totals');
CREATE TABLE largest (id BIGINT, amount DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'largest');
CREATE TABLE running (shop STRING, total DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'running');
CREATE TABLE said (n BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'said');
CREATE TABLE everything (id BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
CREATE TABLE numbers (id BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in' FOLLOWED);
CREATE FUNCTION total AS 'sessions.wasm#running_total' LANGUAGE WASM;
EXECUTE STATEMENT SET BEGIN
  INSERT INTO totals SELECT shop, SUM(amount), COUNT(*) FROM sales GROUP BY shop;
  INSERT INTO largest SELECT id, amount FROM sales ORDER BY amount DESC, id LIMIT 5;
  INSERT INTO running SELECT shop, total FROM total(input => TABLE amounts PARTITION BY shop);
  INSERT INTO said VALUES (1), (2);
  INSERT INTO everything SELECT id FROM numbers UNION ALL SELECT -COUNT(*) FROM sales
    UNION ALL SELECT -n FROM (SELECT COUNT(*) AS n FROM sales WHERE amount < 0);
END;";

const SINKS: [&str; 5] = ["totals", "largest", "running", "said", "out"];

/// Shops and amounts.
fn amounts() -> Vec<String> {
    let sale = |id: u64| format!("shop {},{}\n", id * 7919 % 50, id * 31 % 1000);
    (0..20_000).map(sale).collect()
}

fn shown(job: &Job) -> Vec<Vec<String>> {
    SINKS.map(|sink| shown_in(job, sink)).into()
}

/// Whatever the query, wherever the job is killed, and however often it goes on: the rows are those of
/// the same statements over tables that all end.
#[test]
fn no_kill_loses_what_comes_once_or_shows_it_twice() {
    let sales = amounts().into_iter().enumerate();
    let sales: Vec<_> = sales.map(|(id, sale)| format!("{id},{sale}")).collect();
    let numbers: String = (0..1000).map(|id| format!("{id}\n")).collect();
    let job = Job::new(&TABLES.replace(" FOLLOWED", ""))
        .plugin("sessions")
        .file("sales.csv", sales.concat())
        .file("amounts.csv", amounts().concat())
        .file("in/a.csv", &numbers);
    assert!(job.run().starts_with("exit 0\n"));
    let expected = shown(&job);
    let counts: Vec<_> = expected.iter().map(Vec::len).collect();
    assert_eq!(counts, [50, 5, 20_000, 2, 1002]);
    for sink in SINKS {
        fs::remove_dir_all(job.path(sink)).unwrap();
    }
    let followed = TABLES.replace("FOLLOWED", ", 'source.monitor-interval' = '20 ms'");
    let job = job.file("job.sql", every("10 ms", &followed));
    for attempt in 0..12 {
        let mut child = start(&job);
        thread::sleep(Duration::from_millis(10 + 15 * attempt));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // What comes later is read, and of the rest what is not there yet.
    let job = job.file("in/b.csv", "1000\n");
    let child = start(&job);
    let mut rows = wait_for_rows(&job, |rows| rows.len() >= 1003);
    let told = job.told(&stop(child));
    assert!(
        told.starts_with("exit 0\ngoing on from checkpoint "),
        "{told}"
    );
    assert_eq!(shown(&job)[..4], expected[..4]);
    rows.retain(|row| row != "1000");
    assert_eq!(rows, expected[4]);
}

/// Without checkpoints a job that is run again begins anew, as its other tables do.
#[test]
fn without_checkpoints() {
    let sql = "
CREATE TABLE sales (id BIGINT, shop STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'sales.csv', 'on-error' = 'dead-letter');
CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000');
CREATE TABLE counts (shop STRING, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE bad (error STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'bad');
CREATE TABLE nowhere (id BIGINT) WITH ('connector' = 'blackhole');
SET 'dead-letter.table' = 'bad';
EXECUTE STATEMENT SET BEGIN
  INSERT INTO nowhere SELECT id FROM numbers;
  INSERT INTO counts SELECT shop, SUM(id) FROM sales GROUP BY shop ORDER BY shop;
END;";
    let job = Job::new(sql).file("sales.csv", "1,east\nx,east\n2,west\n3,east\n");
    for _ in 0..2 {
        let child = start(&job);
        thread::sleep(Duration::from_millis(500));
        let told = job.told(&stop(child));
        let told = told.lines().filter(|line| !line.starts_with("nowhere: "));
        let told: Vec<_> = told.collect();
        expect![[r#"
            exit 0
            +I[east, 4]
            +I[west, 2]
            warning: the job has no end and takes no checkpoints: 'bad' shows nothing before the job is stopped; SET 'execution.checkpointing.interval' = '10 s' shows its rows every 10 s
            counts: 2 rows
            1 bad record in the dead-letter table bad
            stopped; what it read is in its sinks"#]]
        .assert_eq(&told.join("\n"));
    }
}

/// Whoever stops the job need not wait for all of it.
#[test]
fn ctrl_c_while_it_is_read() {
    let sql = "
CREATE TABLE many (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000000000000');
CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000');
CREATE TABLE copy (id BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
CREATE TABLE sums (total BIGINT) WITH ('connector' = 'print');
EXECUTE STATEMENT SET BEGIN
  INSERT INTO copy SELECT id FROM numbers;
  INSERT INTO sums SELECT SUM(id % 10) FROM many;
END;";
    let job = Job::new(&every("10 ms", sql));
    let child = start(&job);
    thread::sleep(Duration::from_millis(500));
    expect![[r#"
        exit 130
        error: interrupted; no sink shows any of the statement
    "#]]
    .assert_eq(&job.told(&stop(child)));
    assert_eq!(shown_in(&job, "out"), Vec::<String>::new());
}

/// A LIMIT ends a table that has no end, but nobody knows when.
#[test]
fn a_limit_is_not_waited_for() {
    let sql = "
CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1');
CREATE TABLE nowhere (id BIGINT) WITH ('connector' = 'blackhole');
CREATE TABLE ranks (id BIGINT) WITH ('connector' = 'print');
EXECUTE STATEMENT SET BEGIN
  INSERT INTO nowhere SELECT id FROM numbers;
  INSERT INTO ranks SELECT ROW_NUMBER() OVER (ORDER BY id) FROM (SELECT id FROM numbers LIMIT 3);
END;";
    expect![[r#"
        exit 2
        error: the query into 'ranks' is over tables without end and has LIMIT, for which they would have to end
         --> job.sql:7:3
          |
        7 |   INSERT INTO ranks SELECT ROW_NUMBER() OVER (ORDER BY id) FROM (SELECT id FROM numbers LIMIT 3);
          |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: over tables without end a query may project, filter, call functions, unite tables, join a table that ends, and aggregate, rank or join by windows: GROUP BY window_start, window_end over TUMBLE, HOP, CUMULATE or SESSION
    "#]].assert_eq(&Job::new(sql).run());
}

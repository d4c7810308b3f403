//! Topics that are written in transactions.

use std::{thread, time::Duration};

use expect_test::expect;
use serde_json::json;

use super::{Broker, EARLIEST, ids, is_sorted_range, numbered, start, wait_for};
use crate::support::Job;

const EXACTLY_ONCE: &str = "'format' = 'json', 'sink.delivery-guarantee' = 'exactly-once'";

/// Copies one topic into another.
fn copy(broker: &Broker, from: &str, to: &str, sink: &str) -> Job {
    Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '30 ms';
         CREATE TABLE topic (id BIGINT) {};
         CREATE TABLE copy (id BIGINT) {};
         INSERT INTO copy SELECT id FROM topic;",
        broker.with(from, EARLIEST),
        broker.with(to, sink),
    ))
}

/// Kills the process again and again while it copies; answers what the target holds in the end.
fn through_kills(
    broker: &Broker,
    sink: &str,
    wanted: impl Fn(&[u64]) -> bool,
) -> (String, Vec<u64>) {
    const ROUND: u64 = 3000;
    const ROUNDS: u64 = 7;
    let (from, to) = (broker.topic(3), broker.topic(2));
    let sink = sink.replace("[TOPIC]", &to);
    let job = copy(broker, &from, &to, &sink);
    for round in 0..ROUNDS {
        broker.produce(&from, &numbered(round * ROUND, (round + 1) * ROUND, 3));
        let child = start(&job);
        thread::sleep(Duration::from_millis(300 + 130 * round));
        child.kill();
    }
    let child = start(&job);
    broker.produce(&from, &numbered(ROUNDS * ROUND, (ROUNDS + 1) * ROUND, 3));
    let found = wait_for(
        || ids(&broker.values(&to)),
        |ids| ids.len() as u64 >= ROUND * (ROUNDS + 1) && wanted(ids),
    );
    // Nothing comes behind it.
    let output = child.stop();
    assert!(output.status.success(), "{}", job.told(&output));
    (to, found)
}

#[test]
fn exactly_once_through_kills() {
    let broker = Broker::shared();
    let sink = format!("{EXACTLY_ONCE}, 'sink.transactional-id-prefix' = '[TOPIC]'");
    let (to, _) = through_kills(broker, &sink, |_| true);
    assert!(is_sorted_range(&ids(&broker.values(&to)), 24_000));
    // There were transactions that were taken back.
    let all = broker.ask(
        "consume",
        json!({ "topic": to, "isolation": "read_uncommitted" }),
    );
    assert!(all.as_array().unwrap().len() >= 24_000);
}

/// Two topics and the dead letters are written in one transaction.
#[test]
fn several_topics_exactly_once_through_kills() {
    let broker = Broker::shared();
    let from = broker.topic(3);
    let [odd, even, bad] = [(); 3].map(|()| broker.topic(2));
    let once = |topic: &str, format: &str| {
        let options = format!(
            "'format' = '{format}', 'sink.delivery-guarantee' = 'exactly-once', \
             'sink.transactional-id-prefix' = '{from}'"
        );
        broker.with(topic, &options)
    };
    let job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '30 ms';
         CREATE TABLE topic (id BIGINT) {};
         CREATE TABLE odd (id BIGINT) {};
         CREATE TABLE even (id BIGINT) {};
         CREATE TABLE bad (raw BYTES) {};
         EXECUTE STATEMENT SET BEGIN
           INSERT INTO odd SELECT id FROM topic WHERE id % 2 = 1;
           INSERT INTO even SELECT id FROM topic WHERE id % 2 = 0;
         END;",
        broker.with(
            &from,
            &format!("{EARLIEST}, 'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'")
        ),
        once(&odd, "json"),
        once(&even, "json"),
        once(&bad, "raw"),
    ));
    const ROUND: u64 = 3000;
    for round in 0..6 {
        broker.produce(&from, &numbered(round * ROUND, (round + 1) * ROUND, 3));
        broker.send(&from, 0, &["bad"]);
        let child = start(&job);
        thread::sleep(Duration::from_millis(300 + 130 * round));
        child.kill();
    }
    let child = start(&job);
    let all = |topic: &str| ids(&broker.values(topic));
    let half = (6 * ROUND / 2) as usize;
    wait_for(
        || all(&odd).len().min(all(&even).len()),
        |rows| *rows >= half,
    );
    // Each of the two queries reads the topic by itself, and so finds the letters.
    wait_for(|| broker.values(&bad).len(), |letters| *letters >= 12);
    let output = child.stop();
    assert!(output.status.success(), "{}", job.told(&output));
    assert!(
        all(&odd)
            .into_iter()
            .eq((0..6 * ROUND).filter(|id| id % 2 == 1))
    );
    assert!(
        all(&even)
            .into_iter()
            .eq((0..6 * ROUND).filter(|id| id % 2 == 0))
    );
    assert_eq!(broker.values(&bad), ["bad"; 12]);
}

/// The process lives through it: what failed is begun again.
#[test]
fn exactly_once_through_crashes_of_the_broker() {
    let broker = Broker::start();
    let (from, to) = (broker.topic(2), broker.topic(2));
    let sink = format!("{EXACTLY_ONCE}, 'sink.transactional-id-prefix' = '{to}'");
    let job = copy(&broker, &from, &to, &sink);
    let running = start(&job);
    for round in 0..3 {
        broker.produce(&from, &numbered(round * 1000, (round + 1) * 1000, 2));
        thread::sleep(Duration::from_millis(150 * round));
        broker.kill();
        broker.start_again();
    }
    wait_for(
        || ids(&broker.values(&to)),
        |ids| is_sorted_range(ids, 3000),
    );
    let output = running.stop();
    assert!(output.status.success(), "{}", job.told(&output));
    assert!(is_sorted_range(&ids(&broker.values(&to)), 3000));
}

#[test]
fn at_least_once_through_kills() {
    let broker = Broker::shared();
    let all_there = |ids: &[u64]| {
        let mut ids = ids.to_vec();
        ids.dedup();
        is_sorted_range(&ids, 24_000)
    };
    let (_, mut found) = through_kills(broker, "'format' = 'json'", all_there);
    found.dedup();
    assert!(is_sorted_range(&found, 24_000));
}

#[test]
fn a_job_with_an_end_is_one_transaction() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    let sink = format!("{EXACTLY_ONCE}, 'sink.transactional-id-prefix' = '{topic}'");
    let job = |values: &str| {
        Job::new(&format!(
            "CREATE TABLE rows (id STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in.csv');
             CREATE TABLE topic (id BIGINT) {};
             INSERT INTO topic SELECT CAST(id AS BIGINT) FROM rows;",
            broker.with(&topic, &sink)
        ))
        .file("in.csv", values)
    };
    expect![[r#"
        exit 0
        topic: 2 rows
    "#]]
    .assert_eq(&job("1\n2\n").run());
    assert!(job("3\nx\n").run().starts_with("exit 1\n"));
    assert_eq!(broker.values(&topic), [r#"{"id":1}"#, r#"{"id":2}"#]);
    // What the failed job sent was taken back; a table with an end ends before it and behind it.
    let read = Job::new(&format!(
        "CREATE TABLE topic (id BIGINT) {};\nSELECT id FROM topic ORDER BY id;",
        broker.with(
            &topic,
            &format!("{EARLIEST}, 'scan.bounded.mode' = 'latest-offset'")
        )
    ));
    expect![[r#"
        exit 0
        +----+
        | id |
        +----+
        |  1 |
        |  2 |
        +----+
        2 rows in set
    "#]]
    .assert_eq(&read.run());
}

#[test]
fn another_process_with_the_transactional_id() {
    let broker = Broker::shared();
    let (from, to) = (broker.topic(1), broker.topic(1));
    let sink = format!("{EXACTLY_ONCE}, 'sink.transactional-id-prefix' = '{to}'");
    let (one, two) = (
        copy(broker, &from, &to, &sink),
        copy(broker, &from, &to, &sink),
    );
    broker.produce(&from, &numbered(0, 10, 1));
    let first = start(&one);
    wait_for(|| broker.values(&to).len(), |rows| *rows == 10);
    let second = start(&two);
    wait_for(|| broker.values(&to).len(), |rows| *rows == 20);
    broker.produce(&from, &numbered(10, 20, 1));
    let told = one.told(&first.end());
    expect![[r#"
        exit 1
        error: another process writes with the transactional id '[TOPIC]-copy' now

        hint: run a job once, and give each a 'sink.transactional-id-prefix' of its own; brokers also take the id from a transaction that lasts longer than 'properties.transaction.timeout.ms'
    "#]].assert_eq(&broker.hide(&told, &to));
    assert!(second.stop().status.success());
}

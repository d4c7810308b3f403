//! Topics without end: outages, checkpoints, new partitions.

use std::{thread, time::Duration};

use expect_test::expect;

use super::{Broker, EARLIEST, ids, is_sorted_range, numbered, shown, start, wait_for};
use crate::support::Job;

/// Follows a topic into the folder `out`.
fn follow(interval: &str, with: &str) -> Job {
    Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '{interval}';
         CREATE TABLE topic (id BIGINT) {with};
         CREATE TABLE copy WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'out')
           AS SELECT id FROM topic;"
    ))
}

/// A text without the reason why a connection failed, which depends on the moment, as does whether a
/// broker that starts is there at once for good.
fn hide_reason(text: &str) -> String {
    let line = |line: &str| match line.split_once("[BROKER]: ") {
        Some((waiting, _)) => format!("{waiting}[BROKER]: [REASON]\n"),
        None => format!("{line}\n"),
    };
    let mut text: String = text.lines().map(line).collect();
    const OUTAGE: &str = "waiting for the Kafka broker at [BROKER]: [REASON]\n\
                          the Kafka broker at [BROKER] is there\n";
    while text.contains(&OUTAGE.repeat(2)) {
        text = text.replace(&OUTAGE.repeat(2), OUTAGE);
    }
    text
}

fn rows(job: &Job) -> Vec<u64> {
    ids(&shown(job, "out"))
}

#[test]
fn messages_as_they_come() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    let latest = "'scan.startup.mode' = 'latest-offset', 'format' = 'json', \
                  'properties.group.id' = 'follow', 'scan.topic-partition-discovery.interval' = '100 ms'";
    broker.produce(&topic, &numbered(100, 110, 1));
    let job = follow("50 ms", &broker.with(&topic, latest));
    let child = start(&job);
    // Not before it has found where the topic ends.
    wait_for(
        || job.path(".wasmill/checkpoints/job-copy").exists(),
        |found| *found,
    );
    thread::sleep(Duration::from_millis(1000));
    broker.produce(&topic, &numbered(0, 10, 1));
    wait_for(|| rows(&job), |rows| is_sorted_range(rows, 10));
    wait_for(
        || broker.committed("follow", &topic),
        |offsets| offsets[0] == 20,
    );
    // A partition that comes later is read from its beginning.
    broker.ask(
        "grow",
        serde_json::json!({ "topic": topic, "partitions": 3 }),
    );
    broker.produce(&topic, &numbered(10, 40, 3));
    wait_for(|| rows(&job), |rows| is_sorted_range(rows, 40));
    assert!(child.stop().status.success());
    // Where it was stopped, it goes on.
    broker.produce(&topic, &numbered(40, 50, 3));
    let child = start(&job);
    wait_for(|| rows(&job), |rows| is_sorted_range(rows, 50));
    assert!(child.stop().status.success());
}

#[test]
fn a_broker_that_comes_and_goes() {
    let broker = Broker::start();
    let topic = broker.topic(2);
    broker.kill();
    let job = follow("50 ms", &broker.with(&topic, EARLIEST));
    let child = start(&job);
    thread::sleep(Duration::from_millis(1500));
    broker.start_again();
    broker.produce(&topic, &numbered(0, 100, 2));
    wait_for(|| rows(&job), |rows| is_sorted_range(rows, 100));
    broker.kill();
    thread::sleep(Duration::from_millis(1500));
    broker.start_again();
    broker.produce(&topic, &numbered(100, 200, 2));
    wait_for(|| rows(&job), |rows| is_sorted_range(rows, 200));
    let told = job.told(&child.stop());
    let (told, _) = told.split_once("stopped behind checkpoint ").unwrap();
    let told = hide_reason(&broker.hide(told, &topic));
    let away = "waiting for the Kafka broker at [BROKER]: [REASON]\n";
    let there = "the Kafka broker at [BROKER] is there\n";
    let of_the_second = told
        .strip_prefix(&format!("exit 0\n{away}{there}"))
        .and_then(|told| told.strip_suffix("copy: 200 rows\n"));
    // It is short: the client may notice it, and the end may come before it is asked again.
    let both = format!("{away}{there}");
    let may_be = ["", away, &both];
    assert!(
        of_the_second.is_some_and(|told| may_be.contains(&told)),
        "{told}"
    );
}

#[test]
fn a_sink_waits_for_its_broker() {
    let broker = Broker::start();
    let topic = broker.topic(2);
    let job = Job::new(&format!(
        "CREATE TABLE numbers (id BIGINT) WITH (
           'connector' = 'datagen', 'rows-per-second' = '500', 'fields.id.kind' = 'sequence',
           'fields.id.start' = '0', 'fields.id.end' = '1999');
         CREATE TABLE topic (id BIGINT) {};
         INSERT INTO topic SELECT id FROM numbers;",
        broker.with(&topic, "'format' = 'json'")
    ));
    let child = start(&job);
    wait_for(|| broker.values(&topic), |values| values.len() > 100);
    broker.kill();
    thread::sleep(Duration::from_millis(1500));
    broker.start_again();
    let told = job.told(&child.end());
    expect![[r#"
        exit 0
        waiting for the Kafka broker at [BROKER]: [REASON]
        the Kafka broker at [BROKER] is there
        topic: 2,000 rows
    "#]]
    .assert_eq(&hide_reason(&broker.hide(&told, &topic)));
    assert!(is_sorted_range(&ids(&broker.values(&topic)), 2000));
}

#[test]
fn a_job_stops_without_its_broker() {
    let broker = Broker::start();
    let topic = broker.topic(1);
    broker.kill();
    let job = follow("50 ms", &broker.with(&topic, EARLIEST));
    let child = start(&job);
    thread::sleep(Duration::from_millis(700));
    let told = job.told(&child.stop());
    expect![[r#"
        exit 0
        waiting for the Kafka broker at [BROKER]: [REASON]
        copy: 0 rows
        stopped behind checkpoint 1; run again, the job goes on there
    "#]]
    .assert_eq(&hide_reason(&broker.hide(&told, &topic)));
}

/// Kills the process again and again, wherever it is; in the end every message is a row once.
#[test]
fn no_kill_loses_a_message_or_shows_one_twice() {
    const ROUND: u64 = 5000;
    let broker = Broker::shared();
    let topic = broker.topic(3);
    let job = follow("20 ms", &broker.with(&topic, EARLIEST));
    for round in 0..8 {
        broker.produce(&topic, &numbered(round * ROUND, (round + 1) * ROUND, 3));
        let child = start(&job);
        thread::sleep(Duration::from_millis(100 + 90 * round));
        child.kill();
    }
    let child = start(&job);
    broker.produce(&topic, &numbered(8 * ROUND, 9 * ROUND, 3));
    let all = wait_for(|| rows(&job), |rows| rows.len() as u64 >= 9 * ROUND);
    let output = child.stop();
    assert!(output.status.success(), "{}", job.told(&output));
    assert!(is_sorted_range(&all, 9 * ROUND));
}

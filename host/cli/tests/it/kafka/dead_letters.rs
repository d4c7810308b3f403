//! Messages that cannot be read, and the tables that take them.

use std::{collections::BTreeSet, thread, time::Duration};

use expect_test::expect;
use serde_json::{Value, json};

use super::{Broker, EARLIEST, shown, start, wait_for, without_timestamps};
use crate::{
    dead_letters::{BAD, letters, listed},
    support::Job,
};

const LETTERS: &str = "'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'";

/// Copies a topic up to where it ends now into the folder `out`, and what is wrong in it into `bad`.
fn copy(columns: &str, with: &str) -> Job {
    let options = format!("WITH ('scan.bounded.mode' = 'latest-offset', {LETTERS}, ");
    Job::new(&format!(
        "{BAD}
         CREATE TABLE topic ({columns}) {};
         CREATE TABLE copy WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'out')
           AS SELECT * FROM topic;",
        with.replacen("WITH (", &options, 1)
    ))
}

/// What the user reads, the rows, and the letters.
fn outcome(job: &Job, broker: &Broker, topic: &str) -> String {
    let told = job.run();
    let rows: String = shown(job, "out")
        .iter()
        .map(|row| format!("{row}\n"))
        .collect();
    let found = listed(&letters(job, "bad"));
    broker.hide(&format!("{told}{rows}{found}"), topic)
}

#[test]
fn values_and_keys() {
    let broker = Broker::shared();
    let topic = broker.topic(2);
    let message = |partition: u32, key: Value, value: Value| json!({ "partition": partition, "key": key, "value": value, "timestamp": 1_700_000_000_000_i64 });
    broker.produce(
        &topic,
        &[
            message(0, json!(r#"{"k": 1}"#), json!(r#"{"v": 1}"#)),
            message(0, json!(r#"{"k": 2}"#), json!(r#"{"v": "two"}"#)),
            message(0, json!("nonsense"), json!(r#"{"v": 3}"#)),
            message(0, json!(null), json!(r#"{"v": 4}"#)),
            message(0, json!(r#"{"k": 5}"#), json!(null)),
            message(0, json!(r#"{"k": 6}"#), json!(r#"{"v": 6}"#)),
            message(1, json!(null), json!("{")),
        ],
    );
    let key = "'scan.startup.mode' = 'earliest-offset', 'key.format' = 'json', \
               'value.format' = 'json', 'key.fields' = 'k', 'value.fields-include' = 'EXCEPT_KEY'";
    let columns = "k INT NOT NULL, v INT, at BIGINT METADATA FROM 'offset'";
    let job = copy(columns, &broker.with(&topic, key));
    expect![[r#""#]].assert_eq(&outcome(&job, broker, &topic));
    // What nobody asks for is not wrong.
    let sql = std::fs::read_to_string(job.path("job.sql")).unwrap();
    let job = Job::new(&sql.replace("SELECT * FROM", "SELECT v FROM"));
    expect![[r#""#]].assert_eq(&outcome(&job, broker, &topic));
}

#[test]
fn other_formats() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    broker.send(
        &topic,
        0,
        &["1,one", "two,2", "3", "4,four\n5,five", "6,six"],
    );
    let with = |options: &str| {
        let options = format!("'scan.startup.mode' = 'earliest-offset', {options}");
        broker.with(&topic, &options)
    };
    let csv = copy("id INT, name STRING", &with("'format' = 'csv'"));
    expect![[r#""#]].assert_eq(&without_timestamps(&outcome(&csv, broker, &topic)));
    // Four bytes each.
    let raw = copy("id INT", &with("'format' = 'raw'"));
    expect![[r#""#]].assert_eq(&without_timestamps(&outcome(&raw, broker, &topic)));
    let avro = copy(
        "id INT NOT NULL, name STRING NOT NULL",
        &with("'format' = 'avro'"),
    );
    expect![[r#""#]].assert_eq(&without_timestamps(&outcome(&avro, broker, &topic)));
}

/// The topic of letters holds the bytes of the messages, one by one.
#[test]
fn a_topic_of_letters() {
    let broker = Broker::shared();
    let (topic, bad) = (broker.topic(1), broker.topic(1));
    let garbage = ["", "\u{0}\u{1}", "nonsense", "{\"id\": \"x\"}\n", "ä€😀"];
    broker.send(&topic, 0, &[r#"{"id": 1}"#]);
    broker.send(&topic, 0, &garbage);
    broker.send(&topic, 0, &[r#"{"id": 7}"#]);
    let job = Job::new(&format!(
        "CREATE TABLE bad (raw BYTES) {};
         CREATE TABLE topic (id INT) {};
         CREATE TABLE out (id INT) WITH ('connector' = 'print');
         INSERT INTO out SELECT id FROM topic;",
        broker.with(&bad, "'format' = 'raw'"),
        broker.with(
            &topic,
            &format!("{EARLIEST}, 'scan.bounded.mode' = 'latest-offset', {LETTERS}")
        ),
    ));
    expect![[r#""#]].assert_eq(&job.run());
    assert_eq!(broker.values(&bad), garbage);
}

#[test]
fn exactly_once_through_kills() {
    const ROUND: u64 = 3000;
    const ROUNDS: u64 = 6;
    let broker = Broker::shared();
    let (topic, bad) = (broker.topic(2), broker.topic(2));
    let once = format!(
        "'format' = 'json', 'sink.delivery-guarantee' = 'exactly-once', \
         'sink.transactional-id-prefix' = '{bad}'"
    );
    let job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '30 ms';
         CREATE TABLE bad (`partition` INT, `offset` BIGINT, raw BYTES) {};
         CREATE TABLE topic (id BIGINT) {};
         CREATE TABLE copy (id BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
         INSERT INTO copy SELECT id FROM topic;",
        broker.with(&bad, &once),
        broker.with(&topic, &format!("{EARLIEST}, {LETTERS}")),
    ));
    // Every third message of each partition is none.
    let produce = |round: u64| {
        let ids = round * ROUND..(round + 1) * ROUND;
        let message = |id: u64| {
            let value = match (id / 2).is_multiple_of(3) {
                true => format!("garbage {id}"),
                false => json!({ "id": id }).to_string(),
            };
            json!({ "value": value, "partition": id % 2 })
        };
        broker.produce(&topic, &ids.map(message).collect::<Vec<_>>());
    };
    for round in 0..ROUNDS {
        produce(round);
        let child = start(&job);
        thread::sleep(Duration::from_millis(300 + 130 * round));
        child.kill();
    }
    produce(ROUNDS);
    let count = (ROUND * (ROUNDS + 1)) as usize;
    let child = start(&job);
    wait_for(
        || broker.values(&bad).len() + shown(&job, "out").len(),
        |found| *found >= count,
    );
    let output = child.stop();
    assert!(output.status.success(), "{}", job.told(&output));
    let found: Vec<(u64, u64)> = broker
        .values(&bad)
        .iter()
        .map(|letter| {
            let letter: Value = serde_json::from_str(letter).unwrap();
            let number = |name: &str| letter[name].as_u64().unwrap();
            (number("partition"), number("offset"))
        })
        .collect();
    let distinct: BTreeSet<_> = found.iter().copied().collect();
    assert_eq!(distinct.len(), found.len());
    let half = count as u64 / 2;
    let expected =
        (0..2).flat_map(|partition| (0..half).step_by(3).map(move |offset| (partition, offset)));
    assert!(distinct.into_iter().eq(expected));
    let mut rows: Vec<u64> = shown(&job, "out")
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    rows.sort_unstable();
    assert!(
        rows.into_iter()
            .eq((0..count as u64).filter(|id| !(id / 2).is_multiple_of(3)))
    );
}

/// A topic of garbage that is larger than an epoch: the job keeps up, and stops when it is told to.
#[test]
fn a_topic_of_garbage() {
    let broker = Broker::shared();
    let topic = broker.topic(2);
    let message = |id: u64| json!({ "value": format!("garbage {id}"), "partition": id % 2 });
    broker.produce(&topic, &(0..20_000).map(message).collect::<Vec<_>>());
    let job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '50 ms';
         SET 'job.epoch-rows' = '300';
         SET 'job.batch-rows' = '100';
         {BAD}
         CREATE TABLE topic (id BIGINT) {};
         CREATE TABLE copy (id BIGINT) WITH ('connector' = 'blackhole');
         INSERT INTO copy SELECT id FROM topic;",
        broker.with(&topic, &format!("{EARLIEST}, {LETTERS}")),
    ));
    let child = start(&job);
    wait_for(|| shown(&job, "bad").len(), |found| *found >= 20_000);
    let output = child.stop();
    assert!(output.status.success(), "{}", job.told(&output));
    let found = letters(&job, "bad");
    let places = found.iter().map(|letter| {
        let number = |name: &str| letter[name].as_u64().unwrap();
        (
            number("partition"),
            number("offset"),
            letter["raw"].as_str().unwrap(),
        )
    });
    let expected = (0..2).flat_map(|partition| (0..10_000).map(move |offset| (partition, offset)));
    assert!(
        places
            .map(|(partition, offset, _)| (partition, offset))
            .eq(expected)
    );
    let raw = found.iter().all(|letter| {
        let id = 2 * letter["offset"].as_u64().unwrap() + letter["partition"].as_u64().unwrap();
        letter["raw"] == format!("garbage {id}")
    });
    assert!(raw);
}

/// Only one sink of a job can commit by itself.
#[test]
fn two_sinks_that_commit_by_themselves() {
    let broker = Broker::shared();
    let (topic, to, bad) = (broker.topic(1), broker.topic(1), broker.topic(1));
    let once = |prefix: &str, format: &str| {
        format!(
            "'format' = '{format}', 'sink.delivery-guarantee' = 'exactly-once', \
             'sink.transactional-id-prefix' = '{prefix}'"
        )
    };
    let job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '1 s';
CREATE TABLE bad (raw BYTES) {};
CREATE TABLE topic (id INT) {};
CREATE TABLE copy (id INT) {};
INSERT INTO copy SELECT id FROM topic;",
        broker.with(&bad, &once(&bad, "raw")),
        broker.with(&topic, &format!("{EARLIEST}, {LETTERS}")),
        broker.with(&to, &once(&to, "json")),
    ));
    expect![[r#""#]].assert_eq(&job.run());
}

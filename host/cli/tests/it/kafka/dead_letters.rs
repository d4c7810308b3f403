//! Messages that cannot be read, and the tables that take them.

use std::{thread, time::Duration};

use expect_test::expect;
use serde_json::{Value, json};

use super::{Broker, EARLIEST, Running, shown, start, wait_for, without_timestamps};
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
    expect![[r#"
        exit 0
        copy: 2 rows
        4 bad records in the dead-letter table bad
        {"k":1,"v":1,"at":0}
        {"k":6,"v":6,"at":5}
        {"error":"topic '[TOPIC]', partition 0, offset 1, field v: \"two\" is not an INT","key":"{\"k\": 2}","offset":1,"partition":0,"raw":"{\"v\": \"two\"}","source":"topic","timestamp":"2023-11-14 22:13:20Z","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 2, key, column 2: not a JSON object: expected ident","key":"nonsense","offset":2,"partition":0,"raw":"{\"v\": 3}","source":"topic","timestamp":"2023-11-14 22:13:20Z","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 3: column k is NOT NULL, but has no value","offset":3,"partition":0,"raw":"{\"v\": 4}","source":"topic","timestamp":"2023-11-14 22:13:20Z","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 1, offset 0, column 1: not a JSON object: EOF while parsing an object","offset":0,"partition":1,"raw":"{","source":"topic","timestamp":"2023-11-14 22:13:20Z","topic":"[TOPIC]"}
    "#]].assert_eq(&outcome(&job, broker, &topic));
    // What nobody asks for is not wrong.
    let sql = std::fs::read_to_string(job.path("job.sql")).unwrap();
    let job = Job::new(&sql.replace("SELECT * FROM", "SELECT v FROM"));
    expect![[r#"
        exit 0
        copy: 4 rows
        2 bad records in the dead-letter table bad
        {"v":1}
        {"v":3}
        {"v":4}
        {"v":6}
        {"error":"topic '[TOPIC]', partition 0, offset 1, field v: \"two\" is not an INT","key":"{\"k\": 2}","offset":1,"partition":0,"raw":"{\"v\": \"two\"}","source":"topic","timestamp":"2023-11-14 22:13:20Z","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 1, offset 0, column 1: not a JSON object: EOF while parsing an object","offset":0,"partition":1,"raw":"{","source":"topic","timestamp":"2023-11-14 22:13:20Z","topic":"[TOPIC]"}
    "#]].assert_eq(&outcome(&job, broker, &topic));
}

/// Where a row lay on which a function fails, if the query reads that.
#[test]
fn of_functions() {
    let broker = Broker::shared();
    let topic = broker.topic(2);
    let message = |partition: u32, value: Value| json!({ "partition": partition, "value": value });
    broker.produce(
        &topic,
        &[
            message(0, json!(r#"{"x": 1}"#)),
            message(0, json!(r#"{"x": 13}"#)),
            message(1, json!(r#"{"x": 13}"#)),
        ],
    );
    let with = broker.with(
        &topic,
        "'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'",
    );
    for query in [
        "SELECT f(x) AS y, p, at + 0 AS at, topic FROM topic",
        "SELECT y, n AS p, at, t AS topic FROM
           (SELECT f(x) AS y, p AS n, at, topic AS t FROM topic WHERE x > 0)",
        "SELECT f(x) AS y, 1 AS p, at, 'none' AS topic FROM topic",
    ] {
        let job = Job::new(&format!(
            "CREATE TABLE bad (topic STRING, `partition` INT, `offset` BIGINT, raw BYTES, epoch BIGINT)
             WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'bad');
             SET 'dead-letter.table' = 'bad';
             CREATE TABLE topic (x BIGINT, p INT METADATA FROM 'partition',
               at BIGINT METADATA FROM 'offset', topic STRING METADATA) {with};
             CREATE FUNCTION f AS 'poison.wasm#poison' LANGUAGE WASM WITH (
               'attack' = 'rows 13', 'on-error' = 'dead-letter');
             CREATE TABLE out WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'out')
               AS {query};"
        ))
        .plugin("hostile/poison");
        let expected = match query.contains("'none'") {
            false => expect![[r#"
                exit 0
                out: 1 row
                2 bad records in the dead-letter table bad
                {"y":1,"p":0,"at":0,"topic":"[TOPIC]"}
                {"epoch":1,"offset":1,"partition":0,"raw":"{\"x\":13,\"p\":0,\"at\":1,\"topic\":\"[TOPIC]\"}","topic":"[TOPIC]"}
                {"epoch":1,"offset":0,"partition":1,"raw":"{\"x\":13,\"p\":1,\"at\":0,\"topic\":\"[TOPIC]\"}","topic":"[TOPIC]"}
            "#]],
            true => expect![[r#"
                exit 0
                out: 1 row
                2 bad records in the dead-letter table bad
                {"y":1,"p":1,"at":0,"topic":"none"}
                {"epoch":1,"offset":0,"raw":"{\"x\":13,\"at\":0}"}
                {"epoch":1,"offset":1,"raw":"{\"x\":13,\"at\":1}"}
            "#]],
        };
        expected.assert_eq(&outcome(&job, broker, &topic));
    }
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
    expect![[r#"
        exit 0
        copy: 2 rows
        3 bad records in the dead-letter table bad
        {"id":1,"name":"one"}
        {"id":6,"name":"six"}
        {"error":"topic '[TOPIC]', partition 0, offset 1, column id (field 1): 'two' is not an INT","offset":1,"partition":0,"raw":"two,2","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 2: 1 field where 2 columns are expected","offset":2,"partition":0,"raw":"3","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 3: there is more than one record in it","offset":3,"partition":0,"raw":"4,four\n5,five","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
    "#]].assert_eq(&without_timestamps(&outcome(&csv, broker, &topic)));
    // Four bytes each.
    let raw = copy("id INT", &with("'format' = 'raw'"));
    expect![[r#"
        exit 0
        copy: 0 rows
        5 bad records in the dead-letter table bad
        {"error":"topic '[TOPIC]', partition 0, offset 0, column id: 5 bytes are not an INT","offset":0,"partition":0,"raw":"1,one","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 1, column id: 5 bytes are not an INT","offset":1,"partition":0,"raw":"two,2","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 2, column id: 1 bytes are not an INT","offset":2,"partition":0,"raw":"3","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 3, column id: 13 bytes are not an INT","offset":3,"partition":0,"raw":"4,four\n5,five","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 4, column id: 5 bytes are not an INT","offset":4,"partition":0,"raw":"6,six","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
    "#]].assert_eq(&without_timestamps(&outcome(&raw, broker, &topic)));
    let avro = copy(
        "id INT NOT NULL, name STRING NOT NULL",
        &with("'format' = 'avro'"),
    );
    expect![[r#"
        exit 0
        copy: 0 rows
        5 bad records in the dead-letter table bad
        {"error":"topic '[TOPIC]', partition 0, offset 0, field name: the message ends here","offset":0,"partition":0,"raw":"1,one","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 1, field name: its length is negative","offset":1,"partition":0,"raw":"two,2","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 2, field name: the message ends here","offset":2,"partition":0,"raw":"3","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 3, field name: the message ends here","offset":3,"partition":0,"raw":"4,four\n5,five","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 4, field name: the message ends here","offset":4,"partition":0,"raw":"6,six","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
    "#]].assert_eq(&without_timestamps(&outcome(&avro, broker, &topic)));
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
    expect![[r#"
        exit 0
        +I[1]
        +I[7]
        out: 2 rows
        5 bad records in the dead-letter table bad
    "#]]
    .assert_eq(&job.run());
    assert_eq!(broker.values(&bad), garbage);
}

/// Separates a topic of two partitions, of whose messages every third is none, into rows in files and
/// letters in another topic.
struct Separation<'a> {
    broker: &'a Broker,
    topic: String,
    bad: String,
    job: Job,
    sent: u64,
}

impl<'a> Separation<'a> {
    fn new(broker: &'a Broker) -> Self {
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
        Separation {
            broker,
            topic,
            bad,
            job,
            sent: 0,
        }
    }

    fn is_bad(id: u64) -> bool {
        (id / 2).is_multiple_of(3)
    }

    fn produce(&mut self, count: u64) {
        let message = |id: u64| {
            let value = match Self::is_bad(id) {
                true => format!("garbage {id}"),
                false => json!({ "id": id }).to_string(),
            };
            json!({ "value": value, "partition": id % 2 })
        };
        let messages: Vec<_> = (self.sent..self.sent + count).map(message).collect();
        self.broker.produce(&self.topic, &messages);
        self.sent += count;
    }

    /// Waits until all is there, and ends the job; nothing may be missing, and nothing there twice.
    fn check(self, child: Running) {
        let count = || self.broker.values(&self.bad).len() + shown(&self.job, "out").len();
        wait_for(count, |found| *found as u64 >= self.sent);
        let output = child.stop();
        assert!(output.status.success(), "{}", self.job.told(&output));
        let mut found: Vec<_> = self
            .broker
            .values(&self.bad)
            .iter()
            .map(|letter| {
                let letter: Value = serde_json::from_str(letter).unwrap();
                let number = |name: &str| letter[name].as_u64().unwrap();
                2 * number("offset") + number("partition")
            })
            .collect();
        found.sort_unstable();
        let ids = 0..self.sent;
        assert!(
            found
                .into_iter()
                .eq(ids.clone().filter(|id| Self::is_bad(*id)))
        );
        let rows = shown(&self.job, "out");
        let mut rows: Vec<u64> = rows.iter().map(|id| id.parse().unwrap()).collect();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(ids.filter(|id| !Self::is_bad(*id))));
    }
}

#[test]
fn exactly_once_through_kills() {
    let mut separation = Separation::new(Broker::shared());
    for round in 0..6 {
        separation.produce(3000);
        let child = start(&separation.job);
        thread::sleep(Duration::from_millis(300 + 130 * round));
        child.kill();
    }
    separation.produce(3000);
    let child = start(&separation.job);
    separation.check(child);
}

/// The process lives through it: what failed is begun again.
#[test]
fn exactly_once_through_crashes_of_the_broker() {
    let broker = Broker::start();
    let mut separation = Separation::new(&broker);
    let child = start(&separation.job);
    for round in 0..3 {
        separation.produce(1000);
        thread::sleep(Duration::from_millis(150 * round));
        broker.kill();
        broker.start_again();
    }
    separation.check(child);
}

/// It notes in its transactions how far the job has come, from the first on.
#[test]
fn letters_that_commit_by_themselves_cannot_come_later() {
    let broker = Broker::shared();
    let mut separation = Separation::new(broker);
    let sql = std::fs::read_to_string(separation.job.path("job.sql")).unwrap();
    let strict = sql.replace(
        "'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'",
        "'on-error' = 'fail'",
    );
    assert_ne!(strict, sql);
    separation.job = separation.job.file("job.sql", strict);
    let message = json!({ "value": "{\"id\": 1}", "partition": 0 });
    broker.produce(&separation.topic, &[message]);
    let child = start(&separation.job);
    wait_for(|| shown(&separation.job, "out").len(), |rows| *rows == 1);
    assert!(child.stop().status.success());
    let job = separation.job.file("job.sql", sql);
    let told = job.run();
    let (_, why) = told.split_once("job-copy: ").unwrap();
    expect![[r#"
        it writes 'copy', 'bad', the checkpoint is of a job that writes 'copy'

        hint: to start anew remove that folder, or give the job another name with SET 'pipeline.name'
    "#]].assert_eq(why);
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
    let ids = found.iter().map(|letter| {
        let number = |name: &str| letter[name].as_u64().unwrap();
        let id = 2 * number("offset") + number("partition");
        assert_eq!(letter["raw"], format!("garbage {id}"));
        id
    });
    // Partition by partition.
    assert!(ids.eq((0..20_000).step_by(2).chain((1..20_000).step_by(2))));
}

/// Only one sink of a job can commit by itself; topics can be written as one by one client.
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
        broker.with(
            &bad,
            &format!("{}, 'properties.linger.ms' = '7'", once(&bad, "raw"))
        ),
        broker.with(&topic, &format!("{EARLIEST}, {LETTERS}")),
        broker.with(&to, &once(&to, "json")),
    ));
    expect![[r#"
        exit 2
        error: the sinks 'copy' and 'bad' each commit by themselves, so that a crash may fall between the two
         --> job.sql:5:1
          |
        5 | INSERT INTO copy SELECT id FROM topic;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: topics can be written in one transaction, if their 'properties.*' are the same; otherwise let one sink be exactly-once in a job, and give the others 'sink.delivery-guarantee' = 'at-least-once'
    "#]].assert_eq(&job.run());
}

//! Topics that are read to an end.

use expect_test::expect;
use serde_json::json;

use super::{Broker, EARLIEST};
use crate::support::Job;

/// Copies a table of a topic into the folder `out`, by default up to where the topic ends now.
fn copy(columns: &str, with: &str) -> Job {
    let bounded = match with.contains("scan.bounded.mode") {
        true => with.to_owned(),
        false => with.replacen("WITH (", "WITH ('scan.bounded.mode' = 'latest-offset', ", 1),
    };
    let names: Vec<_> = columns
        .split(", ")
        .filter(|column| !column.starts_with("BYTES>"))
        .map(|column| column.split(' ').next().unwrap())
        .collect();
    Job::new(&format!(
        "CREATE TABLE topic ({columns}) {bounded};
         CREATE TABLE copy WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'out')
           AS SELECT {} FROM topic;",
        names.join(", ")
    ))
}

/// The rows that the job gives.
fn rows(job: &Job) -> String {
    let told = job.run();
    assert!(told.starts_with("exit 0\n"), "{told}");
    job.rows("out").join("\n")
}

#[test]
fn a_topic_with_an_end() {
    let broker = Broker::shared();
    let topic = broker.topic(2);
    broker.send(&topic, 0, &[r#"{"id": 1, "name": "one"}"#, r#"{"id": 2}"#]);
    broker.send(&topic, 1, &[r#"{"name": "three", "id": 3}"#]);
    // A deletion is no row.
    broker.produce(&topic, &[json!({ "key": "k", "value": null })]);
    let job = copy("id BIGINT, name STRING", &broker.with(&topic, EARLIEST));
    expect![[r#"
        {"id":1,"name":"one"}
        {"id":2,"name":null}
        {"id":3,"name":"three"}"#]]
    .assert_eq(&rows(&job));
}

#[test]
fn a_topic_without_messages_ends_at_once() {
    let broker = Broker::shared();
    let topic = broker.topic(2);
    let job = copy("id BIGINT", &broker.with(&topic, EARLIEST));
    expect![[r#"
        exit 0
        copy: 0 rows
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn other_formats() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    broker.send(&topic, 0, &["1;'a;b'", "2;"]);
    let csv = "'scan.startup.mode' = 'earliest-offset', 'format' = 'csv', \
               'csv.field-delimiter' = ';', 'csv.quote-character' = '''', 'csv.null-literal' = ''";
    expect![[r#"
        {"id":1,"name":"a;b"}
        {"id":2,"name":null}"#]]
    .assert_eq(&rows(&copy(
        "id BIGINT, name STRING",
        &broker.with(&topic, csv),
    )));
    let raw = "'scan.startup.mode' = 'earliest-offset', 'value.format' = 'raw'";
    expect![[r#"
        {"line":"1;'a;b'"}
        {"line":"2;"}"#]]
    .assert_eq(&rows(&copy("line STRING", &broker.with(&topic, raw))));
}

#[test]
fn avro_there_and_back() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    let columns = "id BIGINT, name STRING, at TIMESTAMP(3)";
    let avro = "'scan.startup.mode' = 'earliest-offset', 'format' = 'avro'";
    let written = Job::new(&format!(
        "CREATE TABLE topic ({columns}) {};
         INSERT INTO topic VALUES (1, 'one', TIMESTAMP '2026-01-02 03:04:05.678'), (2, NULL, NULL);",
        broker.with(&topic, avro)
    ));
    assert!(written.run().starts_with("exit 0\n"));
    expect![[r#"
        {"id":1,"name":"one","at":"2026-01-02 03:04:05.678"}
        {"id":2,"name":null,"at":null}"#]]
    .assert_eq(&rows(&copy(columns, &broker.with(&topic, avro))));
}

#[test]
fn keys() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    broker.produce(
        &topic,
        &[
            json!({ "key": r#"{"id": 7, "part": "x"}"#, "value": r#"{"id": 1, "name": "seven"}"# }),
            json!({ "key": null, "value": r#"{"id": 2, "name": "no key"}"# }),
            json!({ "key": r#"{"id": 9}"#, "value": r#"{"name": "nine"}"# }),
        ],
    );
    let key = "'scan.startup.mode' = 'earliest-offset', 'key.format' = 'json', \
               'value.format' = 'json', 'key.fields' = 'k_id;k_part', \
               'key.fields-prefix' = 'k_', 'value.fields-include' = 'EXCEPT_KEY'";
    expect![[r#"
        {"k_id":7,"name":"seven","k_part":"x","id":1}
        {"k_id":9,"name":"nine","k_part":null,"id":null}
        {"k_id":null,"name":"no key","k_part":null,"id":2}"#]]
    .assert_eq(&rows(&copy(
        "k_id BIGINT, name STRING, k_part STRING, id BIGINT",
        &broker.with(&topic, key),
    )));
    // What stands in both is the value's, as in Flink.
    let both = "'scan.startup.mode' = 'earliest-offset', 'key.format' = 'json', \
                'value.format' = 'json', 'key.fields' = 'id'";
    expect![[r#"
        {"id":1,"name":"seven"}
        {"id":2,"name":"no key"}
        {"id":null,"name":"nine"}"#]]
    .assert_eq(&rows(&copy(
        "id BIGINT, name STRING",
        &broker.with(&topic, both),
    )));
}

#[test]
fn metadata() {
    let broker = Broker::shared();
    let topic = broker.topic(2);
    let headers = [["trace", "abc"], ["trace", "def"], ["none", ""]];
    broker.produce(
        &topic,
        &[
            json!({ "value": "a", "partition": 0, "timestamp": 1_700_000_000_123_i64 }),
            json!({ "value": "b", "partition": 1, "timestamp": 1_700_000_000_456_i64, "headers": headers }),
        ],
    );
    let columns = "line STRING, topic STRING METADATA, part INT METADATA FROM 'partition', \
                   offset BIGINT METADATA, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', \
                   kind STRING METADATA FROM 'timestamp-type', \
                   headers MAP<STRING, BYTES> METADATA";
    let raw = "'scan.startup.mode' = 'earliest-offset', 'format' = 'raw'";
    let told = rows(&copy(columns, &broker.with(&topic, raw)));
    expect![[r#"
        {"line":"a","topic":"[TOPIC]","part":0,"offset":0,"ts":"2023-11-14 22:13:20.123Z","kind":"CreateTime","headers":{}}
        {"line":"b","topic":"[TOPIC]","part":1,"offset":0,"ts":"2023-11-14 22:13:20.456Z","kind":"CreateTime","headers":{"trace":"ZGVm","none":""}}"#]]
    .assert_eq(&broker.hide(&told, &topic));
    // Columns of metadata alone.
    let job = Job::new(&format!(
        "CREATE TABLE topic ({columns}) {};
         SELECT SUM(offset) AS offsets, COUNT(*) AS n FROM topic;",
        broker.with(
            &topic,
            &format!("'scan.bounded.mode' = 'latest-offset', {raw}")
        ),
    ));
    expect![[r#"
        exit 0
        +---------+---+
        | offsets | n |
        +---------+---+
        |       0 | 2 |
        +---------+---+
        1 row in set
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn where_to_begin_and_to_end() {
    let broker = Broker::shared();
    let topic = broker.topic(2);
    let message = |partition, value: &str, timestamp: i64| json!({ "partition": partition, "value": value, "timestamp": timestamp });
    broker.produce(
        &topic,
        &[
            message(0, "a0", 1000),
            message(0, "a1", 2000),
            message(0, "a2", 3000),
            message(1, "b0", 1500),
            message(1, "b1", 2500),
        ],
    );
    let read = |options: &str| {
        let with = broker.with(&topic, &format!("'format' = 'raw', {options}"));
        rows(&copy("line STRING", &with))
            .replace("{\"line\":\"", "")
            .replace("\"}", "")
            .replace('\n', " ")
    };
    let earliest = "'scan.startup.mode' = 'earliest-offset'";
    assert_eq!(read(earliest), "a0 a1 a2 b0 b1");
    assert_eq!(read("'scan.startup.mode' = 'latest-offset'"), "");
    assert_eq!(
        read("'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '2000'"),
        "a1 a2 b1"
    );
    assert_eq!(
        read("'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '2700'"),
        "a2"
    );
    assert_eq!(
        read(
            "'scan.startup.mode' = 'specific-offsets', \
             'scan.startup.specific-offsets' = 'partition:0,offset:2;partition:1,offset:1'"
        ),
        "a2 b1"
    );
    // A partition that is not named begins with its first message.
    assert_eq!(
        read(
            "'scan.startup.mode' = 'specific-offsets', \
             'scan.startup.specific-offsets' = 'partition:0,offset:2'"
        ),
        "a2 b0 b1"
    );
    assert_eq!(
        read(&format!(
            "{earliest}, 'scan.bounded.mode' = 'timestamp', \
             'scan.bounded.timestamp-millis' = '2200'"
        )),
        "a0 a1 b0"
    );
    assert_eq!(
        read(&format!(
            "{earliest}, 'scan.bounded.mode' = 'specific-offsets', \
             'scan.bounded.specific-offsets' = 'partition:0,offset:1;partition:1,offset:2'"
        )),
        "a0 b0 b1"
    );

    let group = format!("'properties.group.id' = 'group-{topic}'");
    let with = broker.with(
        &topic,
        &format!("'format' = 'raw', 'scan.bounded.mode' = 'latest-offset', {group}"),
    );
    let told = copy("line STRING", &with).run();
    expect![[r#"
        exit 1
        error: topic '[TOPIC]', partition 0: the group 'group-[TOPIC]' has committed no offset to begin at

        hint: 'properties.auto.offset.reset' = 'earliest' or 'latest' says where to begin then; 'scan.startup.mode' begins elsewhere
    "#]]
    .assert_eq(&broker.hide(&told, &topic));
    assert_eq!(
        read(&format!(
            "{group}, 'properties.auto.offset.reset' = 'earliest'"
        )),
        "a0 a1 a2 b0 b1"
    );
    broker.ask(
        "commit",
        json!({ "group": format!("group-{topic}"), "topic": topic, "offsets": [1, 2] }),
    );
    assert_eq!(read(&group), "a1 a2");
    assert_eq!(
        read(&format!(
            "{earliest}, 'scan.bounded.mode' = 'group-offsets', {group}"
        )),
        "a0 b0 b1"
    );
}

#[test]
fn several_topics() {
    let broker = Broker::shared();
    let (one, two) = (broker.topic(2), broker.topic(1));
    broker.send(&one, 0, &["one0"]);
    broker.send(&one, 1, &["one1"]);
    broker.send(&two, 0, &["two0", "two0"]);
    let raw = "'scan.startup.mode' = 'earliest-offset', 'format' = 'raw'";
    let both = broker.with(&format!("{one};{two}"), raw);
    let expected =
        "{\"line\":\"one0\"}\n{\"line\":\"one1\"}\n{\"line\":\"two0\"}\n{\"line\":\"two0\"}";
    assert_eq!(rows(&copy("line STRING", &both)), expected);
    let pattern = both.replace(
        &format!("'topic' = '{one};{two}'"),
        &format!("'topic-pattern' = '{one}|{two}'"),
    );
    assert_ne!(pattern, both);
    assert_eq!(rows(&copy("line STRING", &pattern)), expected);
}

//! Topics that are written.

use expect_test::expect;
use serde_json::Value;

use super::Broker;
use crate::support::Job;

fn write(broker: &Broker, topic: &str, columns: &str, options: &str, values: &str) -> String {
    let job = Job::new(&format!(
        "CREATE TABLE topic ({columns}) {};\nINSERT INTO topic {values};",
        broker.with(topic, options)
    ));
    broker.hide(&job.run(), topic)
}

/// Partition, key and value of each message.
fn lines(messages: &[Value]) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("NULL").to_owned();
    let line = |message: &Value| {
        let (key, value) = (text(&message["key"]), text(&message["value"]));
        format!("{} {key} {value}", message["partition"])
    };
    messages.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn rows_are_messages() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    let values = "VALUES (1, 'one'), (2, NULL)";
    let columns = "id BIGINT, name STRING";
    expect![[r#"
        exit 0
        topic: 2 rows
    "#]]
    .assert_eq(&write(broker, &topic, columns, "'format' = 'json'", values));
    assert_eq!(
        broker.values(&topic),
        [r#"{"id":1,"name":"one"}"#, r#"{"id":2,"name":null}"#]
    );
}

#[test]
fn keys() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    let key = "'key.format' = 'json', 'value.format' = 'csv', 'key.fields' = 'k_id', \
               'key.fields-prefix' = 'k_', 'value.fields-include' = 'EXCEPT_KEY'";
    write(
        broker,
        &topic,
        "k_id BIGINT, name STRING, id BIGINT",
        key,
        "VALUES (1, 'one', 10), (2, 'two', 20)",
    );
    let raw = "'key.format' = 'raw', 'key.fields' = 'name', 'format' = 'json'";
    write(
        broker,
        &topic,
        "id BIGINT, name STRING",
        raw,
        "VALUES (3, 'three')",
    );
    expect![[r#"
        0 {"id":1} one,10
        0 {"id":2} two,20
        0 three {"id":3,"name":"three"}"#]]
    .assert_eq(&lines(&broker.messages(&topic)));
}

/// The key decides on the partition, as it does for Java's and Python's clients.
#[test]
fn keys_go_where_other_clients_send_them() {
    let broker = Broker::shared();
    let (ours, theirs) = (broker.topic(7), broker.topic(7));
    let names: Vec<_> = (0..40).map(|id| format!("key {id}")).collect();
    let values: Vec<_> = names.iter().map(|name| format!("('{name}')")).collect();
    let raw = "'key.format' = 'raw', 'key.fields' = 'name', 'format' = 'raw'";
    let values = format!("VALUES {}", values.join(", "));
    write(broker, &ours, "name STRING", raw, &values);
    let messages = names
        .iter()
        .map(|name| serde_json::json!({ "key": name, "value": name }));
    broker.produce(&theirs, &messages.collect::<Vec<_>>());
    let sorted = |topic: &str| {
        let lines = lines(&broker.messages(topic));
        let mut lines: Vec<_> = lines.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&ours), sorted(&theirs));
}

#[test]
fn partitioners() {
    let broker = Broker::shared();
    let columns = "id BIGINT";
    let values = "VALUES (1), (2), (3), (4)";
    let topic = broker.topic(2);
    let robin = "'format' = 'csv', 'sink.partitioner' = 'round-robin'";
    write(broker, &topic, columns, robin, values);
    let mut partitions: Vec<_> = broker
        .messages(&topic)
        .iter()
        .map(|message| message["partition"].as_u64().unwrap())
        .collect();
    partitions.sort_unstable();
    assert_eq!(partitions, [0, 0, 1, 1]);
    let topic = broker.topic(2);
    let fixed = "'format' = 'csv', 'sink.partitioner' = 'fixed'";
    write(broker, &topic, columns, fixed, values);
    let messages = broker.messages(&topic);
    assert_eq!(messages.len(), 4);
    assert!(
        messages
            .iter()
            .all(|message| message["partition"] == messages[0]["partition"])
    );
}

/// Ours is for those who do not ask for one of the client's.
#[test]
fn a_partitioner_of_the_client() {
    let broker = Broker::shared();
    let topic = broker.topic(8);
    let murmur = "'format' = 'csv', 'properties.partitioner' = 'murmur2'";
    for _ in 0..4 {
        write(broker, &topic, "id BIGINT", murmur, "VALUES (1), (2)");
    }
    let messages = broker.messages(&topic);
    assert_eq!(messages.len(), 8);
    let partition = &messages[0]["partition"];
    assert!(
        messages
            .iter()
            .all(|message| message["partition"] == *partition)
    );
}

#[test]
fn timestamps_and_headers() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    write(
        broker,
        &topic,
        "line STRING, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', \
         headers MAP<STRING, BYTES> METADATA, offset BIGINT METADATA VIRTUAL",
        "'format' = 'raw'",
        "SELECT 'a', TO_TIMESTAMP_LTZ(1700000000123, 3), MAP['trace', CAST('abc' AS BYTES)]",
    );
    let messages = broker.messages(&topic);
    expect![[r#"{"headers":[["trace","abc"]],"key":null,"offset":0,"partition":0,"timestamp":1700000000123,"value":"a"}"#]].assert_eq(&messages[0].to_string());
}

#[test]
fn an_unknown_topic() {
    let broker = Broker::shared();
    expect![[r#"
        exit 1
        error: a message for the topic '[TOPIC]' was not delivered: Broker: Unknown topic or partition

        hint: create it first: kafka-topics.sh --create --topic [TOPIC]
    "#]].assert_eq(&write(
        broker,
        "missing",
        "id BIGINT",
        "'format' = 'csv', 'properties.topic.metadata.propagation.max.ms' = '500'",
        "VALUES (1)",
    ));
}

#[test]
fn upserts() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    let with = broker
        .with(
            &topic,
            "'key.format' = 'json', 'value.format' = 'json', \
             'value.fields-include' = 'EXCEPT_KEY'",
        )
        .replace("'kafka'", "'upsert-kafka'");
    let job = Job::new(&format!(
        "CREATE TABLE topic (id BIGINT, part STRING, total DOUBLE, \
           PRIMARY KEY (id, part) NOT ENFORCED) {with};
         INSERT INTO topic VALUES (1, 'a', 1.5), (1, 'a', 2.5);"
    ));
    assert!(job.run().starts_with("exit 0\n"));
    expect![[r#"
        0 {"id":1,"part":"a"} {"total":1.5}
        0 {"id":1,"part":"a"} {"total":2.5}"#]]
    .assert_eq(&lines(&broker.messages(&topic)));
}

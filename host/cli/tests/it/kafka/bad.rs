//! What a user reads when something is wrong.

use expect_test::expect;
use serde_json::json;

use super::{Broker, EARLIEST};
use crate::support::Job;

fn told(broker: &Broker, topic: &str, columns: &str, options: &str) -> String {
    let job = Job::new(&format!(
        "CREATE TABLE topic ({columns}) {};
         INSERT INTO out SELECT id FROM topic;",
        broker.with(topic, options)
    ));
    let sql = std::fs::read_to_string(job.path("job.sql")).unwrap();
    let job = job.file(
        "job.sql",
        format!("CREATE TABLE out (id BIGINT) WITH ('connector' = 'print');\n{sql}"),
    );
    broker.hide(&job.run(), topic)
}

#[test]
fn a_bad_message() {
    let broker = Broker::shared();
    let topic = broker.topic(2);
    broker.send(&topic, 1, &[r#"{"id": 1}"#, r#"{"id": "x"}"#]);
    let bounded = format!("{EARLIEST}, 'scan.bounded.mode' = 'latest-offset'");
    expect![[r#"
        exit 1
        error: topic '[TOPIC]', partition 1, offset 1, field id: "x" is not a BIGINT

        hint: 'json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
    "#]].assert_eq(&told(broker, &topic, "id BIGINT", &bounded));
    let ignored = format!("{bounded}, 'json.ignore-parse-errors' = 'true'");
    expect![[r#"
        exit 0
        +I[1]
        +I[null]
        out: 2 rows
        1 bad value or row ignored
    "#]]
    .assert_eq(&told(broker, &topic, "id BIGINT", &ignored));
    let topic = broker.topic(1);
    broker.produce(
        &topic,
        &[json!({ "key": "k", "value": r#"{"name": "a"}"#, "partition": 0 })],
    );
    let key = "'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', \
               'key.format' = 'json', 'value.format' = 'json', 'key.fields' = 'id', \
               'value.fields-include' = 'EXCEPT_KEY'";
    expect![[r#"
        exit 1
        error: topic '[TOPIC]', partition 0, offset 0, key, column 1: not a JSON object: expected value

        hint: 'key.json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
    "#]].assert_eq(&told(broker, &topic, "id BIGINT, name STRING", key));
}

#[test]
fn an_unknown_topic() {
    let broker = Broker::shared();
    expect![[r#"
        exit 1
        error: table topic: there is no topic '[TOPIC]' at the Kafka broker [BROKER]

        hint: create it first: kafka-topics.sh --create --topic [TOPIC]
    "#]]
    .assert_eq(&told(broker, "missing", "id BIGINT", EARLIEST));
}

#[test]
fn a_wrong_password() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    broker.send(&topic, 0, &["1"]);
    let csv = "'format' = 'csv', 'scan.startup.mode' = 'earliest-offset', \
               'scan.bounded.mode' = 'latest-offset'";
    let told = |password| {
        let with = broker.secured(&topic, password, csv);
        let sql = format!("CREATE TABLE topic (id BIGINT) {with};\nSELECT id FROM topic;");
        broker.hide(&Job::new(&sql).run(), &topic)
    };
    expect![[r#"
        exit 0
        +----+
        | id |
        +----+
        |  1 |
        +----+
        1 row in set
    "#]]
    .assert_eq(&told("wonder;land"));
    expect![[r#"
        exit 1
        error: table topic: the Kafka broker at [BROKER] cannot be talked to: Invalid username or password

        hint: 'properties.security.protocol', 'properties.sasl.*' and 'properties.ssl.*' must fit the broker
    "#]].assert_eq(&told("wonderland"));
}

#[test]
fn messages_that_are_gone() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    broker.send(&topic, 0, &["1", "2", "3", "4"]);
    broker.ask(
        "forget_records",
        json!({ "topic": topic, "partition": 0, "before": 2 }),
    );
    let specific = "'format' = 'csv', 'scan.startup.mode' = 'specific-offsets', \
                    'scan.startup.specific-offsets' = 'partition:0,offset:1', \
                    'scan.bounded.mode' = 'latest-offset'";
    expect![[r#"
        exit 1
        error: topic '[TOPIC]', partition 0: offset 1, at which the reading is to go on, is not there: the partition holds 2 to 4

        hint: messages were deleted before they were read, or the topic was made anew; 'properties.auto.offset.reset' = 'earliest' goes on with what is there
    "#]].assert_eq(&told(broker, &topic, "id BIGINT", specific));
    let reset = format!("{specific}, 'properties.auto.offset.reset' = 'earliest'");
    expect![[r#"
        exit 0
        +I[3]
        +I[4]
        out: 2 rows
    "#]]
    .assert_eq(&told(broker, &topic, "id BIGINT", &reset));
}

#[test]
fn wrong_definitions() {
    let broker = Broker::shared();
    let told = |columns: &str, options: &str| told(broker, "no-such-topic", columns, options);
    expect![[r#"
        exit 2
        error: table topic: 'scan.startup.mode' = 'group-offsets', which is the default, needs 'properties.group.id'
         --> job.sql:2:14
          |
        2 | CREATE TABLE topic (id BIGINT) WITH ('connector' = 'kafka', 'topic' = '[TOPIC]', 'properties.b…
          |              ^^^^^

        hint: to read from the beginning set 'scan.startup.mode' = 'earliest-offset'
    "#]].assert_eq(&told("id BIGINT", "'format' = 'json'"));
    expect![[r#"
        exit 2
        error: table topic: option 'properties.isolation.levle' is none of the client's
         --> job.sql:2:14
          |
        2 | CREATE TABLE topic (id BIGINT) WITH ('connector' = 'kafka', 'topic' = '[TOPIC]', 'properties.b…
          |              ^^^^^

        hint: did you mean 'isolation.level'?
    "#]].assert_eq(&told(
        "id BIGINT",
        &format!("{EARLIEST}, 'properties.isolation.levle' = 'read_uncommitted'"),
    ));
    expect![[r#"
        exit 2
        error: table topic: option 'properties.isolation.level' is refused by the client: Invalid value "read" for configuration property "isolation.level"
         --> job.sql:2:14
          |
        2 | CREATE TABLE topic (id BIGINT) WITH ('connector' = 'kafka', 'topic' = '[TOPIC]', 'properties.b…
          |              ^^^^^
    "#]].assert_eq(&told(
        "id BIGINT",
        &format!("{EARLIEST}, 'properties.isolation.level' = 'read'"),
    ));
    expect![[r#"
        exit 2
        error: table topic: option 'properties.ssl.truststore.location' is a key store of Java's, which cannot be read
         --> job.sql:2:14
          |
        2 | CREATE TABLE topic (id BIGINT) WITH ('connector' = 'kafka', 'topic' = '[TOPIC]', 'properties.b…
          |              ^^^^^

        hint: 'properties.ssl.ca.location' names a PEM file with the authority's certificates
    "#]].assert_eq(&told(
        "id BIGINT",
        &format!("{EARLIEST}, 'properties.ssl.truststore.location' = 'x.jks'"),
    ));
    expect![[r#"
        exit 2
        error: table topic: option 'scan.startup.mode' must be 'group-offsets' or 'earliest-offset' or 'latest-offset' or 'timestamp' or 'specific-offsets', not 'earliest'
         --> job.sql:2:14
          |
        2 | CREATE TABLE topic (id BIGINT) WITH ('connector' = 'kafka', 'topic' = '[TOPIC]', 'properties.b…
          |              ^^^^^
    "#]].assert_eq(&told(
        "id BIGINT",
        "'scan.startup.mode' = 'earliest', 'format' = 'json'",
    ));
    expect![[r#"
        exit 2
        error: table topic: 'key.fields' names key, which is no physical column
         --> job.sql:2:14
          |
        2 | CREATE TABLE topic (id BIGINT) WITH ('connector' = 'kafka', 'topic' = '[TOPIC]', 'properties.b…
          |              ^^^^^
    "#]].assert_eq(&told(
        "id BIGINT",
        &format!("{EARLIEST}, 'key.format' = 'raw', 'key.fields' = 'key'"),
    ));
    expect![[r#"
        exit 2
        error: table topic: column offset must be BIGINT, not STRING
         --> job.sql:2:14
          |
        2 | CREATE TABLE topic (id BIGINT, offset STRING METADATA) WITH ('connector' = 'kafka', 'topic' = 'no-su…
          |              ^^^^^
    "#]].assert_eq(&told("id BIGINT, offset STRING METADATA", EARLIEST));
    expect![[r#"
        exit 2
        error: table topic: column o reads the metadata 'offsets', which the connector 'kafka' does not have
         --> job.sql:2:14
          |
        2 | CREATE TABLE topic (id BIGINT, o BIGINT METADATA FROM 'offsets') WITH ('connector' = 'kafka', 'topic…
          |              ^^^^^

        hint: did you mean 'offset'?
    "#]].assert_eq(&told(
        "id BIGINT, o BIGINT METADATA FROM 'offsets'",
        EARLIEST,
    ));
}

#[test]
fn sinks_that_cannot_be() {
    let broker = Broker::shared();
    let told = |columns: &str, connector: &str, options: &str| {
        let with = broker.with("t", options);
        let with = with.replace("'kafka'", &format!("'{connector}'"));
        let job = Job::new(&format!(
            "CREATE TABLE topic ({columns}) {with};\nINSERT INTO topic (id) VALUES (1);"
        ));
        broker.hide(&job.run(), "no-such-topic")
    };
    expect![[r#"
        exit 2
        error: table topic: column o is the metadata 'offset', which cannot be written
         --> job.sql:1:14
          |
        1 | CREATE TABLE topic (id BIGINT, o BIGINT METADATA FROM 'offset') WITH ('connector' = 'kafka', 'topic'…
          |              ^^^^^

        hint: declare it METADATA VIRTUAL, then it is only read
    "#]].assert_eq(&told(
        "id BIGINT, o BIGINT METADATA FROM 'offset'",
        "kafka",
        "'format' = 'json'",
    ));
    expect![[r#"
        exit 2
        error: table topic: option 'sink.transactional-id-prefix' is missing
         --> job.sql:1:14
          |
        1 | CREATE TABLE topic (id BIGINT) WITH ('connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.ser…
          |              ^^^^^

        hint: for example 'sink.transactional-id-prefix' = 'my-job'
    "#]].assert_eq(&told(
        "id BIGINT",
        "kafka",
        "'format' = 'json', 'sink.delivery-guarantee' = 'exactly-once'",
    ));
    expect![[r#"
        exit 2
        error: table topic: the connector 'upsert-kafka' needs a PRIMARY KEY
         --> job.sql:1:14
          |
        1 | CREATE TABLE topic (id BIGINT) WITH ('connector' = 'upsert-kafka', 'topic' = 't', 'properties.bootst…
          |              ^^^^^

        hint: for example PRIMARY KEY (id) NOT ENFORCED
    "#]].assert_eq(&told(
        "id BIGINT",
        "upsert-kafka",
        "'key.format' = 'json', 'value.format' = 'json'",
    ));
    let reading = Job::new(&format!(
        "CREATE TABLE topic (id BIGINT, PRIMARY KEY (id) NOT ENFORCED) {};\nSELECT * FROM topic;",
        broker
            .with("t", "'key.format' = 'json', 'value.format' = 'json'")
            .replace("'kafka'", "'upsert-kafka'")
    ));
    expect![[r#"
        exit 2
        error: this query needs all rows of a table that never ends, so it would never give a result: it has a table of changes
         --> job.sql:2:1
          |
        2 | SELECT * FROM topic;
          | ^^^^^^^^^^^^^^^^^^^

        hint: over an unbounded table write projections and filters; a datagen table ends with 'number-of-rows'
    "#]].assert_eq(&broker.hide(&reading.run(), "no-such-topic"));
}

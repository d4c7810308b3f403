//! Topics whose messages have their schemas in a registry.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, OnceLock};

use expect_test::expect;
use serde_json::{Value, json};

use super::{Broker, without_timestamps};
use crate::dead_letters::{BAD, letters, listed};
use crate::support::{Job, cache, python, root};

/// A registry that ends with its standard input, and so with this process, however that ends.
struct Registry {
    link: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    _process: Child,
    /// Where it is, and where it is behind a door.
    ports: [String; 2],
}

impl Registry {
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = std::env::var_os("WASMILL_SCHEMA_REGISTRY")
            .map_or_else(|| cache().join("schema-registry/3.0.9"), PathBuf::from);
        assert!(
            folder.is_dir(),
            "there is no schema registry in {}: run cargo xtask setup",
            folder.display()
        );
        let mut process = python()
            .arg(root().join("host/cli/tests/it/kafka/registry.py"))
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut ports = String::new();
        answers.read_line(&mut ports).unwrap();
        let (port, door) = ports.trim().split_once(' ').expect("the registry starts");
        Self {
            ports: [port.to_owned(), door.to_owned()],
            link: Mutex::new((process.stdin.take().unwrap(), answers)),
            _process: process,
        }
    }

    /// What a function of `registry.py` answers.
    fn ask(&self, function: &str, mut arguments: Value) -> Value {
        arguments["do"] = function.into();
        let mut link = self.link.lock().unwrap();
        writeln!(link.0, "{arguments}").unwrap();
        let mut answer = String::new();
        link.1.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer)
            .unwrap_or_else(|_| panic!("{function}: the registry's client has failed, see above"))
    }

    fn produce(&self, broker: &Broker, topic: &str, messages: &[Value]) {
        let bootstrap = format!("localhost:{}", broker.port);
        let messages = json!({ "bootstrap": bootstrap, "topic": topic, "messages": messages });
        self.ask("produce", messages);
    }

    /// Keys and values, a pair a line.
    fn consume(&self, broker: &Broker, topic: &str) -> String {
        let bootstrap = format!("localhost:{}", broker.port);
        let found = self.ask("consume", json!({ "bootstrap": bootstrap, "topic": topic }));
        let lines = found.as_array().unwrap().iter();
        lines.map(|pair| format!("{pair}\n")).collect()
    }

    /// `'<place>avro-confluent.url' = …`
    fn url(&self, place: &str) -> String {
        self.url_at(place, 0)
    }

    fn url_at(&self, place: &str, door: usize) -> String {
        let port = &self.ports[door];
        format!("'{place}avro-confluent.url' = 'http://localhost:{port}/apis/ccompat/v7'")
    }

    fn hide(&self, text: &str) -> String {
        let text = text.replace(&format!("localhost:{}", self.ports[0]), "[REGISTRY]");
        text.replace(&format!("localhost:{}", self.ports[1]), "[DOOR]")
    }
}

/// Prints a table of a topic, up to where it ends now.
fn read(registry: &Registry, broker: &Broker, topic: &str, columns: &str, more: &str) -> String {
    let options = format!(
        "'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', \
         'format' = 'avro-confluent', {more}"
    );
    let job = Job::new(&format!(
        "CREATE TABLE topic ({columns}) {};
         CREATE TABLE out WITH ('connector' = 'print') AS SELECT * FROM topic;",
        broker.with(topic, &options)
    ));
    registry.hide(&broker.hide(&job.run(), topic))
}

fn write(registry: &Registry, broker: &Broker, topic: &str, options: &str) -> String {
    let job = Job::new(&format!(
        "CREATE TABLE topic (id BIGINT NOT NULL, name STRING, at TIMESTAMP(3), price DECIMAL(9, 2)) {};
         INSERT INTO topic VALUES
           (1, 'one', TIMESTAMP '2024-05-06 07:08:09.123', 1.25), (2, NULL, NULL, NULL);",
        broker.with(topic, options)
    ));
    registry.hide(&broker.hide(&job.run(), topic))
}

#[test]
fn rows_are_written_with_the_ids_of_their_schemas() {
    let (registry, broker) = (Registry::shared(), Broker::shared());
    let topic = broker.topic(1);
    let options = format!(
        "'key.format' = 'avro-confluent', 'key.fields' = 'id', {}, 'value.format' = 'avro-confluent', {}",
        registry.url("key."),
        registry.url("value.")
    );
    expect![[r#"
        exit 0
        topic: 2 rows
    "#]]
    .assert_eq(&write(registry, broker, &topic, &options));
    expect![[r#"
        [{"id":1},{"at":"2024-05-06 07:08:09.123000+00:00","id":1,"name":"one","price":"1.25"}]
        [{"id":2},{"at":null,"id":2,"name":null,"price":null}]
    "#]]
    .assert_eq(&registry.consume(broker, &topic));
    let subjects = registry.ask("subjects", json!({}));
    for end in ["key", "value"] {
        let subject = Value::from(format!("{topic}-{end}"));
        assert!(
            subjects.as_array().unwrap().contains(&subject),
            "{subjects}"
        );
    }
    // What is there is found, and nothing else is.
    let strict = format!("{options}, 'value.avro-confluent.auto.register.schemas' = 'false'");
    expect![[r#"
        exit 0
        topic: 2 rows
    "#]]
    .assert_eq(&write(registry, broker, &topic, &strict));
    let other = format!("{strict}, 'value.avro-confluent.subject' = 'nobody'");
    expect![[r#"
        exit 1
        error: table topic: the schema registry http://[REGISTRY]/apis/ccompat/v7 refuses its schema under the subject nobody: No artifact with ID 'nobody' in group 'null' was found.

        hint: the schema is {"fields":[{"name":"id","type":"long"},{"default":null,"name":"name","type":["null","string"]},{"default":null,"name":"at","type":["null",{"logicalType":"timestamp-millis","type":"long"}]},{"default":null,"name":"price","type":["null",{"logicalType":"decimal","precision":9,"scale":2,"type":"bytes"}]}],"name":"record","namespace":"org.apache.flink.avro.generated","type":"record"}
    "#]].assert_eq(&write(registry, broker, &topic, &other));
}

const OLD: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"int"},{"name":"gone","type":"string"}]}"#;
const NEW: &str = r#"{"type":"record","name":"Order2","fields":[{"name":"name","type":["string","null"]},{"name":"id","type":["null","long"]}]}"#;

#[test]
fn each_message_is_read_by_its_own_schema() {
    let (registry, broker) = (Registry::shared(), Broker::shared());
    let topic = broker.topic(1);
    let old = |id: u64| json!({ "schema": OLD, "row": { "id": id, "gone": "x" } });
    let new = |id: Value, name: &str| json!({ "schema": NEW, "row": { "id": id, "name": name } });
    let messages = [
        old(1),
        new(json!(2), "two"),
        old(3),
        old(4),
        new(json!(null), "five"),
    ];
    registry.produce(broker, &topic, &messages);
    let columns = "id BIGINT, name STRING";
    expect![[r#"
        exit 0
        +I[1, null]
        +I[2, two]
        +I[3, null]
        +I[4, null]
        +I[null, five]
        out: 5 rows
    "#]]
    .assert_eq(&read(registry, broker, &topic, columns, &registry.url("")));
    let columns = "name STRING, id BIGINT NOT NULL";
    expect![[r#"
        exit 1
        error: topic '[TOPIC]', partition 0, offset 4, field id: the field is NULL, but declared NOT NULL
    "#]].assert_eq(&read(registry, broker, &topic, columns, &registry.url("")));
    let columns = "id STRING";
    let told = read(registry, broker, &topic, columns, &registry.url(""));
    let subject = format!("{topic}-other");
    let id = registry.ask("register", json!({ "subject": subject, "schema": OLD }));
    expect![[r#"
        exit 1
        error: topic '[TOPIC]', partition 0, offset 0: schema [ID] of the schema registry http://[REGISTRY]/apis/ccompat/v7: field id: INT in the schema cannot be a STRING
    "#]]
    .assert_eq(&told.replace(&format!("schema {id} of"), "schema [ID] of"));
}

#[test]
fn messages_without_a_schema() {
    let (registry, broker) = (Registry::shared(), Broker::shared());
    let told = |bytes: &str| {
        let topic = broker.topic(1);
        registry.produce(broker, &topic, &[json!({ "bytes": bytes })]);
        read(registry, broker, &topic, "id BIGINT", &registry.url(""))
    };
    expect![[r#"
        exit 1
        error: topic '[TOPIC]', partition 0, offset 0: it does not begin with the id of a schema

        hint: the format 'avro' reads messages that were written without a schema registry
    "#]]
    .assert_eq(&told("7b7d"));
    expect![[r#"
        exit 1
        error: topic '[TOPIC]', partition 0, offset 0: the schema registry http://[REGISTRY]/apis/ccompat/v7 has no schema 999999

        hint: was the message written with another registry?
    "#]].assert_eq(&told("00000f423f02"));
}

/// What stands around the bad ones is read.
#[test]
fn messages_that_are_dead_letters() {
    let (registry, broker) = (Registry::shared(), Broker::shared());
    let topic = broker.topic(1);
    let row = |id: u64| json!({ "schema": OLD, "row": { "id": id, "gone": "" } });
    let bytes = |bytes: &str| json!({ "bytes": bytes });
    registry.produce(
        broker,
        &topic,
        &[
            row(1),
            bytes("7b7d"),
            bytes("00000f423f02"),
            row(2),
            bytes(""),
        ],
    );
    let job = Job::new(&format!(
        "{BAD}
         CREATE TABLE topic (id BIGINT) {};
         CREATE TABLE out WITH ('connector' = 'print') AS SELECT * FROM topic;",
        broker.with(
            &topic,
            &format!(
                "'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', \
                 'format' = 'avro-confluent', {}, \
                 'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'",
                registry.url("")
            )
        )
    ));
    let told = job.run() + &listed(&letters(&job, "bad"));
    expect![[r#"
        exit 0
        +I[1]
        +I[2]
        out: 2 rows
        3 bad records in the dead-letter table bad
        {"error":"topic '[TOPIC]', partition 0, offset 1: it does not begin with the id of a schema","offset":1,"partition":0,"raw":"{}","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 2: the schema registry http://[REGISTRY]/apis/ccompat/v7 has no schema 999999","offset":2,"partition":0,"raw":"\u0000\u0000\u000fB?\u0002","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
        {"error":"topic '[TOPIC]', partition 0, offset 4: it does not begin with the id of a schema","offset":4,"partition":0,"raw":"","source":"topic","timestamp":"[TIME]","topic":"[TOPIC]"}
    "#]].assert_eq(&without_timestamps(
        &registry.hide(&broker.hide(&told, &topic)),
    ));
}

#[test]
fn the_registry_decides() {
    let (registry, broker) = (Registry::shared(), Broker::shared());
    let topic = broker.topic(1);
    let subject = format!("{topic}-value");
    let int = r#"{"type":"record","name":"record","namespace":"org.apache.flink.avro.generated","fields":[{"name":"id","type":"string"}]}"#;
    registry.ask("register", json!({ "subject": subject, "schema": int }));
    registry.ask(
        "compatibility",
        json!({ "subject": subject, "level": "BACKWARD" }),
    );
    let format = "'format' = 'avro-confluent'";
    let options = format!("{format}, {}", registry.url(""));
    expect![[r#"
        exit 1
        error: table topic: the schema registry http://[REGISTRY]/apis/ccompat/v7 refuses its schema under the subject [TOPIC]-value: io.apicurio.registry.rules.RuleViolationException: Incompatible artifact: [TOPIC]-value [AVRO], num of incompatible diffs: {1}, list of diff types: [reader type: LONG not compatible with writer type: STRING at /fields/0/type]

        hint: the schema is {"fields":[{"name":"id","type":"long"},{"default":null,"name":"name","type":["null","string"]},{"default":null,"name":"at","type":["null",{"logicalType":"timestamp-millis","type":"long"}]},{"default":null,"name":"price","type":["null",{"logicalType":"decimal","precision":9,"scale":2,"type":"bytes"}]}],"name":"record","namespace":"org.apache.flink.avro.generated","type":"record"}
    "#]].assert_eq(&write(registry, broker, &topic, &options));
    let door = format!("{format}, {}", registry.url_at("", 1));
    expect![[r#"
        exit 1
        error: the schema registry http://[DOOR]/apis/ccompat/v7 lets nobody in like this: 401 Unauthorized

        hint: check the options avro-confluent.basic-auth and avro-confluent.bearer-auth
    "#]].assert_eq(&write(registry, broker, &topic, &door));
    let topic = broker.topic(1);
    for credentials in [
        "'avro-confluent.basic-auth.credentials-source' = 'USER_INFO', 'avro-confluent.basic-auth.user-info' = 'me:secret:1'",
        "'avro-confluent.bearer-auth.credentials-source' = 'STATIC_TOKEN', 'avro-confluent.bearer-auth.token' = 'sesame'",
    ] {
        let told = write(registry, broker, &topic, &format!("{door}, {credentials}"));
        assert_eq!(told, "exit 0\ntopic: 2 rows\n");
    }
    let nowhere = format!("{format}, 'avro-confluent.url' = 'http://localhost:1'");
    expect![[r#"
        exit 1
        error: cannot reach the schema registry http://localhost:1/: Connection refused

        hint: is 'avro-confluent.url' right, and does the registry run?
    "#]]
    .assert_eq(&write(registry, broker, &topic, &nowhere));
}

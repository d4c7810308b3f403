//! A Kafka broker for tests, and a client for it that is not ours.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::{Value, json};

use crate::support::{cache, python, root};

/// A broker that ends with its standard input, and so with this process, however that ends.
pub struct Broker {
    link: Mutex<Link>,
    pub port: String,
    /// Wants the user alice and her password, "wonder;land".
    secured_port: String,
}

struct Link {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// The jars that `cargo xtask setup` gets.
fn libraries() -> PathBuf {
    let folder = std::env::var_os("WASMILL_KAFKA_LIBS")
        .map_or_else(|| cache().join("kafka/4.1.1/libs"), PathBuf::from);
    assert!(
        folder.is_dir(),
        "there is no Kafka in {}: run cargo xtask setup",
        folder.display()
    );
    folder
}

impl Broker {
    /// The one that most tests share, each with topics of its own.
    pub fn shared() -> &'static Broker {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Broker::start)
    }

    /// One of its own, for a test that stops it.
    pub fn start() -> Self {
        let mut process = python()
            .arg(root().join("host/cli/tests/it/kafka/broker.py"))
            .arg(libraries())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut ports = String::new();
        answers.read_line(&mut ports).unwrap();
        let (port, secured_port) = ports.trim().split_once(' ').expect("a broker that starts");
        Broker {
            link: Mutex::new(Link {
                questions: process.stdin.take(),
                process,
                answers,
            }),
            port: port.to_owned(),
            secured_port: secured_port.to_owned(),
        }
    }

    /// What a function of `broker.py` answers.
    pub fn ask(&self, function: &str, mut arguments: Value) -> Value {
        arguments["do"] = function.into();
        // A test that failed in the middle of a question has no share in this one.
        let mut link = self.link.lock().unwrap();
        let questions = link.questions.as_mut().unwrap();
        writeln!(questions, "{arguments}").unwrap();
        let mut answer = String::new();
        link.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer)
            .unwrap_or_else(|_| panic!("{function}: the broker's client has failed, see above"))
    }

    /// A new topic, of a name that no other test has.
    pub fn topic(&self, partitions: u32) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let topic = format!("topic{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.create(&topic, partitions);
        topic
    }

    pub fn create(&self, topic: &str, partitions: u32) {
        self.ask(
            "create",
            json!({ "topic": topic, "partitions": partitions }),
        );
    }

    /// Sends messages: objects with `value`, and perhaps `key`, `partition`, `timestamp`, `headers`.
    pub fn produce(&self, topic: &str, messages: &[Value]) {
        self.ask("produce", json!({ "topic": topic, "messages": messages }));
    }

    /// Sends values to a partition.
    pub fn send(&self, topic: &str, partition: u32, values: &[&str]) {
        let message = |value| json!({ "value": value, "partition": partition });
        let messages: Vec<_> = values.iter().map(message).collect();
        self.produce(topic, &messages);
    }

    /// All messages that are committed, by partition and offset.
    pub fn messages(&self, topic: &str) -> Vec<Value> {
        let found = self.ask("consume", json!({ "topic": topic }));
        found.as_array().unwrap().clone()
    }

    /// All values that are committed, by partition and offset.
    pub fn values(&self, topic: &str) -> Vec<String> {
        let messages = self.messages(topic).into_iter();
        let value = |message: Value| message["value"].as_str().unwrap_or("NULL").to_owned();
        messages.map(value).collect()
    }

    /// What a group has committed, by partition.
    pub fn committed(&self, group: &str, topic: &str) -> Value {
        self.ask("committed", json!({ "group": group, "topic": topic }))
    }

    /// Ends the broker as a crash would.
    pub fn kill(&self) {
        self.ask("kill", json!({}));
    }

    pub fn start_again(&self) {
        self.ask("start", json!({}));
    }

    /// `WITH` options: those that every table has, then the test's own.
    pub fn with(&self, topic: &str, options: &str) -> String {
        format!(
            "WITH ('connector' = 'kafka', 'topic' = '{topic}', \
             'properties.bootstrap.servers' = 'localhost:{}', {options})",
            self.port
        )
    }

    /// The same, through the port that wants a password.
    pub fn secured(&self, topic: &str, password: &str, options: &str) -> String {
        let jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required";
        let login = format!(
            "'properties.security.protocol' = 'SASL_PLAINTEXT', \
             'properties.sasl.mechanism' = 'PLAIN', \
             'properties.sasl.jaas.config' = \
             '{jaas} username=\"alice\" password=\"{password}\";', {options}"
        );
        self.with(topic, &login)
            .replace(&self.port, &self.secured_port)
    }

    /// A text without what is another in every run.
    pub fn hide(&self, text: &str, topic: &str) -> String {
        text.replace(&format!("localhost:{}", self.port), "[BROKER]")
            .replace(&format!("localhost:{}", self.secured_port), "[BROKER]")
            .replace(topic, "[TOPIC]")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let link = self.link.get_mut().unwrap();
        drop(link.questions.take());
        link.process.wait().unwrap();
    }
}

//! Topics that are read.

use expect_test::expect;
use serde_json::json;

use super::Broker;
use crate::support::Job;

/// Copies a topic's table into the folder `out`, and ends where the topic ends now.
fn copy(columns: &str, with: &str) -> Job {
    let bounded = with.replacen("WITH (", "WITH ('scan.bounded.mode' = 'latest-offset', ", 1);
    let names: Vec<_> = columns
        .split(", ")
        .map(|column| column.split(' ').next().unwrap())
        .collect();
    Job::new(&format!(
        "CREATE TABLE topic ({columns}) {bounded};
         CREATE TABLE copy WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'out')
           AS SELECT {} FROM topic;",
        names.join(", ")
    ))
}

const EARLIEST: &str = "'scan.startup.mode' = 'earliest-offset', 'format' = 'json'";

/// The rows that the job gives, after it has told what it always tells.
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

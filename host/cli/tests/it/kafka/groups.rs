//! Processes without checkpoints that share a topic as a consumer group.

use std::collections::BTreeSet;

use super::{Broker, ids, numbered, start, wait_for};
use crate::support::Job;

/// Copies a topic into another as a member of a group.
fn member(broker: &Broker, from: &str, to: &str) -> Job {
    let group = format!(
        "'format' = 'json', 'properties.group.id' = 'group-{from}', \
         'properties.auto.offset.reset' = 'earliest', 'properties.session.timeout.ms' = '2000', \
         'properties.heartbeat.interval.ms' = '300'"
    );
    Job::new(&format!(
        "CREATE TABLE topic (id BIGINT) {};
         CREATE TABLE copy (id BIGINT, process STRING) {};
         INSERT INTO copy SELECT id, 'process' FROM topic;",
        broker.with(from, &group),
        broker.with(to, "'format' = 'json'"),
    ))
}

#[test]
fn two_processes_share_a_topic_and_one_dies() {
    let broker = Broker::shared();
    let (from, to) = (broker.topic(4), broker.topic(1));
    let jobs = [member(broker, &from, &to), member(broker, &from, &to)];
    for (index, job) in jobs.iter().enumerate() {
        let path = job.path("job.sql");
        let sql = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, sql.replace("'process'", &format!("'{index}'"))).unwrap();
    }
    // Who copied which id; a row may be there twice.
    let copied = || -> BTreeSet<(u64, String)> {
        let rows = broker.values(&to).into_iter().map(|value| {
            let row: serde_json::Value = serde_json::from_str(&value).unwrap();
            let process = row["process"].as_str().unwrap().to_owned();
            (row["id"].as_u64().unwrap(), process)
        });
        rows.collect()
    };
    let all = |end: u64| {
        let copied = copied();
        (0..end).all(|id| {
            ["0", "1"]
                .iter()
                .any(|process| copied.contains(&(id, (*process).to_owned())))
        })
    };
    let first = start(&jobs[0]);
    broker.produce(&from, &numbered(0, 200, 4));
    wait_for(|| all(200), |all| *all);
    let second = start(&jobs[1]);
    // Both have partitions in the end.
    let mut sent = 200;
    wait_for(
        || {
            let first = sent;
            sent += 40;
            broker.produce(&from, &numbered(first, sent, 4));
            let last = copied().into_iter().filter(|(id, _)| *id + 40 >= first);
            last.map(|(_, process)| process).collect::<BTreeSet<_>>()
        },
        |processes| processes.len() == 2,
    );
    wait_for(|| all(sent), |all| *all);
    first.kill();
    broker.produce(&from, &numbered(sent, sent + 200, 4));
    wait_for(|| all(sent + 200), |all| *all);
    assert!(second.stop().status.success());
    // What is committed is what is copied: a third process has nothing to do again.
    let committed = broker.committed(&format!("group-{from}"), &from);
    let committed: u64 = committed
        .as_array()
        .unwrap()
        .iter()
        .map(|offset| offset.as_u64().unwrap())
        .sum();
    assert_eq!(committed, sent + 200);
    assert!(ids(&broker.values(&to)).len() as u64 >= sent + 200);
}

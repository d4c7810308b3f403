//! Event time over the partitions of a topic.

use std::{thread, time::Duration};

use super::{Broker, EARLIEST, shown, start, wait_for};
use crate::support::Job;

/// Counts the rows of every second, by the messages' own timestamps.
fn counts(broker: &Broker, topic: &str, idle: &str) -> Job {
    Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '50 ms';
         CREATE TABLE ticks (id BIGINT, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
           WATERMARK FOR ts AS ts) {};
         CREATE TABLE counts (ws BIGINT, n BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
         INSERT INTO counts SELECT TO_UNIXTIME(window_start), COUNT(*)
           FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '1' SECOND))
           GROUP BY window_start, window_end;",
        broker.with(topic, &format!("{EARLIEST}{idle}"))
    ))
}

/// `count` messages of a partition, one every 100 ms of their time, from `first` seconds on.
fn ticks(broker: &Broker, topic: &str, partition: u32, first: u64, count: u64) {
    let message = |tick: u64| {
        serde_json::json!({
            "value": format!("{{\"id\": {tick}}}"),
            "partition": partition,
            "timestamp": first * 1000 + tick * 100,
        })
    };
    broker.produce(topic, &(0..count).map(message).collect::<Vec<_>>());
}

#[test]
fn the_slowest_partition_says_which_windows_are_over() {
    let broker = Broker::shared();
    let topic = broker.topic(2);
    let job = counts(broker, &topic, "");
    // One partition is far ahead: its windows wait for the other, through kills as well.
    ticks(broker, &topic, 0, 100, 50);
    let child = start(&job);
    thread::sleep(Duration::from_millis(500));
    child.kill();
    ticks(broker, &topic, 1, 100, 25);
    let child = start(&job);
    let rows = wait_for(|| shown(&job, "out"), |rows| rows.len() >= 2);
    assert_eq!(rows, ["100,20", "101,20"]);
    child.kill();
    ticks(broker, &topic, 1, 103, 20);
    let child = start(&job);
    let rows = wait_for(|| shown(&job, "out"), |rows| rows.len() >= 4);
    // The other had but half a second of the third one.
    assert_eq!(rows, ["100,20", "101,20", "102,15", "103,20"]);
    assert!(child.stop().status.success());
}

#[test]
fn an_idle_partition_is_not_waited_for() {
    let broker = Broker::shared();
    let topic = broker.topic(3);
    ticks(broker, &topic, 0, 100, 31);
    ticks(broker, &topic, 1, 100, 41);
    let idle = ", 'scan.watermark.idle-timeout' = '300 ms'";
    let job = counts(broker, &topic, idle);
    let child = start(&job);
    // The third has never had a message; the two others fall silent.
    let rows = wait_for(|| shown(&job, "out"), |rows| rows.len() >= 3);
    assert_eq!(rows[..3], ["100,20", "101,20", "102,20"]);
    assert!(child.stop().status.success());
}

/// The windows and the rows that came too late for them are in topics, written as one.
#[test]
fn late_rows_in_a_topic_through_kills() {
    const TICKS: u64 = 3000;
    let broker = Broker::shared();
    let [topic, counts, late] = [(); 3].map(|()| broker.topic(1));
    let once = |to: &str| {
        let options = format!(
            "'format' = 'json', 'sink.delivery-guarantee' = 'exactly-once', \
             'sink.transactional-id-prefix' = '{topic}'"
        );
        broker.with(to, &options)
    };
    let job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '20 ms';
         SET 'job.batch-rows' = '100';
         SET 'job.epoch-rows' = '100';
         SET 'late-rows.table' = 'late';
         CREATE TABLE ticks (id BIGINT, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
           WATERMARK FOR ts AS ts) {};
         CREATE TABLE counts (ws BIGINT, n BIGINT, ids BIGINT) {};
         CREATE TABLE late (`row` STRING) {};
         INSERT INTO counts SELECT TO_UNIXTIME(window_start), COUNT(*), SUM(id)
           FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '1' SECOND))
           GROUP BY window_start, window_end;",
        broker.with(&topic, EARLIEST),
        once(&counts),
        once(&late),
    ));
    // One every 10 ms, every twentieth five seconds late.
    let tick = |id: u64| {
        let late = if id.is_multiple_of(20) { 5000 } else { 0 };
        serde_json::json!({
            "value": format!("{{\"id\": {id}}}"),
            "timestamp": 100_000 + id * 10 - late,
        })
    };
    for round in 0..6 {
        let part = TICKS / 6;
        let ticks = (round * part..(round + 1) * part).map(tick);
        broker.produce(&topic, &ticks.collect::<Vec<_>>());
        let child = start(&job);
        thread::sleep(Duration::from_millis(150 + 60 * round));
        child.kill();
    }
    // Long after all: their windows are over.
    ticks(broker, &topic, 0, 10_000, 1);
    let child = start(&job);
    let read = |topic: &str| {
        let values = broker.values(topic).into_iter();
        let value = |value: String| serde_json::from_str::<serde_json::Value>(&value).unwrap();
        values.map(value).collect::<Vec<_>>()
    };
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    let all = || {
        let windows = read(&counts);
        let mut starts: Vec<_> = windows.iter().map(|window| number(&window["ws"])).collect();
        starts.sort_unstable();
        let count = starts.len();
        starts.dedup();
        assert_eq!(starts.len(), count, "a window is given twice");
        let counted: u64 = windows.iter().map(|window| number(&window["n"])).sum();
        let ids: u64 = windows.iter().map(|window| number(&window["ids"])).sum();
        let late = read(&late).into_iter().map(|letter| {
            let row = letter["row"].as_str().unwrap();
            number(&serde_json::from_str::<serde_json::Value>(row).unwrap()["id"])
        });
        let late: Vec<_> = late.collect();
        (
            counted + late.len() as u64,
            ids + late.iter().sum::<u64>(),
            late.len(),
        )
    };
    let (rows, ids, late) = wait_for(all, |(rows, _, _)| *rows >= TICKS);
    assert_eq!((rows, ids), (TICKS, (0..TICKS).sum()));
    assert!(late > 50, "{late} of {} are late", TICKS / 20);
    assert!(child.stop().status.success());
}

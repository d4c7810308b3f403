//! A producer that delivers nothing, against a broker in this process.

use std::sync::{Arc, Mutex};

use rdkafka::mocking::MockCluster;

use super::*;
use crate::SharedWriter;

fn producer(servers: &str, linger: &str) -> Producer {
    let messages: SharedWriter = Arc::new(Mutex::new(std::io::sink()));
    let link = Link::new("orders", servers, messages, false);
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    config.set("linger.ms", linger);
    config.set("message.timeout.ms", "0");
    Producer::new(&config, None, "orders", false, link).unwrap()
}

async fn send(producer: &Producer) {
    let record = BaseRecord::with_opaque_to("orders", 0).payload("1").key("");
    let record = BaseRecord {
        payload: record.payload.map(str::as_bytes),
        key: record.key.map(str::as_bytes),
        topic: record.topic,
        partition: record.partition,
        timestamp: record.timestamp,
        headers: record.headers,
        delivery_opaque: (),
    };
    producer.send(record).await.unwrap();
}

/// A client that delivers nothing while the broker answers is given up.
#[tokio::test]
async fn a_client_that_hangs_is_given_up() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 1, 1).unwrap();
    let servers = cluster.bootstrap_servers();
    // Held back for longer than the test has, as if the client had forgotten them.
    let mut hanging = producer(&servers, "900000");
    assert!(hanging.hangs_after > Duration::from_secs(900));
    hanging.hangs_after = Duration::from_millis(200);
    send(&hanging).await;
    let error = hanging.delivered().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the Kafka client does not deliver its messages for the topic 'orders', though the broker answers"
    );
    let mut living = producer(&servers, "5");
    living.hangs_after = Duration::from_millis(200);
    send(&living).await;
    living.delivered().await.unwrap();
    // A broker that is away is waited for.
    cluster.broker_down(1).unwrap();
    send(&living).await;
    let waits = tokio::time::timeout(Duration::from_secs(3), living.delivered());
    assert!(waits.await.is_err());
    cluster.broker_up(1).unwrap();
    living.delivered().await.unwrap();
}

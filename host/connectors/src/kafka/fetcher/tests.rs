//! A consumer that gives nothing, against a broker in this process.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::*;
use crate::kafka::link::Link;
use crate::{ConnectorContext, SharedWriter, TableDefinition};

fn produce(producer: &BaseProducer, texts: &[&str]) {
    for text in texts {
        let record = BaseRecord::<(), str>::to("orders")
            .payload(text)
            .partition(0);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(20)).unwrap();
}

fn read(shared: &Shared, rows: usize) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut texts = Vec::new();
    while texts.len() < rows {
        let chunk = runtime.block_on(async {
            let taken = tokio::time::timeout(Duration::from_secs(60), shared.queue.take());
            taken.await.unwrap().unwrap().unwrap()
        });
        for record in &chunk.records {
            let value = chunk.bytes(record.value.as_ref().unwrap());
            texts.push(String::from_utf8(value.to_vec()).unwrap());
        }
    }
    texts
}

/// A client that gives nothing any more is given up; the next one goes on where it was.
#[test]
fn a_client_that_hangs_is_replaced() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 1, 1).unwrap();
    let servers = cluster.bootstrap_servers();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &servers)
        .create()
        .unwrap();
    let options = [
        ("topic", "orders"),
        ("properties.bootstrap.servers", &*servers),
        ("scan.startup.mode", "earliest-offset"),
    ];
    let definition = TableDefinition {
        name: "orders".to_owned(),
        options: BTreeMap::from(options.map(|(key, value)| (key.to_owned(), value.to_owned()))),
        ..TableDefinition::default()
    };
    let writer = || -> SharedWriter { Arc::new(std::sync::Mutex::new(std::io::sink())) };
    let context = ConnectorContext::new(".", "job", writer(), writer());
    let shared = Arc::new(Shared::new(
        4,
        Link::new("orders", &servers, writer(), true),
    ));
    let fetcher = Fetcher {
        spec: Arc::new(Spec::of(&definition, &context, false).unwrap()),
        shared: Arc::clone(&shared),
        from: None,
        grouped: false,
        silence: Duration::from_millis(300),
    };
    let thread = std::thread::spawn(move || fetcher.run());
    produce(&producer, &["1", "2"]);
    assert_eq!(read(&shared, 2), ["1", "2"]);
    // As if it had lost its wish for messages.
    let hung = shared.client.lock().clone();
    let client = hung.upgrade().unwrap();
    client.pause(&client.assignment().unwrap()).unwrap();
    drop(client);
    produce(&producer, &["3", "4", "5"]);
    assert_eq!(read(&shared, 3), ["3", "4", "5"]);
    assert!(!hung.ptr_eq(&shared.client.lock()));
    // Nothing is read twice.
    produce(&producer, &["6"]);
    assert_eq!(read(&shared, 1), ["6"]);
    shared.stop.store(true, Ordering::Release);
    thread.join().unwrap();
}

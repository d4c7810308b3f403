//! Models that a server computes: how many requests are under way, and in which order rows come.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use expect_test::expect;

use crate::{
    fake::{Answer, Fake},
    harness::Folder,
};

const METADATA: &str = r#"{"name": "model", "versions": [], "platform": "",
    "inputs": [{"name": "n", "datatype": "INT64", "shape": [-1]}],
    "outputs": [{"name": "square", "datatype": "INT64", "shape": [-1]}]}"#;

const IN_ORDER: &str = "1 2 3 4 5 6 7 8";

/// A server that squares numbers, and takes longer for a request that begins with 1.
struct Server {
    fake: Fake,
    most: Arc<AtomicUsize>,
}

impl Server {
    fn start() -> Self {
        let most = Arc::new(AtomicUsize::new(0));
        let under_way = Arc::new(());
        let seen = Arc::clone(&most);
        let script = move |headers: &axum::http::HeaderMap, body: &axum::body::Bytes| {
            let json = headers["inference-header-content-length"].to_str().unwrap();
            let json: usize = json.parse().unwrap();
            let (numbers, _) = body[json..].as_chunks();
            let numbers: Vec<_> = numbers.iter().copied().map(i64::from_le_bytes).collect();
            let squares: Vec<_> = numbers.iter().map(|number| number * number).collect();
            let request = Arc::clone(&under_way);
            // One is the server's own.
            seen.fetch_max(Arc::strong_count(&request) - 1, Ordering::SeqCst);
            let slow = numbers.contains(&1);
            let answer = format!(
                r#"{{"outputs": [{{"name": "square", "datatype": "INT64", "shape": [{}], "data": {squares:?}}}]}}"#,
                squares.len()
            );
            Answer {
                delay: Duration::from_millis(if slow { 1_500 } else { 150 }),
                held: Some(Box::new(request)),
                ..Answer::new(200, answer)
            }
        };
        let fake = Fake::start(METADATA, Arc::new(script));
        Server { fake, most }
    }

    /// Eight rows, of which a request has two, and a statement.
    fn job(&self, statement: &str) -> String {
        format!(
            "CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'numbers.csv');
CREATE MODEL model INPUT (n BIGINT) OUTPUT (square BIGINT) WITH (
  'provider' = 'open-inference', 'endpoint' = '{}', 'batch.max-rows' = '2');
{statement}",
            self.fake.endpoint()
        )
    }

    /// The numbers in the order of their squares, and how many requests were under way at most.
    fn order(&self, settings: &str, config: &str) -> (String, usize) {
        self.most.store(0, Ordering::SeqCst);
        let query = format!(
            "{settings} SELECT n, square FROM ML_PREDICT(TABLE numbers, MODEL model, DESCRIPTOR(n){config});"
        );
        let output = folder().run(&self.job(&query)).unwrap();
        let rows = output.lines().filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let number: i64 = cells.next()?.parse().ok()?;
            assert_eq!(cells.next(), Some((number * number).to_string().as_str()));
            Some(number.to_string())
        });
        let rows: Vec<_> = rows.collect();
        (rows.join(" "), self.most.load(Ordering::SeqCst))
    }
}

fn folder() -> Folder {
    Folder::new().with("numbers.csv", "1\n2\n3\n4\n5\n6\n7\n8\n")
}

#[test]
fn requests_are_under_way_together_and_rows_keep_their_order() {
    let server = Server::start();
    let (order, most) = server.order("", "");
    assert_eq!(order, IN_ORDER);
    assert!((2..=4).contains(&most), "{most}");
    // Batches of one row: eight requests.
    let small = "SET 'job.batch-rows' = '1';";
    let (order, most) = server.order(small, "");
    assert_eq!(order, IN_ORDER);
    assert!((5..=8).contains(&most), "{most}");
    for (config, at_most) in [
        (", MAP['max-concurrent-operations', '2']", 2),
        (", MAP['async', 'false']", 1),
    ] {
        let (order, most) = server.order(small, config);
        assert_eq!((order.as_str(), most), (IN_ORDER, at_most));
    }
}

#[test]
fn a_slow_answer_holds_no_other_up_where_the_order_does_not_matter() {
    let server = Server::start();
    let (order, most) = server.order("", ", MAP['output-mode', 'ALLOW_UNORDERED']");
    assert!(order.ends_with(" 1 2"), "{order}");
    assert!((2..=4).contains(&most), "{most}");
    let session = "SET 'table.exec.async-ml-predict.output-mode' = 'ALLOW_UNORDERED';
SET 'table.exec.async-ml-predict.max-concurrent-operations' = '2';";
    let (order, most) = server.order(session, "");
    assert_eq!((order.as_str(), most), ("3 4 5 6 7 8 1 2", 2));
    // What the call says counts.
    let (order, _) = server.order(session, ", MAP['output-mode', 'ORDERED']");
    assert_eq!(order, IN_ORDER);
}

#[test]
fn an_order_that_the_query_makes_is_kept() {
    let server = Server::start();
    let sql = "SELECT n, square FROM ML_PREDICT(
  (SELECT n FROM numbers ORDER BY n), MODEL model, DESCRIPTOR(n), MAP['output-mode', 'ALLOW_UNORDERED'])
WHERE square < 10 ORDER BY n;";
    let output = folder().run(&server.job(sql)).unwrap();
    expect![[r#"
        +---+--------+
        | n | square |
        +---+--------+
        | 1 | 1      |
        | 2 | 4      |
        | 3 | 9      |
        +---+--------+
    "#]]
    .assert_eq(&output);
}

#[test]
fn a_sink_that_replaces_rows_gets_them_in_their_order() {
    let server = Server::start();
    let explained = |sink: &str| {
        let sql = format!(
            "CREATE TABLE sink (n BIGINT, square BIGINT, PRIMARY KEY (n) NOT ENFORCED) WITH ({sink});
EXPLAIN INSERT INTO sink SELECT n, square FROM ML_PREDICT(TABLE numbers, MODEL model, DESCRIPTOR(n),
  MAP['output-mode', 'ALLOW_UNORDERED']);"
        );
        folder().run(&server.job(&sql)).unwrap()
    };
    expect![[r#"
        Sink: table=sink
          ConcurrentCalls: expr=[n@0 AS n, predict[model](n@0) AS square], rows=2, calls=10, mode=ALLOW_UNORDERED
            SourceScan: table=numbers, partitions=1, columns=[n]
    "#]].assert_eq(&explained("'connector' = 'print'"));
    expect![[r#"
        Sink: table=sink
          ConcurrentCalls: expr=[n@0 AS n, predict[model](n@0) AS square], rows=2, calls=10, mode=ORDERED
            SourceScan: table=numbers, partitions=1, columns=[n]
    "#]].assert_eq(&explained(
        "'connector' = 'postgres', 'url' = 'postgres://localhost/none', 'table-name' = 't'",
    ));
}

#[test]
fn the_settings_of_flink_are_checked() {
    let setting = |value: &str| {
        folder().error(&format!(
            "SET 'table.exec.async-ml-predict.output-mode' = '{value}';"
        ))
    };
    expect![[r#"
        error: the setting 'table.exec.async-ml-predict.output-mode' cannot be 'UNORDERED'
         --> job.sql:1:5
          |
        1 | SET 'table.exec.async-ml-predict.output-mode' = 'UNORDERED';
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: it is 'ORDERED' or 'ALLOW_UNORDERED'
    "#]]
    .assert_eq(&setting("UNORDERED"));
}

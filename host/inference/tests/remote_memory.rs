//! A server that is slow costs time, and no memory: requests are made when it is their turn.

#![cfg(all(feature = "remote", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "servers/fake.rs"]
mod fake;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::{Array, ArrayRef, FixedSizeListArray, Float32Array};
use arrow::datatypes::{DataType, Field};
use fake::{Answer, Fake};
use wasmill_inference::{ModelDefinition, load};

const METADATA: &str = r#"{"name": "model", "versions": [], "platform": "",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 256]}],
    "outputs": [{"name": "y", "datatype": "INT32", "shape": [-1]}]}"#;
const ROWS: usize = 256 << 10;
const ROWS_A_REQUEST: usize = 1 << 10;

/// MiB that this process has.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib >> 10
}

#[test]
fn rows_that_wait_for_a_slow_server_are_not_copied() {
    let script = |_: &_, _: &_| {
        let mut answer = Answer::new(
            200,
            format!(
                r#"{{"outputs": [{{"name": "y", "datatype": "INT32", "shape": [{ROWS_A_REQUEST}], "data": {:?}}}]}}"#,
                vec![1; ROWS_A_REQUEST]
            ),
        );
        answer.delay = Duration::from_millis(20);
        answer
    };
    let fake = Fake::start(METADATA, Arc::new(script));
    let item = Arc::new(Field::new_list_field(DataType::Float32, true));
    let values = Arc::new(Float32Array::from(vec![1.0; ROWS * 256]));
    let list: ArrayRef = Arc::new(FixedSizeListArray::new(
        Arc::clone(&item),
        256,
        values,
        None,
    ));
    let definition = ModelDefinition {
        name: "model".into(),
        provider: "open-inference".into(),
        options: [("endpoint".to_owned(), fake.endpoint())].into(),
        inputs: vec![Field::new("x", DataType::FixedSizeList(item, 256), true)],
        outputs: vec![Field::new("y", DataType::Int32, true)],
        base: ".".into(),
    };
    let model = load(&definition).unwrap_or_else(|error| panic!("{error}"));
    let before = resident();
    let done = AtomicBool::new(false);
    let most = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::SeqCst) {
                most = most.max(resident());
                std::thread::sleep(Duration::from_millis(2));
            }
            most
        });
        let answer = model.predict(&[list], ROWS, None).unwrap();
        done.store(true, Ordering::SeqCst);
        assert_eq!(answer[0].len(), ROWS);
        watcher.join().unwrap()
    });
    // The rows are 256 MiB; ten requests of 1 MiB are on their way at once, here and in the server.
    println!("{before} MiB before, {most} MiB at most");
    assert!(
        most < before + 96,
        "{before} MiB before, {most} MiB at most"
    );
}

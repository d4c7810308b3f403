//! How much memory sessions take that work at the same time. One test, one process: it measures that.

#![cfg(all(feature = "onnx", target_os = "linux", target_env = "gnu"))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod oracle;

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};

use arrow::array::{ArrayRef, Float32Array};
use arrow::datatypes::{DataType, Field};
use oracle::run_script;
use wasmill_inference::{ModelDefinition, load};

/// The model has 16 MiB of weights, which are there once for four sessions, as they are in the file
/// and as the kernels want them.
#[test]
fn sessions_share_weights() {
    let folder = tempfile::tempdir().unwrap();
    run_script("onnx_values.py", folder.path());
    let model = load(&ModelDefinition {
        name: "model".into(),
        provider: "onnx".into(),
        options: BTreeMap::from([("path".into(), "weights.onnx".into())]),
        inputs: vec![Field::new("x", DataType::Float32, true)],
        outputs: vec![Field::new("y", DataType::Float32, true)],
        base: folder.path().into(),
    })
    .unwrap();
    let rows = 16;
    let column: ArrayRef = Arc::new(Float32Array::from(vec![0.5; rows]));
    let expected = model.predict(&[Arc::clone(&column)], rows, None).unwrap();
    let before = resident();
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..20 {
                    let given = model.predict(&[Arc::clone(&column)], rows, None).unwrap();
                    assert_eq!(given[0].as_ref(), expected[0].as_ref());
                }
            });
        }
    });
    let more = resident().saturating_sub(before) >> 20;
    println!("{more} MiB more");
    assert!(
        more < 24,
        "{more} MiB more; three sessions with weights of their own have 48 or 96"
    );
}

unsafe extern "C" {
    /// Of the C library: gives free memory back to the system.
    safe fn malloc_trim(pad: usize) -> i32;
}

/// Bytes of this process in memory.
fn resident() -> usize {
    malloc_trim(0);
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

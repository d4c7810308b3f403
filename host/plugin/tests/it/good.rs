//! A plugin that does what it should.

use std::sync::Arc;
use std::thread;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use wasmill_plugin::{Arguments, Function, OpenOptions};

use crate::support::{fields, plugin};

fn haversine() -> Arc<Function> {
    plugin("haversine")
        .open(
            "haversine",
            OpenOptions::new("distance", fields(&vec![DataType::Float64; 4])),
        )
        .unwrap()
}

fn columns(places: &[[Option<f64>; 4]]) -> Vec<ArrayRef> {
    (0..4)
        .map(|index| {
            let column: Float64Array = places.iter().map(|place| place[index]).collect();
            Arc::new(column) as ArrayRef
        })
        .collect()
}

const PARIS_LONDON: [Option<f64>; 4] = [Some(48.8566), Some(2.3522), Some(51.5074), Some(-0.1278)];

#[test]
fn it_describes_itself() {
    let plugin = plugin("haversine");
    let signature = plugin.function("haversine").unwrap();
    let Arguments::Exact(arguments) = &signature.arguments else {
        panic!("{:?}", signature.arguments)
    };
    assert_eq!(arguments.len(), 4);
    assert!(
        arguments
            .iter()
            .all(|a| a.data_type() == &DataType::Float64)
    );
    assert!(signature.deterministic);
    assert_eq!(plugin.sha256().len(), 64);
}

#[test]
fn a_batch_and_a_row_agree() {
    let function = haversine();
    let places = [
        PARIS_LONDON,
        [Some(0.0), Some(0.0), Some(0.0), Some(180.0)],
        [None, Some(0.0), Some(0.0), Some(0.0)],
    ];
    let batch = columns(&places);
    let result = function.call(&batch, 3).unwrap();
    let result = result.as_primitive::<Float64Type>();
    // Paris to London is 343.6 km; half the equator of a ball of 6,371.0088 km is π times that.
    assert!((result.value(0) - 343_556.0).abs() < 100.0, "{result:?}");
    assert!((result.value(1) - std::f64::consts::PI * 6_371_008.8).abs() < 1e-3);
    assert!(result.is_null(2));
    for row in 0..3 {
        let columns: Vec<_> = batch.iter().map(|column| column.slice(row, 1)).collect();
        let single = function.call(&columns, 1).unwrap();
        assert_eq!(single.as_primitive::<Float64Type>(), &result.slice(row, 1));
    }
    let counters = function.counters();
    assert_eq!((counters.calls, counters.rows, counters.traps), (4, 6, 0));
    assert_eq!(counters.instances, 1);
}

#[test]
fn a_batch_of_no_rows_has_a_result() {
    let result = haversine().call(&columns(&[]), 0).unwrap();
    assert_eq!(result.len(), 0);
    assert_eq!(result.data_type(), &DataType::Float64);
}

#[test]
fn many_threads_may_call_at_once() {
    let function = haversine();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let result = function.call(&columns(&[PARIS_LONDON; 100]), 100).unwrap();
                    assert_eq!(result.null_count(), 0);
                }
            });
        }
    });
    assert_eq!(function.counters().calls, 800);
    assert!(function.counters().instances <= 4);
}

//! What `plugins/hostile/metric-flood` tries, and what comes of it.

use arrow::array::{ArrayRef, Int64Array};
use std::sync::Arc;

use super::{Sink, attacker, options};

fn metrics(attack: &str, calls: i64) -> Vec<String> {
    let sink = Arc::new(Sink::default());
    let mut options = options("metric-flood", attack);
    options.metrics = sink.clone();
    let function = attacker("metric-flood").open("attack", options).unwrap();
    for call in 0..calls {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![call, call]));
        // Some of them end the guest.
        let _ = function.call(&[column], 2);
    }
    sink.metrics.lock().unwrap().iter().cloned().collect()
}

/// A guest that is replaced gets no new metrics.
#[test]
pub fn is_stopped() {
    assert_eq!(metrics("instances", 20).len(), 100);
    let long = metrics("long", 1);
    assert_eq!((long.len(), long[0].len()), (1, 4096 + "…".len()));
    assert_eq!(metrics("values", 2), [""]);
}

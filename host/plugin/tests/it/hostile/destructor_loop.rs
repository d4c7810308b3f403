//! What `plugins/hostile/destructor-loop` tries, and what comes of it.

use arrow::array::Array as _;
use std::sync::Arc;

use super::{Sink, attacker, numbers, options};

/// The host lets go of an instance as a whole, and calls no destructor of it.
#[test]
pub fn is_stopped() {
    let sink = Arc::new(Sink::default());
    let mut options = options("destructor-loop", "any");
    options.log = sink.clone();
    let function = attacker("destructor-loop").open("attack", options).unwrap();
    assert_eq!(function.call(&[numbers(3)], 3).unwrap().len(), 3);
    drop(function);
    assert_eq!(sink.lines.lock().unwrap().len(), 0);
}

//! What `plugins/hostile/memory-bomb` tries, and what comes of it.

use std::sync::Arc;

use expect_test::expect;

use super::{Sink, attacked, attacked_each, attacker, numbers, open, options};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = ["memory", "open"];
    expect![[r#"
        memory: error: function attack (memory-bomb.wasm#bomb) ran over its memory limit of 32 MiB in `batch-eval`: it wanted 33.0 MiB

        hint: a higher limit can be given with 'limit.memory' in the function's WITH

        open: error: function attack (memory-bomb.wasm#bomb) ran over its memory limit of 32 MiB in `open`: it wanted 33.0 MiB

        hint: a higher limit can be given with 'limit.memory' in the function's WITH"#]]
    .assert_eq(&attacked_each("memory-bomb", "bomb", &attacks));
}

#[test]
fn of_handles_is_stopped() {
    expect![[r#"
        error: function attack (memory-bomb.wasm#bomb) ran over its limit of 65536 handles in `batch-eval`: it wants one more

        hint: a higher limit can be given with 'limit.handles' in the function's WITH"#]]
    .assert_eq(&attacked("memory-bomb", "bomb", "handles"));
}

#[test]
fn of_columns_in_the_host_is_stopped() {
    expect![[r#"
        error: function attack (memory-bomb.wasm#bomb) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 72 MiB

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]]
    .assert_eq(&attacked("memory-bomb", "bomb", "columns"));
}

#[test]
fn of_long_errors_is_stopped() {
    let mut options = options("memory-bomb", "errors");
    options.limits.result_bytes = 100 << 10;
    let function = attacker("memory-bomb").open("bomb", options).unwrap();
    let error = function.call(&[numbers(1000)], 1000).unwrap_err();
    expect![[r#"
        error: function attack (memory-bomb.wasm#bomb) ran over its limit of 100 KiB handed to its host in `batch-eval`: it handed over more at once

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]].assert_eq(&rendered(&error));
}

#[test]
fn a_guest_may_live_with_a_refusal() {
    let function = open("memory-bomb", "bomb", "ask").unwrap();
    let error = function.call(&[numbers(3)], 3).unwrap_err();
    // It goes on to its (wrong) result.
    expect![[r#"
        error: function attack (memory-bomb.wasm#bomb) gave a wrong result: expected Float64, got Int64

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

#[test]
fn a_leaking_guest_is_replaced() {
    let function = open("memory-bomb", "bomb", "leak").unwrap();
    for _ in 0..1000 {
        function.call(&[numbers(3)], 3).unwrap_err();
    }
    let counters = function.counters();
    assert_eq!((counters.calls, counters.traps), (1000, 0));
    assert_eq!(counters.instances, 4);
}

#[test]
fn of_log_lines_is_cut() {
    let sink = Arc::new(Sink::default());
    let mut options = options("memory-bomb", "log");
    options.log = sink.clone();
    options.limits.log_lines = 10;
    let function = attacker("memory-bomb").open("bomb", options).unwrap();
    let error = function.call(&[numbers(3)], 3).unwrap_err();
    expect![[r#"
        error: function attack (memory-bomb.wasm#bomb) gave a wrong result: expected Float64, got Int64
          its last log lines:
            info: line 2
            info: line 3
            info: line 4
            info: line 5
            info: line 6
            info: line 7
            info: line 8
            info: line 9
            (what it logged after that was dropped)

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
    let lines = sink.lines.lock().unwrap();
    assert_eq!(lines.len(), 10);
    assert_eq!(lines[0], "attack (memory-bomb.wasm#bomb) info: line 0");
}

#[test]
fn of_metrics_is_cut() {
    let sink = Arc::new(Sink::default());
    let mut options = options("memory-bomb", "metrics");
    options.metrics = sink.clone();
    let function = attacker("memory-bomb").open("bomb", options).unwrap();
    function.call(&[numbers(3)], 3).unwrap_err();
    assert_eq!(sink.metrics.lock().unwrap().len(), 100);
}

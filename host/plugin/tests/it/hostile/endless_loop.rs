//! What `plugins/hostile/endless-loop` tries, and what comes of it.

use expect_test::expect;

use super::{attacked, attacked_each, edited, exported_function, numbers, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = ["batch-eval", "open", "returns"];
    expect![[r#"
        batch-eval: error: function attack (endless-loop.wasm#loop) ran over its time limit of 200 ms in `batch-eval`
          its last log lines:
            info: here \x1b[31mI go

        hint: a longer limit can be given with 'limit.time' in the function's WITH

        open: error: function attack (endless-loop.wasm#loop) ran over its time limit of 200 ms in `open`

        hint: a longer limit can be given with 'limit.time' in the function's WITH

        returns: error: function attack (endless-loop.wasm#loop) ran over its time limit of 200 ms in `returns`

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]]
    .assert_eq(&attacked_each("endless-loop", "loop", &attacks));
}

#[test]
fn of_host_calls_is_stopped() {
    expect![[r#"
        error: function attack (endless-loop.wasm#loop) ran over its time limit of 200 ms in `batch-eval`
          its last log lines:
            error: again
            error: again
            error: again
            error: again
            error: again
            error: again
            error: again
            error: again
            (what it logged after that was dropped)

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]]
    .assert_eq(&attacked("endless-loop", "loop", "log"));
}

#[test]
fn of_bulk_memory_is_stopped() {
    expect![[r#"
        error: function attack (endless-loop.wasm#loop) ran over its time limit of 200 ms in `batch-eval`
          its last log lines:
            info: here \x1b[31mI go

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]]
    .assert_eq(&attacked("endless-loop", "loop", "fill"));
}

#[test]
fn on_one_row_is_stopped() {
    let function = open("endless-loop", "loop", "eval").unwrap();
    let error = function.call(&[numbers(1)], 1).unwrap_err();
    expect![[r#"
        error: function attack (endless-loop.wasm#loop) ran over its time limit of 200 ms in `eval`

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]]
    .assert_eq(&rendered(&error));
}

#[test]
fn the_next_call_gets_a_fresh_guest() {
    let function = open("endless-loop", "loop", "eval").unwrap();
    for _ in 0..2 {
        function.call(&[numbers(1)], 1).unwrap_err();
    }
    let counters = function.counters();
    assert_eq!(
        (counters.calls, counters.traps, counters.instances),
        (2, 2, 2)
    );
}

#[test]
fn in_the_start_function_is_stopped() {
    let error = edited("endless-loop", |text| {
        let index = exported_function(text, "spin_at_start");
        let export = format!("(export \"spin_at_start\" (func {index}))");
        text.replace(&export, &format!("{export} (start {index})"))
    })
    .unwrap_err();
    expect![[r#"
        error: `endless-loop.wasm` ran over its time limit of 200 ms in `functions`

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&rendered(&error));
}

#[test]
fn in_functions_is_stopped() {
    let error = edited("endless-loop", |text| {
        let name = "wasmill:udf/scalar@0.2.0#functions";
        let index = exported_function(text, name);
        let spin = exported_function(text, "spin_in_functions");
        text.replace(
            &format!("(export \"{name}\" (func {index}))"),
            &format!("(export \"{name}\" (func {spin}))"),
        )
    })
    .unwrap_err();
    expect![[r#"
        error: `endless-loop.wasm` ran over its time limit of 200 ms in `functions`

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&rendered(&error));
}

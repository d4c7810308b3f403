//! What `plugins/hostile/traps` tries, and what comes of it.

use expect_test::expect;

use super::{attacked_each, numbers, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = [
        "open",
        "returns",
        "unreachable",
        "read-past-the-end",
        "write-past-the-end",
        "null-function",
        "other-function",
    ];
    expect![[r#"
        open: error: function attack (traps.wasm#attack) trapped in `open`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.2.0#[static]scalar-function.open

        hint: this is a defect of the plugin: tell its author

        returns: error: function attack (traps.wasm#attack) trapped in `returns`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.returns

        hint: this is a defect of the plugin: tell its author

        unreachable: error: function attack (traps.wasm#attack) trapped in `batch-eval`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        read-past-the-end: error: function attack (traps.wasm#attack) trapped in `batch-eval`: wasm trap: out of bounds memory access
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        write-past-the-end: error: function attack (traps.wasm#attack) trapped in `batch-eval`: wasm trap: out of bounds memory access
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        null-function: error: function attack (traps.wasm#attack) trapped in `batch-eval`: wasm trap: undefined element: out of bounds table access
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        other-function: error: function attack (traps.wasm#attack) trapped in `batch-eval`: wasm trap: indirect call type mismatch
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("traps", "attack", &attacks));
}

#[test]
fn on_one_row_is_stopped() {
    let function = open("traps", "attack", "eval").unwrap();
    let error = function.call(&[numbers(1)], 1).unwrap_err();
    expect![[r#"
        error: function attack (traps.wasm#attack) trapped in `eval`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.eval

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&rendered(&error));
}

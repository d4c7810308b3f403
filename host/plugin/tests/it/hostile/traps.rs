//! What `plugins/hostile/traps` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::{attacked, numbers, open};
use crate::support::rendered;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("traps", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "open",
        expect![[r#"
        error: function attack (traps.wasm#attack) trapped in `open`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.1.0#[static]scalar-function.open

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "returns",
        expect![[r#"
        error: function attack (traps.wasm#attack) trapped in `returns`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.returns

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "unreachable",
        expect![[r#"
        error: function attack (traps.wasm#attack) trapped in `batch-eval`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "read-past-the-end",
        expect![[r#"
        error: function attack (traps.wasm#attack) trapped in `batch-eval`: wasm trap: out of bounds memory access
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "write-past-the-end",
        expect![[r#"
        error: function attack (traps.wasm#attack) trapped in `batch-eval`: wasm trap: out of bounds memory access
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "null-function",
        expect![[r#"
        error: function attack (traps.wasm#attack) trapped in `batch-eval`: wasm trap: undefined element: out of bounds table access
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "other-function",
        expect![[r#"
        error: function attack (traps.wasm#attack) trapped in `batch-eval`: wasm trap: indirect call type mismatch
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

#[test]
fn on_one_row_is_stopped() {
    let function = open("traps", "attack", "eval").unwrap();
    let error = function.call(&[numbers(1)], 1).unwrap_err();
    expect![[r#"
        error: function attack (traps.wasm#attack) trapped in `eval`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.eval

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&rendered(&error));
}

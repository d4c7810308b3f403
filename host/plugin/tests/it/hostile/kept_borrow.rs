//! What `plugins/hostile/kept-borrow` tries, and what comes of it.

use expect_test::expect;

use super::{attacked_each, numbers, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = ["dropped-twice", "consumed"];
    expect![[r#"
        dropped-twice: error: function attack (kept-borrow.wasm#attack) trapped in `batch-eval`: unknown handle index 1
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        consumed: error: function attack (kept-borrow.wasm#attack) trapped in `batch-eval`: unknown handle index 1

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("kept-borrow", "attack", &attacks));
}

#[test]
fn in_the_next_call_is_stopped() {
    let function = open("kept-borrow", "attack", "next-call").unwrap();
    function.call(&[numbers(3)], 3).unwrap();
    let error = function.call(&[numbers(3)], 3).unwrap_err();
    expect![[r#"
        error: function attack (kept-borrow.wasm#attack) trapped in `batch-eval`: unknown handle index 1
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

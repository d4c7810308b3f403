//! What `plugins/hostile/stack-overflow` tries, and what comes of it.

use expect_test::expect;

use super::{attacked_each, numbers, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = ["batch-eval", "open"];
    expect![[r#"
        batch-eval: error: function attack (stack-overflow.wasm#recursion) trapped in `batch-eval`: it ran out of stack
          its backtrace:
            stack_overflow::descend

        hint: this is a defect of the plugin: tell its author

        open: error: function attack (stack-overflow.wasm#recursion) trapped in `open`: it ran out of stack
          its backtrace:
            stack_overflow::descend

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("stack-overflow", "recursion", &attacks));
}

#[test]
fn on_one_row_is_stopped() {
    let function = open("stack-overflow", "recursion", "eval").unwrap();
    let error = function.call(&[numbers(1)], 1).unwrap_err();
    expect![[r#"
        error: function attack (stack-overflow.wasm#recursion) trapped in `eval`: it ran out of stack
          its backtrace:
            stack_overflow::descend

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

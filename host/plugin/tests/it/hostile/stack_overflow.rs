//! What `plugins/hostile/stack-overflow` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::{attacked, numbers, open};
use crate::support::rendered;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("stack-overflow", "recursion", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "batch-eval",
        expect![[r#"
            error: function attack (stack-overflow.wasm#recursion) trapped in `batch-eval`: it ran out of stack
              its backtrace:
                stack_overflow::descend

            hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "open",
        expect![[r#"
            error: function attack (stack-overflow.wasm#recursion) trapped in `open`: it ran out of stack
              its backtrace:
                stack_overflow::descend

            hint: this is a defect of the plugin: tell its author"#]],
    );
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

//! What `plugins/hostile/used-after-drop` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::attacked;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("used-after-drop", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "read",
        expect![[r#"
        error: function attack (used-after-drop.wasm#attack) trapped in `batch-eval`: unknown handle index 2
          its backtrace:
            function 0
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "result",
        expect![[r#"
        error: function attack (used-after-drop.wasm#attack) trapped in `batch-eval`: unknown handle index 2

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "child",
        expect![[r#"
        error: function attack (used-after-drop.wasm#attack) trapped in `batch-eval`: unknown handle index 2
          its backtrace:
            function 1
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "again",
        expect![[r#"
        error: function attack (used-after-drop.wasm#attack) trapped in `batch-eval`: unknown handle index 2
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "drop",
        expect![[r#"
        error: function attack (used-after-drop.wasm#attack) trapped in `batch-eval`: unknown handle index 2
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

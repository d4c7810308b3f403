//! What `plugins/hostile/forged-handle` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::attacked;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("forged-handle", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "column",
        expect![[r#"
        error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: unknown handle index 12345

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "read",
        expect![[r#"
        error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: unknown handle index 12345
          its backtrace:
            function 0
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "zero",
        expect![[r#"
        error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: unknown handle index 0

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "largest",
        expect![[r#"
        error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: unknown handle index 4294967295

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "model-is-a-column",
        expect![[r#"
        error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: handle index 2 used with the wrong type, expected guest-defined resource but found a different guest-defined resource
          its backtrace:
            function 1
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "batch-is-a-column",
        expect![[r#"
        error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: handle index 2 used with the wrong type, expected guest-defined resource but found a different guest-defined resource
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "column-is-the-batch",
        expect![[r#"
        error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: handle index 1 used with the wrong type, expected guest-defined resource but found a different guest-defined resource
          its backtrace:
            wasmill:udf/scalar@0.1.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

//! What `plugins/hostile/forged-handle` tries, and what comes of it.

use expect_test::expect;

use super::attacked_each;

#[test]
pub fn is_stopped() {
    let attacks = [
        "column",
        "read",
        "zero",
        "largest",
        "model-is-a-column",
        "batch-is-a-column",
        "column-is-the-batch",
    ];
    expect![[r#"
        column: error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: unknown handle index 12345

        hint: this is a defect of the plugin: tell its author

        read: error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: unknown handle index 12345
          its backtrace:
            function 0
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        zero: error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: unknown handle index 0

        hint: this is a defect of the plugin: tell its author

        largest: error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: unknown handle index 4294967295

        hint: this is a defect of the plugin: tell its author

        model-is-a-column: error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: handle index 2 used with the wrong type, expected guest-defined resource but found a different guest-defined resource
          its backtrace:
            function 1
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        batch-is-a-column: error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: handle index 2 used with the wrong type, expected guest-defined resource but found a different guest-defined resource
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        column-is-the-batch: error: function attack (forged-handle.wasm#attack) trapped in `batch-eval`: handle index 1 used with the wrong type, expected guest-defined resource but found a different guest-defined resource
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("forged-handle", "attack", &attacks));
}

//! What `plugins/hostile/used-after-drop` tries, and what comes of it.

use expect_test::expect;

use super::attacked_each;

#[test]
pub fn is_stopped() {
    let attacks = ["read", "result", "child", "again", "drop"];
    expect![[r#"
        read: error: function attack (used-after-drop.wasm#attack) trapped in `batch-eval`: unknown handle index 2
          its backtrace:
            function 0
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        result: error: function attack (used-after-drop.wasm#attack) trapped in `batch-eval`: unknown handle index 2

        hint: this is a defect of the plugin: tell its author

        child: error: function attack (used-after-drop.wasm#attack) trapped in `batch-eval`: unknown handle index 2
          its backtrace:
            function 1
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        again: error: function attack (used-after-drop.wasm#attack) trapped in `batch-eval`: unknown handle index 2
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        drop: error: function attack (used-after-drop.wasm#attack) trapped in `batch-eval`: unknown handle index 2
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("used-after-drop", "attack", &attacks));
}

//! What `plugins/hostile/result-is-the-batch` tries, and what comes of it.

use expect_test::expect;

use super::attacked_each;

#[test]
pub fn is_stopped() {
    let attacks = ["batch", "project"];
    expect![[r#"
        batch: error: function attack (result-is-the-batch.wasm#attack) trapped in `batch-eval`: unknown handle index 1

        hint: this is a defect of the plugin: tell its author

        project: error: function attack (result-is-the-batch.wasm#attack) trapped in `batch-eval`: handle index 2 used with the wrong type, expected guest-defined resource but found a different guest-defined resource

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("result-is-the-batch", "attack", &attacks));
}

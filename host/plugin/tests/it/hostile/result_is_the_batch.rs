//! What `plugins/hostile/result-is-the-batch` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::attacked;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("result-is-the-batch", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "batch",
        expect![[r#"
        error: function attack (result-is-the-batch.wasm#attack) trapped in `batch-eval`: unknown handle index 1

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "project",
        expect![[r#"
        error: function attack (result-is-the-batch.wasm#attack) trapped in `batch-eval`: handle index 2 used with the wrong type, expected guest-defined resource but found a different guest-defined resource

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

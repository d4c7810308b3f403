//! What `plugins/hostile/rows-of-nothing` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::attacked;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("rows-of-nothing", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "struct",
        expect![[r#"
        error: function attack (rows-of-nothing.wasm#attack) handed bad data to its host in `batch-eval`: a struct without fields does not exist

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "fixed-size-list",
        expect![[r#"
        error: function attack (rows-of-nothing.wasm#attack) handed bad data to its host in `batch-eval`: fixed-size-list(0) does not exist

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

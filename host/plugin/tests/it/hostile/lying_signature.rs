//! What `plugins/hostile/lying-signature` tries, and what comes of it.

use expect_test::expect;

use super::{attacked_each, numbers, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = ["returns", "nullable", "text", "number"];
    expect![[r#"
        returns: error: function attack (lying-signature.wasm#attack) gave a wrong result: it declares Int32 and returns Utf8

        hint: this is a defect of the plugin: tell its author

        nullable: error: function attack (lying-signature.wasm#attack) gave a wrong result: it declares that it gives no null, and returns a type with nulls

        hint: this is a defect of the plugin: tell its author

        text: error: function attack (lying-signature.wasm#attack) gave a wrong result: expected Int32, got Utf8

        hint: this is a defect of the plugin: tell its author

        number: error: function attack (lying-signature.wasm#attack) gave a wrong result: expected Int32, got Int64

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("lying-signature", "attack", &attacks));
}

#[test]
fn on_one_row_is_stopped() {
    for (attack, expected) in [
        (
            "wide",
            expect![[r#"
        error: function attack (lying-signature.wasm#attack) gave a wrong result: 9223372036854775807 does not fit in i32

        hint: this is a defect of the plugin: tell its author"#]],
        ),
        (
            "null",
            expect![[r#"
        error: function attack (lying-signature.wasm#attack) gave a wrong result: a null in the column `result`, which is NOT NULL

        hint: this is a defect of the plugin: tell its author"#]],
        ),
    ] {
        let function = open("lying-signature", "attack", attack).unwrap();
        let error = function.call(&[numbers(1)], 1).unwrap_err();
        expected.assert_eq(&rendered(&error));
    }
}

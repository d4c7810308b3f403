//! What `plugins/hostile/bad-discriminant` tries, and what comes of it.

use expect_test::expect;

use super::{numbers, options, swapped};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let plugin = swapped("bad-discriminant").unwrap();
    let function = plugin
        .open("attack", options("bad-discriminant", "any"))
        .unwrap();
    let error = function.call(&[numbers(1)], 1).unwrap_err();
    expect![[r#"
        error: function attack (bad-discriminant.wasm#attack) trapped in `eval`: unexpected discriminant: 255

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

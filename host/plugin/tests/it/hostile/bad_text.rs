//! What `plugins/hostile/bad-text` tries, and what comes of it.

use expect_test::expect;

use super::{numbers, options, swapped};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let plugin = swapped("bad-text").unwrap();
    let function = plugin.open("attack", options("bad-text", "any")).unwrap();
    let error = function.call(&[numbers(1)], 1).unwrap_err();
    expect![[r#"
        error: function attack (bad-text.wasm#attack) trapped in `eval`: invalid utf-8 sequence of 1 bytes from index 0

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

//! What `plugins/hostile/second-instance` tries, and what comes of it.

use expect_test::expect;

use super::{numbers, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let function = open("second-instance", "attack", "any").unwrap();
    function.call(&[numbers(3)], 3).unwrap_err();
    let error = function.call(&[numbers(3)], 3).unwrap_err();
    expect![[r#"
        error: function attack (second-instance.wasm#attack) gave a wrong result: expected Int64, got Float64

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
    let error = function.call(&[numbers(1)], 1).unwrap_err();
    expect![[r#"
        error: function attack (second-instance.wasm#attack) gave a wrong result: expected Int64, got utf8

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
    assert_eq!(function.counters().instances, 2);
}

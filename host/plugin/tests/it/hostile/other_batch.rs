//! What `plugins/hostile/other-batch` tries, and what comes of it.

use expect_test::expect;

use super::{numbers, open};
use crate::support::rendered;

/// It may keep what it was given; where it does not fit the batch it is refused.
#[test]
fn of_another_length_is_stopped() {
    let function = open("other-batch", "attack", "earlier").unwrap();
    function.call(&[numbers(3)], 3).unwrap();
    let error = function.call(&[numbers(5)], 5).unwrap_err();
    expect![[r#"
        error: function attack (other-batch.wasm#attack) gave a wrong result: 3 rows for a batch of 5

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
    assert_eq!(function.counters().instances, 1);
}

/// What was handed back once is the host's.
#[test]
pub fn is_stopped() {
    let function = open("other-batch", "attack", "twice").unwrap();
    function.call(&[numbers(3)], 3).unwrap();
    let error = function.call(&[numbers(3)], 3).unwrap_err();
    expect!["function attack (other-batch.wasm#attack) trapped in `batch-eval`: handle index 3 used with the wrong type, expected guest-defined resource but found a different guest-defined resource"].assert_eq(error.to_string().lines().next().unwrap());
}

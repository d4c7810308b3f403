//! What `plugins/hostile/after-a-million` tries, and what comes of it.

use arrow::array::Array as _;
use expect_test::{Expect, expect};

use super::{numbers, open};
use crate::support::rendered;

fn after_a_million(attack: &str, expected: Expect) {
    let function = open("after-a-million", "attack", attack).unwrap();
    let batch = numbers(8192);
    let mut rows = 0;
    let error = loop {
        match function.call(std::slice::from_ref(&batch), 8192) {
            Ok(column) => rows += column.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(rows, 123 * 8192);
    expected.assert_eq(&rendered(&error));
    // The next guest is a fresh one, and behaves again.
    let lives = attack != "trap";
    assert_eq!(function.call(&[batch], 8192).is_ok(), !lives);
}

#[test]
pub fn is_stopped() {
    after_a_million(
        "trap",
        expect![[r#"
        error: function attack (after-a-million.wasm#attack) trapped in `batch-eval`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]],
    );
    after_a_million(
        "short",
        expect![[r#"
        error: function attack (after-a-million.wasm#attack) gave a wrong result: 1 rows for a batch of 8192

        hint: this is a defect of the plugin: tell its author"#]],
    );
    after_a_million(
        "failed",
        expect!["error: function attack (after-a-million.wasm#attack) failed: at last"],
    );
}

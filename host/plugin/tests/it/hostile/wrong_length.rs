//! What `plugins/hostile/wrong-length` tries, and what comes of it.

use expect_test::expect;

use super::{attacked, attacked_each, numbers, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = ["short", "long", "empty"];
    expect![[r#"
        short: error: function attack (wrong-length.wasm#liar) gave a wrong result: 2 rows for a batch of 3

        hint: this is a defect of the plugin: tell its author

        long: error: function attack (wrong-length.wasm#liar) gave a wrong result: 4 rows for a batch of 3

        hint: this is a defect of the plugin: tell its author

        empty: error: function attack (wrong-length.wasm#liar) gave a wrong result: 0 rows for a batch of 3

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("wrong-length", "liar", &attacks));
}

#[test]
fn of_another_type_is_stopped() {
    let attacks = ["type", "null"];
    expect![[r#"
        type: error: function attack (wrong-length.wasm#liar) gave a wrong result: expected Float64, got Int64

        hint: this is a defect of the plugin: tell its author

        null: error: function attack (wrong-length.wasm#liar) gave a wrong result: 3 nulls in the column `result`, which is NOT NULL

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("wrong-length", "liar", &attacks));
}

#[test]
fn errors_for_rows_that_are_not_there_are_stopped() {
    let attacks = ["rows-error", "no-rows-error"];
    expect![[r#"
        rows-error: error: function attack (wrong-length.wasm#liar) gave a wrong result: an error for row 3 of a batch of 3 rows

        hint: this is a defect of the plugin: tell its author

        no-rows-error: error: function attack (wrong-length.wasm#liar) gave a wrong result: an error for no row

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("wrong-length", "liar", &attacks));
}

#[test]
fn a_panic_is_a_trap() {
    expect![[r#"
        error: function attack (wrong-length.wasm#liar) trapped in `batch-eval`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked("wrong-length", "liar", "trap"));
}

#[test]
fn on_one_row_is_stopped() {
    for (attack, expected) in [
        (
            "value",
            expect![[r#"
            error: function attack (wrong-length.wasm#liar) gave a wrong result: expected Float64, got int64

            hint: this is a defect of the plugin: tell its author"#]],
        ),
        (
            "null",
            expect![[r#"
            error: function attack (wrong-length.wasm#liar) gave a wrong result: a null in the column `result`, which is NOT NULL

            hint: this is a defect of the plugin: tell its author"#]],
        ),
        (
            "rows-error",
            expect![[r#"
            error: function attack (wrong-length.wasm#liar) gave a wrong result: an error for row 1 of a batch of 1 rows

            hint: this is a defect of the plugin: tell its author"#]],
        ),
    ] {
        let function = open("wrong-length", "liar", attack).unwrap();
        // One row of plain types goes by `eval`.
        let error = function.call(&[numbers(1)], 1).unwrap_err();
        expected.assert_eq(&rendered(&error));
    }
}

#[test]
fn a_schema_that_is_none_is_stopped() {
    let attacks = ["no-column", "two-columns", "no-field", "cycle"];
    expect![[r#"
        no-column: error: function attack (wrong-length.wasm#liar) gave a wrong result: field 0 belongs to no column

        hint: this is a defect of the plugin: tell its author

        two-columns: error: function attack (wrong-length.wasm#liar) gave a wrong result: field 0 is not in pre-order

        hint: this is a defect of the plugin: tell its author

        no-field: error: function attack (wrong-length.wasm#liar) gave a wrong result: field 4294967295 does not exist

        hint: this is a defect of the plugin: tell its author

        cycle: error: function attack (wrong-length.wasm#liar) gave a wrong result: field 0 is not in pre-order

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("wrong-length", "liar", &attacks));
}

#[test]
fn a_type_that_is_not_the_declared_one_is_stopped() {
    let error = open("wrong-length", "declared", "").unwrap_err();
    expect![[r#"
        error: function attack (wrong-length.wasm#declared) gave a wrong result: it declares Utf8 and returns Float64

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

#[test]
fn a_guest_that_gave_a_wrong_result_serves_the_next_batch() {
    let function = open("wrong-length", "liar", "short").unwrap();
    for _ in 0..3 {
        function.call(&[numbers(3)], 3).unwrap_err();
    }
    assert_eq!(function.counters().instances, 1);
}

//! What `plugins/hostile/wrong-rows` tries, and what comes of it.

use expect_test::expect;

use super::{attacked, attacked_each, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = ["fewer", "more", "another name", "another type", "not null"];
    expect![[r#"
        fewer: error: function attack (wrong-rows.wasm#liar) gave a wrong result: rows of 1 columns, not of 2

        hint: this is a defect of the plugin: tell its author

        more: error: function attack (wrong-rows.wasm#liar) gave a wrong result: rows of 3 columns, not of 2

        hint: this is a defect of the plugin: tell its author

        another name: error: function attack (wrong-rows.wasm#liar) gave a wrong result: column 0 of its rows is called `numbers`, not `number`

        hint: this is a defect of the plugin: tell its author

        another type: error: function attack (wrong-rows.wasm#liar) gave a wrong result: column 0 of its rows: expected Int64, got Utf8

        hint: this is a defect of the plugin: tell its author

        not null: error: function attack (wrong-rows.wasm#liar) gave a wrong result: column 0 of its rows: 3 nulls in the column `number`, which is NOT NULL

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&attacked_each("wrong-rows", "liar", &attacks));
}

#[test]
fn columns_that_cannot_be_are_stopped() {
    let attacks = [
        "no column",
        "two of a name",
        "no name",
        "a name for a terminal",
    ];
    expect![[r#"
        no column: error: function attack (wrong-rows.wasm#liar) gave a wrong result: `returns` is a schema of no column

        hint: this is a defect of the plugin: tell its author

        two of a name: error: function attack (wrong-rows.wasm#liar) gave a wrong result: two columns of `returns` are called `a`

        hint: this is a defect of the plugin: tell its author

        no name: error: function attack (wrong-rows.wasm#liar) gave a wrong result: a column of `returns` has no name

        hint: this is a defect of the plugin: tell its author

        a name for a terminal: error: function attack (wrong-rows.wasm#liar) gave a wrong result: field 1: `\x1b[2J` is not a field's name

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&attacked_each("wrong-rows", "liar", &attacks));
}

#[test]
fn columns_that_are_not_the_declared_ones_are_stopped() {
    let error = open("wrong-rows", "declared", "").unwrap_err();
    expect![[r#"
        error: function attack (wrong-rows.wasm#declared) gave a wrong result: it declares other Int64, name Utf8 and returns number Int64, name Utf8

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

#[test]
fn errors_and_traps_are_those_of_any_function() {
    let attacks = ["rows error", "trap"];
    expect![[r#"
        rows error: error: function attack (wrong-rows.wasm#liar) gave a wrong result: an error for row 3 of a batch of 3 rows

        hint: this is a defect of the plugin: tell its author

        trap: error: function attack (wrong-rows.wasm#liar) trapped in `batch-eval`: it panicked or aborted
          its backtrace:
            wasmill:udf/table@0.2.0#[method]table-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&attacked_each("wrong-rows", "liar", &attacks));
    assert!(attacked("wrong-rows", "liar", "").starts_with("ListArray"));
}

//! What `plugins/hostile/bad-offsets` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::attacked;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("bad-offsets", "forger", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "backwards",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: offsets go back at row 1, from 2 to 1

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "past-the-end",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: offsets end at 2147483647, past the 3 bytes

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "negative",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: offsets start at -1, below 0

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "too-few",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of 3 rows needs 4 offsets, not 2

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "none",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of 3 rows needs 4 offsets, not 0

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

#[test]
fn text_that_is_none_is_stopped() {
    check(
        "not-utf8",
        expect![[r#"
            error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a utf8 column is not UTF-8: Encountered non UTF-8 data: invalid utf-8 sequence of 1 bytes from index 1

            hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "inside-a-character",
        expect![[r#"
            error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a utf8 column is not UTF-8: Split UTF-8 codepoint at offset 2

            hint: this is a defect of the plugin: tell its author"#]],
    );
}

#[test]
fn buffers_of_a_wrong_length_are_stopped() {
    check(
        "validity",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of 3 rows needs 1 bytes of validity, not 0

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "boolean",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of 3 rows needs 1 bytes of values, not 0

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "values",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of 3 rows needs 3 values, not 1

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "kind",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a float64 column cannot be made of int64 values

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

#[test]
fn values_that_do_not_fit_their_type_are_stopped() {
    check(
        "decimal",
        expect![[r#"
            error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: 100 does not fit decimal128(2, 0)

            hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "precision",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: decimal128(200, -128) does not exist

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "timezone",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: `\x1b]0;owned\x07` is not a time zone

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

#[test]
fn children_that_do_not_fit_are_stopped() {
    check(
        "list",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: offsets end at 4, past the 3 items

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "list-without-items",
        expect![[r#"
            error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a list has 1 children, not 0

            hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "fixed-size-list",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a fixed-size-list(2147483647) of 3 rows needs 6442450941 items, its child has 3

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "struct",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a struct of 3 rows has a field of 1 rows

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

#[test]
fn types_without_end_are_stopped() {
    check(
        "deep",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: the type of a struct column is nested too deep

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "wide",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: the type of a struct column is nested too deep

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

#[test]
fn indices_past_the_end_are_stopped() {
    check(
        "child",
        expect![[r#"
            error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of Int64 has no child 0

            hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "column",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a batch of 1 columns has no column 4294967295

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "project",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a batch of 1 columns has no column 7

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

#[test]
fn batches_that_do_not_fit_are_stopped() {
    check(
        "batch",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: column 0 of a batch of 4 rows has 3

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "batch-type",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: column 0 of a batch: expected Utf8, got Int64

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "batch-schema",
        expect![[r#"
        error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: field 0 is not in pre-order

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

#[test]
fn honest_columns_pass() {
    check(
        "honest",
        expect![[r#"
        StringArray
        [
          "a",
          "b",
          "c",
        ]"#]],
    );
}

//! What `plugins/hostile/bad-offsets` tries, and what comes of it.

use expect_test::expect;

use super::{attacked, attacked_each};

#[test]
pub fn is_stopped() {
    let attacks = ["backwards", "past-the-end", "negative", "too-few", "none"];
    expect![[r#"
        backwards: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: offsets go back at row 1, from 2 to 1

        hint: this is a defect of the plugin: tell its author

        past-the-end: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: offsets end at 2147483647, past the 3 bytes

        hint: this is a defect of the plugin: tell its author

        negative: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: offsets start at -1, below 0

        hint: this is a defect of the plugin: tell its author

        too-few: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of 3 rows needs 4 offsets, not 2

        hint: this is a defect of the plugin: tell its author

        none: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of 3 rows needs 4 offsets, not 0

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("bad-offsets", "forger", &attacks));
}

#[test]
fn text_that_is_none_is_stopped() {
    let attacks = ["not-utf8", "inside-a-character"];
    expect![[r#"
        not-utf8: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a utf8 column is not UTF-8: Encountered non UTF-8 data: invalid utf-8 sequence of 1 bytes from index 1

        hint: this is a defect of the plugin: tell its author

        inside-a-character: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a utf8 column is not UTF-8: Split UTF-8 codepoint at offset 2

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("bad-offsets", "forger", &attacks));
}

#[test]
fn buffers_of_a_wrong_length_are_stopped() {
    let attacks = ["validity", "boolean", "values", "kind"];
    expect![[r#"
        validity: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of 3 rows needs 1 bytes of validity, not 0

        hint: this is a defect of the plugin: tell its author

        boolean: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of 3 rows needs 1 bytes of values, not 0

        hint: this is a defect of the plugin: tell its author

        values: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of 3 rows needs 3 values, not 1

        hint: this is a defect of the plugin: tell its author

        kind: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a float64 column cannot be made of int64 values

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("bad-offsets", "forger", &attacks));
}

#[test]
fn values_that_do_not_fit_their_type_are_stopped() {
    let attacks = ["decimal", "precision", "timezone"];
    expect![[r#"
        decimal: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: 100 does not fit decimal128(2, 0)

        hint: this is a defect of the plugin: tell its author

        precision: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: decimal128(200, -128) does not exist

        hint: this is a defect of the plugin: tell its author

        timezone: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: `\x1b]0;owned\x07` is not a time zone

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("bad-offsets", "forger", &attacks));
}

#[test]
fn children_that_do_not_fit_are_stopped() {
    let attacks = ["list", "list-without-items", "fixed-size-list", "struct"];
    expect![[r#"
        list: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: offsets end at 4, past the 3 items

        hint: this is a defect of the plugin: tell its author

        list-without-items: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a list has 1 children, not 0

        hint: this is a defect of the plugin: tell its author

        fixed-size-list: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a fixed-size-list(2147483647) of 3 rows needs 6442450941 items, its child has 3

        hint: this is a defect of the plugin: tell its author

        struct: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a struct of 3 rows has a field of 1 rows

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("bad-offsets", "forger", &attacks));
}

#[test]
fn types_without_end_are_stopped() {
    let attacks = ["deep", "wide"];
    expect![[r#"
        deep: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: the type of a struct column is nested too deep

        hint: this is a defect of the plugin: tell its author

        wide: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: the type of a struct column is nested too deep

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("bad-offsets", "forger", &attacks));
}

#[test]
fn indices_past_the_end_are_stopped() {
    let attacks = ["child", "column", "project"];
    expect![[r#"
        child: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a column of Int64 has no child 0

        hint: this is a defect of the plugin: tell its author

        column: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a batch of 1 columns has no column 4294967295

        hint: this is a defect of the plugin: tell its author

        project: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: a batch of 1 columns has no column 7

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("bad-offsets", "forger", &attacks));
}

#[test]
fn batches_that_do_not_fit_are_stopped() {
    let attacks = ["batch", "batch-type", "batch-schema"];
    expect![[r#"
        batch: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: column 0 of a batch of 4 rows has 3

        hint: this is a defect of the plugin: tell its author

        batch-type: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: column 0 of a batch: expected Utf8, got Int64

        hint: this is a defect of the plugin: tell its author

        batch-schema: error: function attack (bad-offsets.wasm#forger) handed bad data to its host in `batch-eval`: field 0 is not in pre-order

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("bad-offsets", "forger", &attacks));
}

#[test]
fn honest_columns_pass() {
    expect![[r#"
        StringArray
        [
          "a",
          "b",
          "c",
        ]"#]]
    .assert_eq(&attacked("bad-offsets", "forger", "honest"));
}

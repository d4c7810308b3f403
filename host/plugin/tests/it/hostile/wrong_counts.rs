//! What `plugins/hostile/wrong-counts` tries, and what comes of it.

use arrow::array::AsArray;
use expect_test::expect;

use super::{attacked_each, numbers, open};

const MISCOUNTER: (&str, &str) = ("wrong-counts", "miscounter");

#[test]
pub fn is_stopped() {
    let (name, function) = MISCOUNTER;
    let attacks = ["short", "long", "empty", "null", "signed", "the rows"];
    expect![[r#"
        short: error: function attack (wrong-counts.wasm#miscounter) gave a wrong result: 2 counts for a batch of 3

        hint: this is a defect of the plugin: tell its author

        long: error: function attack (wrong-counts.wasm#miscounter) gave a wrong result: 4 counts for a batch of 3

        hint: this is a defect of the plugin: tell its author

        empty: error: function attack (wrong-counts.wasm#miscounter) gave a wrong result: 0 counts for a batch of 3

        hint: this is a defect of the plugin: tell its author

        null: error: function attack (wrong-counts.wasm#miscounter) gave a wrong result: 1 nulls among its counts

        hint: this is a defect of the plugin: tell its author

        signed: error: function attack (wrong-counts.wasm#miscounter) gave a wrong result: counts of Int32, not of UInt32

        hint: this is a defect of the plugin: tell its author

        the rows: error: function attack (wrong-counts.wasm#miscounter) gave a wrong result: counts of Int64, not of UInt32

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&attacked_each(name, function, &attacks));
}

#[test]
fn counts_that_do_not_come_to_the_rows_are_stopped() {
    let (name, function) = MISCOUNTER;
    let attacks = ["too few", "too many", "overflow", "half"];
    expect![[r#"
        too few: error: function attack (wrong-counts.wasm#miscounter) gave a wrong result: counts of 0 rows in all, and 3 rows

        hint: this is a defect of the plugin: tell its author

        too many: error: function attack (wrong-counts.wasm#miscounter) gave a wrong result: counts of 6 rows in all, and 3 rows

        hint: this is a defect of the plugin: tell its author

        overflow: error: function attack (wrong-counts.wasm#miscounter) gave a wrong result: counts of 4294967299 rows in all, and 3 rows

        hint: this is a defect of the plugin: tell its author

        half: error: function attack (wrong-counts.wasm#miscounter) gave a wrong result: counts of 4294967299 rows in all, and 3 rows

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&attacked_each(name, function, &attacks));
}

#[test]
fn a_guest_that_miscounted_serves_the_next_batch() {
    let (name, function) = MISCOUNTER;
    let function = open(name, function, "short").unwrap();
    for _ in 0..3 {
        function.call(&[numbers(3)], 3).unwrap_err();
    }
    assert_eq!(function.counters().instances, 1);
    let right = open(name, "miscounter", "").unwrap();
    let lists = right.call(&[numbers(3)], 3).unwrap();
    assert_eq!(lists.data_type(), right.returns().data_type());
    let lists = lists.as_list::<i32>();
    assert_eq!(lists.value_offsets(), [0, 1, 2, 3]);
}

//! What `plugins/hostile/poison` tries, and what comes of it: one number of a batch is its poison.

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int64Type;
use expect_test::expect;

use super::{attacked_each, numbers, open};

#[test]
pub fn is_stopped() {
    let attacks = ["rows 1", "failed 1", "trap 1", "memory 1"];
    expect![[r#"
        rows 1: error: function attack (poison.wasm#poison) failed on 1 of 3 rows: row 1: 1 is poison

        failed 1: error: function attack (poison.wasm#poison) failed: 1 is poison

        trap 1: error: function attack (poison.wasm#poison) trapped in `batch-eval`: it panicked or aborted
          its backtrace:
            poison::check
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author

        memory 1: error: function attack (poison.wasm#poison) ran over its memory limit of 32 MiB in `batch-eval`: it wanted 33.0 MiB

        hint: a higher limit can be given with 'limit.memory' in the function's WITH"#]]
    .assert_eq(&attacked_each("poison", "poison", &attacks));
}

/// Called row by row, it fails on that one alone, each time with a guest of its own.
#[test]
fn costs_its_neighbours_nothing() {
    let function = open("poison", "poison", "trap 1").unwrap();
    let column = numbers(3);
    function
        .try_rows(std::slice::from_ref(&column), 3, function.next_rows(3))
        .unwrap()
        .unwrap_err();
    let values = (0..3).map(|row| {
        let value = function
            .try_rows(&[column.slice(row, 1)], 1, function.next_rows(1))
            .unwrap()
            .ok()?;
        assert_eq!(value.len(), 1);
        Some(value.as_primitive::<Int64Type>().value(0))
    });
    assert_eq!(values.collect::<Vec<_>>(), [Some(0), None, Some(2)]);
    assert_eq!(function.counters().traps, 2);
    assert_eq!(function.counters().instances, 3);
}

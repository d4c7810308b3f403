//! What `plugins/hostile/poison` tries, and what comes of it: one number of a batch is its poison.

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int64Type;
use expect_test::{Expect, expect};

use super::{attacked, numbers, open};

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("poison", "poison", attack));
}

#[test]
pub fn is_stopped() {
    check("rows 1", expect![[""]]);
    check("failed 1", expect![[""]]);
    check("trap 1", expect![[""]]);
    check("memory 1", expect![[""]]);
}

/// Called row by row, it fails on that one alone, each time with a guest of its own.
#[test]
fn costs_its_neighbours_nothing() {
    let function = open("poison", "poison", "trap 1").unwrap();
    let column = numbers(3);
    function
        .try_rows(&[column.clone()], 3)
        .unwrap()
        .unwrap_err();
    let values = (0..3).map(|row| {
        let value = function
            .try_rows(&[column.slice(row, 1)], 1)
            .unwrap()
            .ok()?;
        assert_eq!(value.len(), 1);
        Some(value.as_primitive::<Int64Type>().value(0))
    });
    assert_eq!(values.collect::<Vec<_>>(), [Some(0), None, Some(2)]);
    assert_eq!(function.counters().traps, 2);
    assert_eq!(function.counters().instances, 3);
}

//! What `plugins/hostile/wrong-counts` tries, and what comes of it.

use arrow::array::AsArray;
use expect_test::expect;

use super::{attacked_each, numbers, open};

const MISCOUNTER: (&str, &str) = ("wrong-counts", "miscounter");

#[test]
pub fn is_stopped() {
    let (name, function) = MISCOUNTER;
    let attacks = ["short", "long", "empty", "null", "signed", "the rows"];
    expect![[r#""#]].assert_eq(&attacked_each(name, function, &attacks));
}

#[test]
fn counts_that_do_not_come_to_the_rows_are_stopped() {
    let (name, function) = MISCOUNTER;
    let attacks = ["too few", "too many", "overflow", "half"];
    expect![[r#""#]].assert_eq(&attacked_each(name, function, &attacks));
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

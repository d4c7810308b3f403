//! What `plugins/hostile/giant-expansion` tries, and what comes of it.

use arrow::array::AsArray;
use expect_test::expect;

use super::{attacked_each, numbers, open};

#[test]
pub fn is_stopped() {
    let attacks = [
        "more than a column may have",
        "more bytes than a call may give",
        "wide",
    ];
    expect![[r#""#]].assert_eq(&attacked_each("giant-expansion", "giant", &attacks));
}

#[test]
fn what_is_allowed_is_given() {
    let function = open("giant-expansion", "giant", "as many as allowed").unwrap();
    let lists = function.call(&[numbers(3)], 3).unwrap();
    let offsets = lists.as_list::<i32>().value_offsets();
    assert_eq!(offsets, [0, 1_000_000, 1_000_000, 1_000_000]);
}

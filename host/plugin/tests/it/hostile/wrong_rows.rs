//! What `plugins/hostile/wrong-rows` tries, and what comes of it.

use expect_test::expect;

use super::{attacked, attacked_each, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = ["fewer", "more", "another name", "another type", "not null"];
    expect![[r#""#]].assert_eq(&attacked_each("wrong-rows", "liar", &attacks));
}

#[test]
fn columns_that_cannot_be_are_stopped() {
    let attacks = [
        "no column",
        "two of a name",
        "no name",
        "a name for a terminal",
    ];
    expect![[r#""#]].assert_eq(&attacked_each("wrong-rows", "liar", &attacks));
}

#[test]
fn columns_that_are_not_the_declared_ones_are_stopped() {
    let error = open("wrong-rows", "declared", "").unwrap_err();
    expect![[r#""#]].assert_eq(&rendered(&error));
}

#[test]
fn errors_and_traps_are_those_of_any_function() {
    let attacks = ["rows error", "trap"];
    expect![[r#""#]].assert_eq(&attacked_each("wrong-rows", "liar", &attacks));
    assert!(attacked("wrong-rows", "liar", "").starts_with("ListArray"));
}

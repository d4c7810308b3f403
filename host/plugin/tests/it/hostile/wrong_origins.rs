//! What `plugins/hostile/wrong-origins` tries, and what comes of it.

use expect_test::expect;

use super::{keyed, open};

#[test]
pub fn is_stopped() {
    let attacks = [
        "no column",
        "two of a name",
        "no name",
        "a name for a terminal",
        "two slots of a name",
        "a slot without a name",
        "a slot without a column",
        "a value of two columns",
        "a map of one column",
        "a slot that lives for no time",
        "a slot that lives for ever",
        "many slots",
        "two side outputs of a name",
        "a side output without a name",
        "a side output without a column",
        "a side output of two columns of a name",
        "many side outputs",
        "a broadcast table without a column",
        "a broadcast table of two columns of a name",
        "out of range",
        "far out of range",
        "too few",
        "too many",
        "none",
        "nulls",
        "another type",
        "backwards",
        "a side output that is not there",
        "a side output far out of range",
        "rows of the result in a side output",
        "fewer columns",
        "more columns",
        "another name",
        "columns of another type",
        "an error of another row",
        "an error of no row",
        "an error of a row twice",
        "many outputs",
    ];
    let told = attacks.map(|attack| keyed::attacked("wrong-origins", attack));
    expect![""].assert_eq(&told.join("\n"));
}

/// Its guest is sound, and goes on.
#[test]
fn rows_that_are_refused_leave_the_guest() {
    let function = open("wrong-origins", "attack", "out of range").unwrap();
    for _ in 0..3 {
        assert!(keyed::process(&function).is_err());
    }
    let counters = function.counters();
    assert_eq!((counters.traps, counters.instances), (0, 1));
}

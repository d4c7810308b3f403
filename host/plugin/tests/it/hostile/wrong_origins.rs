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
    expect![[r#"
        no column: error: function attack (wrong-origins.wasm#attack) gave a wrong result: `returns` is a schema of no column
        two of a name: error: function attack (wrong-origins.wasm#attack) gave a wrong result: two columns of `returns` are called `a`
        no name: error: function attack (wrong-origins.wasm#attack) gave a wrong result: a column of `returns` has no name
        a name for a terminal: error: function attack (wrong-origins.wasm#attack) gave a wrong result: field 0: `\x1b[2J` is not a field's name
        two slots of a name: error: function attack (wrong-origins.wasm#attack) gave a wrong result: it names the slot `a` twice
        a slot without a name: error: function attack (wrong-origins.wasm#attack) gave a wrong result: `` is not a slot's name
        a slot without a column: error: function attack (wrong-origins.wasm#attack) gave a wrong result: slot `a` has 0 columns, not 1
        a value of two columns: error: function attack (wrong-origins.wasm#attack) gave a wrong result: slot `a` has 2 columns, not 1
        a map of one column: error: function attack (wrong-origins.wasm#attack) gave a wrong result: slot `a` has 1 columns, not 2
        a slot that lives for no time: 3 rows, 0 changes
        a slot that lives for ever: 3 rows, 0 changes
        many slots: error: function attack (wrong-origins.wasm#attack) gave a wrong result: it names more than 1000 slots
        two side outputs of a name: error: function attack (wrong-origins.wasm#attack) gave a wrong result: it names the side output `a` twice
        a side output without a name: error: function attack (wrong-origins.wasm#attack) gave a wrong result: `` is not a side output's name
        a side output without a column: error: function attack (wrong-origins.wasm#attack) gave a wrong result: `side-outputs` is a schema of no column
        a side output of two columns of a name: error: function attack (wrong-origins.wasm#attack) gave a wrong result: two columns of `side-outputs` are called `a`
        many side outputs: error: function attack (wrong-origins.wasm#attack) gave a wrong result: it names more than 1000 side outputs
        a broadcast table without a column: error: function attack (wrong-origins.wasm#attack) gave a wrong result: `broadcast` is a schema of no column
        a broadcast table of two columns of a name: error: function attack (wrong-origins.wasm#attack) gave a wrong result: two columns of `broadcast` are called `a`
        out of range: error: function attack (wrong-origins.wasm#attack) gave a wrong result: a row of the origin 3, for a call of 3
        far out of range: error: function attack (wrong-origins.wasm#attack) gave a wrong result: a row of the origin 4294967295, for a call of 3
        too few: error: function attack (wrong-origins.wasm#attack) gave a wrong result: 2 origins for 3 rows
        too many: error: function attack (wrong-origins.wasm#attack) gave a wrong result: 4 origins for 3 rows
        none: error: function attack (wrong-origins.wasm#attack) gave a wrong result: 0 origins for 3 rows
        nulls: error: function attack (wrong-origins.wasm#attack) gave a wrong result: 3 nulls among its origins
        another type: error: function attack (wrong-origins.wasm#attack) gave a wrong result: origins of Int64, not of UInt32
        backwards: 3 rows, 0 changes
        a side output that is not there: error: function attack (wrong-origins.wasm#attack) gave a wrong result: rows of a side output 1, which is not there
        a side output far out of range: error: function attack (wrong-origins.wasm#attack) gave a wrong result: rows of a side output 4294967295, which is not there
        rows of the result in a side output: error: function attack (wrong-origins.wasm#attack) gave a wrong result: column 0 of its rows is called `result`, not `side`
        fewer columns: error: function attack (wrong-origins.wasm#attack) gave a wrong result: rows of 0 columns, not of 1
        more columns: error: function attack (wrong-origins.wasm#attack) gave a wrong result: rows of 2 columns, not of 1
        another name: error: function attack (wrong-origins.wasm#attack) gave a wrong result: column 0 of its rows is called `other`, not `result`
        columns of another type: error: function attack (wrong-origins.wasm#attack) gave a wrong result: column 0 of its rows: expected Int64, got UInt32
        an error of another row: error: function attack (wrong-origins.wasm#attack) gave a wrong result: an error for row 3 of a batch of 3 rows
        an error of no row: error: function attack (wrong-origins.wasm#attack) gave a wrong result: an error for no row
        an error of a row twice: error: function attack (wrong-origins.wasm#attack) failed on 1 of 3 rows: row 0: bad
        many outputs: error: function attack (wrong-origins.wasm#attack) ran over its limit of 65536 handles in `batch-eval`: it wants one more"#]].assert_eq(&told.join("\n"));
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

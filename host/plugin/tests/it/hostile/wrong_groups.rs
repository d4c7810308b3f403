//! What `plugins/hostile/wrong-groups` tries, and what comes of it.

use expect_test::expect;
use wasmill_plugin::PluginError;

use super::{numbers, open};
use crate::support::rendered;

fn attacked(attack: &str) -> String {
    let tried = || -> Result<String, PluginError> {
        let function = open("wrong-groups", "attack", attack)?;
        let mut groups = function.accumulators()?;
        groups.update(&[numbers(3)], vec![0, 1, 0], 2)?;
        groups.state(2)?;
        groups.evaluate(2)?;
        Ok("nothing is wrong".to_owned())
    };
    let told = tried().unwrap_or_else(|error| rendered(&error));
    format!("{attack}: {}", told.lines().next().unwrap_or_default())
}

#[test]
pub fn is_stopped() {
    let attacks = [
        "a state of nothing",
        "a state without a name",
        "two columns of one name",
        "an error of no row",
        "an error of another row",
        "too few states",
        "too many states",
        "states of another type",
        "states without columns",
        "too few values",
        "too many values",
        "values of another type",
    ];
    expect![[r#"
        a state of nothing: error: function attack (wrong-groups.wasm#attack) gave a wrong result: field 0 belongs to no column
        a state without a name: error: function attack (wrong-groups.wasm#attack) gave a wrong result: a column of `state` has no name
        two columns of one name: error: function attack (wrong-groups.wasm#attack) gave a wrong result: two columns of `state` are called `result`
        an error of no row: error: function attack (wrong-groups.wasm#attack) gave a wrong result: an error for no row
        an error of another row: error: function attack (wrong-groups.wasm#attack) gave a wrong result: an error for row 3 of a batch of 3 rows
        too few states: error: function attack (wrong-groups.wasm#attack) gave a wrong result: 1 states for 2 groups
        too many states: error: function attack (wrong-groups.wasm#attack) gave a wrong result: 3 states for 2 groups
        states of another type: error: function attack (wrong-groups.wasm#attack) gave a wrong result: column 0 of its states: expected Int64, got Float64
        states without columns: error: function attack (wrong-groups.wasm#attack) gave a wrong result: states of 0 columns, not of 1
        too few values: error: function attack (wrong-groups.wasm#attack) gave a wrong result: 1 values for 2 groups
        too many values: error: function attack (wrong-groups.wasm#attack) gave a wrong result: 3 values for 2 groups
        values of another type: error: function attack (wrong-groups.wasm#attack) gave a wrong result: expected Int64, got Float64"#]].assert_eq(&attacks.map(attacked).join("\n"));
}

/// Its guest is sound, so its groups go on.
#[test]
fn a_wrong_result_leaves_the_groups() {
    let function = open("wrong-groups", "attack", "too few values").unwrap();
    let mut groups = function.accumulators().unwrap();
    groups.update(&[numbers(3)], vec![0, 1, 0], 2).unwrap();
    assert!(groups.evaluate(2).is_err());
    assert_eq!(groups.state(2).unwrap()[0].len(), 2);
    assert_eq!(function.counters().traps, 0);
}

#[test]
fn groups_that_are_not_there_are_refused_before_the_guest() {
    let function = open("wrong-groups", "attack", "none").unwrap();
    let mut groups = function.accumulators().unwrap();
    let error = groups.update(&[numbers(1)], vec![2], 2).unwrap_err();
    expect!["function attack (wrong-groups.wasm#attack) takes groups below 2, not (the group 2)"]
        .assert_eq(&error.to_string());
    let error = groups.merge(&[], vec![0], 1).unwrap_err();
    expect!["function attack (wrong-groups.wasm#attack) takes states of (Int64), not ()"]
        .assert_eq(&error.to_string());
}

//! What `plugins/hostile/wasi-env` tries, and what comes of it.

use expect_test::expect;

use super::{attacked, attacker, numbers, options};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    expect![[r#"error: function attack (wasi-env.wasm#attack) failed: variables [], arguments [], folder None, input Ok(("", 0))"#]].assert_eq(&attacked("wasi-env", "attack", "all"));
    expect![[r#"
        error: function attack (wasi-env.wasm#attack) trapped in `batch-eval`: it exited with the code 1
          its backtrace:
            wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&attacked("wasi-env", "attack", "exit"));
}

#[test]
fn that_is_granted_is_there() {
    let mut options = options("wasi-env", "all");
    options.grants.env = [("REGION".to_owned(), "north".to_owned())].into();
    let function = attacker("wasi-env").open("attack", options).unwrap();
    let error = function.call(&[numbers(3)], 3).unwrap_err();
    expect![[r#"error: function attack (wasi-env.wasm#attack) failed: variables [("REGION", "north")], arguments [], folder None, input Ok(("", 0))"#]].assert_eq(&rendered(&error));
}

fn random(plugin: &str, granted: bool) -> String {
    let mut options = options("wasi-env", "random");
    options.grants.random = granted;
    options.sql_name = plugin.to_owned();
    let function = attacker("wasi-env").open("attack", options).unwrap();
    let error = function.call(&[numbers(3)], 3).unwrap_err().to_string();
    error.split_once("failed: ").unwrap().1.to_owned()
}

/// For each function others, in each run the same.
#[test]
fn random_numbers_are_the_functions_own() {
    // The seed is of the plugin's bytes too, which its compiler makes.
    let numbers = random("one", false);
    assert_eq!(numbers, random("one", false));
    assert_ne!(numbers, random("two", false));
    assert_ne!(random("one", true), random("one", true));
}

#[test]
fn random_numbers_without_end_are_refused() {
    expect![[r#"
        error: function attack (wasi-env.wasm#attack) handed bad data to its host in `batch-eval`: it asks for 17179869248.0 GiB of randomness, of at most 1 MiB at once

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&attacked("wasi-env", "attack", "much"));
}

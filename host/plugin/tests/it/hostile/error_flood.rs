//! What `plugins/hostile/error-flood` tries, and what comes of it.

use expect_test::expect;
use wasmill_plugin::PluginError;

use super::{attacked_each, numbers, open};

#[test]
pub fn is_stopped() {
    let attacks = ["million", "past-the-end", "twice", "library"];
    expect![[r#"
        million: error: function attack (error-flood.wasm#attack) failed on 3 of 3 rows: row 0: bad; row 1: bad; row 2: bad

        past-the-end: error: function attack (error-flood.wasm#attack) gave a wrong result: an error for row 3 of a batch of 3 rows

        hint: this is a defect of the plugin: tell its author

        twice: error: function attack (error-flood.wasm#attack) failed on 2 of 3 rows: row 1: first; row 0: third

        library: error: function attack (error-flood.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it handed over more at once

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]]
    .assert_eq(&attacked_each("error-flood", "attack", &attacks));
}

#[test]
fn of_long_messages_is_cut() {
    let function = open("error-flood", "attack", "book").unwrap();
    let error = function.call(&[numbers(3)], 3).unwrap_err();
    let PluginError::Rows { rows, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((rows.len(), rows[0].message.len()), (1, 4096 + "…".len()));
}

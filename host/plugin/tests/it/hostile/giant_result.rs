//! What `plugins/hostile/giant-result` tries, and what comes of it.

use expect_test::expect;

use super::{attacked_each, numbers, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = ["rows", "most-rows", "bytes"];
    expect![[r#"
        rows: error: function attack (giant-result.wasm#attack) ran over its limit of 16777216 rows of a column or a batch in `batch-eval`: it makes one of 67108864

        hint: a higher limit can be given with 'limit.result-rows' in the function's WITH

        most-rows: error: function attack (giant-result.wasm#attack) ran over its limit of 16777216 rows of a column or a batch in `batch-eval`: it makes one of 4294967295

        hint: a higher limit can be given with 'limit.result-rows' in the function's WITH

        bytes: error: function attack (giant-result.wasm#attack) ran over its limit of 10 MiB handed to its host in `batch-eval`: it handed over more at once

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]]
    .assert_eq(&attacked_each("giant-result", "attack", &attacks));
}

#[test]
fn of_one_row_is_stopped() {
    let function = open("giant-result", "attack", "eval").unwrap();
    let error = function.call(&[numbers(1)], 1).unwrap_err();
    expect![[r#"
        error: function attack (giant-result.wasm#attack) ran over its limit of 10 MiB handed to its host in `eval`: it handed over more at once

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]].assert_eq(&rendered(&error));
}

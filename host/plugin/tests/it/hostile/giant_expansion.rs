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
    expect![[r#"
        more than a column may have: error: function attack (giant-expansion.wasm#giant) ran over its limit of 16777216 rows of a column or a batch in `batch-eval`: it makes one of 16777217

        hint: a higher limit can be given with 'limit.result-rows' in the function's WITH

        more bytes than a call may give: error: function attack (giant-expansion.wasm#giant) ran over its limit of 256 MiB handed to its host in `batch-eval`: it has come to 264 MiB

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH

        wide: error: function attack (giant-expansion.wasm#giant) ran over its limit of 256 MiB handed to its host in `batch-eval`: a column of it is 762.9 MiB long

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]].assert_eq(&attacked_each("giant-expansion", "giant", &attacks));
}

#[test]
fn what_is_allowed_is_given() {
    let function = open("giant-expansion", "giant", "as many as allowed").unwrap();
    let lists = function.call(&[numbers(3)], 3).unwrap();
    let offsets = lists.as_list::<i32>().value_offsets();
    assert_eq!(offsets, [0, 1_000_000, 1_000_000, 1_000_000]);
}

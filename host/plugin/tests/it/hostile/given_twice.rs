//! What `plugins/hostile/given-twice` tries, and what comes of it.

use expect_test::expect;

use super::{numbers, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = [
        "rows of the call before",
        "counts of the call before",
        "the batch that was lent",
        "rows as counts",
        "counts as rows",
        "what was let go",
    ];
    let told = attacks.map(|attack| {
        let function = open("given-twice", "attack", attack).unwrap();
        let calls = [(); 2].map(|()| match function.call(&[numbers(3)], 3) {
            Ok(lists) => format!("{} lists", lists.len()),
            Err(error) => rendered(&error),
        });
        format!("{attack}: {}", calls.join("\nthen "))
    });
    expect![[r#"
        rows of the call before: 3 lists
        then error: function attack (given-twice.wasm#attack) trapped in `batch-eval`: unknown handle index 2

        hint: this is a defect of the plugin: tell its author

        counts of the call before: 3 lists
        then error: function attack (given-twice.wasm#attack) trapped in `batch-eval`: unknown handle index 3

        hint: this is a defect of the plugin: tell its author

        the batch that was lent: error: function attack (given-twice.wasm#attack) trapped in `batch-eval`: unknown handle index 1

        hint: this is a defect of the plugin: tell its author
        then error: function attack (given-twice.wasm#attack) trapped in `batch-eval`: unknown handle index 1

        hint: this is a defect of the plugin: tell its author

        rows as counts: error: function attack (given-twice.wasm#attack) trapped in `batch-eval`: unknown handle index 2

        hint: this is a defect of the plugin: tell its author
        then error: function attack (given-twice.wasm#attack) trapped in `batch-eval`: unknown handle index 2

        hint: this is a defect of the plugin: tell its author

        counts as rows: error: function attack (given-twice.wasm#attack) trapped in `batch-eval`: handle index 3 used with the wrong type, expected guest-defined resource but found a different guest-defined resource

        hint: this is a defect of the plugin: tell its author
        then error: function attack (given-twice.wasm#attack) trapped in `batch-eval`: handle index 3 used with the wrong type, expected guest-defined resource but found a different guest-defined resource

        hint: this is a defect of the plugin: tell its author

        what was let go: error: function attack (given-twice.wasm#attack) trapped in `batch-eval`: unknown handle index 2

        hint: this is a defect of the plugin: tell its author
        then error: function attack (given-twice.wasm#attack) trapped in `batch-eval`: unknown handle index 2

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&told.join("\n\n"));
}

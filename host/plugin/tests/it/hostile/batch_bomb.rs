//! What `plugins/hostile/batch-bomb` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::attacked;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("batch-bomb", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "project-wide",
        expect![[r#"
        error: function attack (batch-bomb.wasm#attack) handed bad data to its host in `batch-eval`: a batch of more than 4096 columns

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "project",
        expect![[r#"
        error: function attack (batch-bomb.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.1 MiB

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]],
    );
    check(
        "names",
        expect![[r#"
        error: function attack (batch-bomb.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.0 MiB

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]],
    );
    check(
        "fields",
        expect![[r#"
        error: function attack (batch-bomb.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.4 MiB

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]],
    );
}

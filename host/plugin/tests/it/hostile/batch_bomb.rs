//! What `plugins/hostile/batch-bomb` tries, and what comes of it.

use expect_test::expect;

use super::attacked_each;

#[test]
pub fn is_stopped() {
    let attacks = ["project-wide", "project", "names", "fields"];
    expect![[r#"
        project-wide: error: function attack (batch-bomb.wasm#attack) handed bad data to its host in `batch-eval`: a batch of more than 4096 columns

        hint: this is a defect of the plugin: tell its author

        project: error: function attack (batch-bomb.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.1 MiB

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH

        names: error: function attack (batch-bomb.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.0 MiB

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH

        fields: error: function attack (batch-bomb.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.4 MiB

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]]
    .assert_eq(&attacked_each("batch-bomb", "attack", &attacks));
}

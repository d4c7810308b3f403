//! What `plugins/hostile/absurd-schema` tries, and what comes of it.

use expect_test::expect;

use super::attacked_each;

#[test]
pub fn is_stopped() {
    let attacks = [
        "deep",
        "wide",
        "backwards",
        "itself",
        "twice",
        "long-name",
        "orphans",
        "children-of-a-number",
        "columns",
        "struct-of-nothing",
    ];
    expect![[r#"
        deep: error: function attack (absurd-schema.wasm#attack) gave a wrong result: fields are nested more than 16 deep

        hint: this is a defect of the plugin: tell its author

        wide: error: function attack (absurd-schema.wasm#attack) ran over its limit of 64 MiB handed to its host in `returns`: it handed over more at once

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH

        backwards: error: function attack (absurd-schema.wasm#attack) gave a wrong result: field 2 is not in pre-order

        hint: this is a defect of the plugin: tell its author

        itself: error: function attack (absurd-schema.wasm#attack) gave a wrong result: field 0 is not in pre-order

        hint: this is a defect of the plugin: tell its author

        twice: error: function attack (absurd-schema.wasm#attack) gave a wrong result: field 1 is not in pre-order

        hint: this is a defect of the plugin: tell its author

        long-name: error: function attack (absurd-schema.wasm#attack) gave a wrong result: field 0: `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…` is not a field's name

        hint: this is a defect of the plugin: tell its author

        orphans: error: function attack (absurd-schema.wasm#attack) gave a wrong result: field 1 belongs to no column

        hint: this is a defect of the plugin: tell its author

        children-of-a-number: error: function attack (absurd-schema.wasm#attack) gave a wrong result: a int64 has 0 children, not 1

        hint: this is a defect of the plugin: tell its author

        columns: error: function attack (absurd-schema.wasm#attack) gave a wrong result: a struct without fields does not exist

        hint: this is a defect of the plugin: tell its author

        struct-of-nothing: error: function attack (absurd-schema.wasm#attack) gave a wrong result: a struct without fields does not exist

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&attacked_each("absurd-schema", "attack", &attacks));
}

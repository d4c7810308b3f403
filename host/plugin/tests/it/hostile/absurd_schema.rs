//! What `plugins/hostile/absurd-schema` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::attacked;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("absurd-schema", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "deep",
        expect![[r#"
        error: function attack (absurd-schema.wasm#attack) gave a wrong result: fields are nested more than 16 deep

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "wide",
        expect![[r#"
            error: function attack (absurd-schema.wasm#attack) ran over its limit of 64 MiB handed to its host in `returns`: it handed over more at once

            hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]],
    );
    check(
        "backwards",
        expect![[r#"
        error: function attack (absurd-schema.wasm#attack) gave a wrong result: field 2 is not in pre-order

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "itself",
        expect![[r#"
        error: function attack (absurd-schema.wasm#attack) gave a wrong result: field 0 is not in pre-order

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "twice",
        expect![[r#"
            error: function attack (absurd-schema.wasm#attack) gave a wrong result: field 1 is not in pre-order

            hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "long-name",
        expect![[r#"
        error: function attack (absurd-schema.wasm#attack) gave a wrong result: field 0: `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…` is not a field's name

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "orphans",
        expect![[r#"
            error: function attack (absurd-schema.wasm#attack) gave a wrong result: field 1 belongs to no column

            hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "children-of-a-number",
        expect![[r#"
            error: function attack (absurd-schema.wasm#attack) gave a wrong result: a int64 has 0 children, not 1

            hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "columns",
        expect![[r#"
            error: function attack (absurd-schema.wasm#attack) gave a wrong result: a struct without fields does not exist

            hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "struct-of-nothing",
        expect![[r#"
        error: function attack (absurd-schema.wasm#attack) gave a wrong result: a struct without fields does not exist

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

//! What `plugins/hostile/absurd-types` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::attacked;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("absurd-types", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "precision",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) gave a wrong result: decimal128(255, 0) does not exist

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "no-precision",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) gave a wrong result: decimal128(0, 0) does not exist

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "scale",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) gave a wrong result: decimal128(10, 11) does not exist

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "negative-scale",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) gave a wrong result: decimal128(38, -128) does not exist

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "list",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) gave a wrong result: fixed-size-list(4294967295) does not exist

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "list-of-none",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) gave a wrong result: fixed-size-list(0) does not exist

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "mars",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) gave a wrong result: `Mars/Olympus_Mons` is not a time zone

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "offset",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) gave a wrong result: `+99:99` is not a time zone

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "no-zone",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) gave a wrong result: `` is not a time zone

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "path",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) gave a wrong result: `../../etc/passwd` is not a time zone

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "late",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) handed bad data to its host in `batch-eval`: 86400000000 µs is no time of day

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "early",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) handed bad data to its host in `batch-eval`: -1 µs is no time of day

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "end",
        expect![[r#"
        error: function attack (absurd-types.wasm#attack) handed bad data to its host in `batch-eval`: 9223372036854775807 µs is no time of day

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "last-instant",
        expect![[r#"
        PrimitiveArray<Timestamp(ns, "UTC")>
        [
          1970-01-01T00:00:00+00:00,
          1970-01-01T00:00:00+00:00,
          2262-04-11T23:47:16.854775807+00:00,
        ]"#]],
    );
}

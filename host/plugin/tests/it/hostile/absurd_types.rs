//! What `plugins/hostile/absurd-types` tries, and what comes of it.

use expect_test::expect;

use super::attacked_each;

#[test]
pub fn is_stopped() {
    let attacks = [
        "precision",
        "no-precision",
        "scale",
        "negative-scale",
        "list",
        "list-of-none",
        "mars",
        "offset",
        "no-zone",
        "path",
        "late",
        "early",
        "end",
        "last-instant",
    ];
    expect![[r#"
        precision: error: function attack (absurd-types.wasm#attack) gave a wrong result: decimal128(255, 0) does not exist

        hint: this is a defect of the plugin: tell its author

        no-precision: error: function attack (absurd-types.wasm#attack) gave a wrong result: decimal128(0, 0) does not exist

        hint: this is a defect of the plugin: tell its author

        scale: error: function attack (absurd-types.wasm#attack) gave a wrong result: decimal128(10, 11) does not exist

        hint: this is a defect of the plugin: tell its author

        negative-scale: error: function attack (absurd-types.wasm#attack) gave a wrong result: decimal128(38, -128) does not exist

        hint: this is a defect of the plugin: tell its author

        list: error: function attack (absurd-types.wasm#attack) gave a wrong result: fixed-size-list(4294967295) does not exist

        hint: this is a defect of the plugin: tell its author

        list-of-none: error: function attack (absurd-types.wasm#attack) gave a wrong result: fixed-size-list(0) does not exist

        hint: this is a defect of the plugin: tell its author

        mars: error: function attack (absurd-types.wasm#attack) gave a wrong result: `Mars/Olympus_Mons` is not a time zone

        hint: this is a defect of the plugin: tell its author

        offset: error: function attack (absurd-types.wasm#attack) gave a wrong result: `+99:99` is not a time zone

        hint: this is a defect of the plugin: tell its author

        no-zone: error: function attack (absurd-types.wasm#attack) gave a wrong result: `` is not a time zone

        hint: this is a defect of the plugin: tell its author

        path: error: function attack (absurd-types.wasm#attack) gave a wrong result: `../../etc/passwd` is not a time zone

        hint: this is a defect of the plugin: tell its author

        late: error: function attack (absurd-types.wasm#attack) handed bad data to its host in `batch-eval`: 86400000000 µs is no time of day

        hint: this is a defect of the plugin: tell its author

        early: error: function attack (absurd-types.wasm#attack) handed bad data to its host in `batch-eval`: -1 µs is no time of day

        hint: this is a defect of the plugin: tell its author

        end: error: function attack (absurd-types.wasm#attack) handed bad data to its host in `batch-eval`: 9223372036854775807 µs is no time of day

        hint: this is a defect of the plugin: tell its author

        last-instant: PrimitiveArray<Timestamp(ns, "UTC")>
        [
          1970-01-01T00:00:00+00:00,
          1970-01-01T00:00:00+00:00,
          2262-04-11T23:47:16.854775807+00:00,
        ]"#]]
    .assert_eq(&attacked_each("absurd-types", "attack", &attacks));
}

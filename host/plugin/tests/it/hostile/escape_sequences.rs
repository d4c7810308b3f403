//! What `plugins/hostile/escape-sequences` tries, and what comes of it.

use expect_test::expect;
use std::sync::Arc;

use super::{Sink, attacked_each, attacker, numbers, options};

#[test]
pub fn is_stopped() {
    let attacks = ["open", "model", "field", "null", "rows", "failed"];
    expect![[r#"
        open: error: function attack (escape-sequences.wasm#attack) refuses to open: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J

        model: error: function attack (escape-sequences.wasm#attack) wants the model `\x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J`, which the job does not grant

        hint: add 'grant.models' = '\x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J' to the function's WITH

        field: error: function attack (escape-sequences.wasm#attack) gave a wrong result: field 0: `\x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J` is not a field's name

        hint: this is a defect of the plugin: tell its author

        null: PrimitiveArray<Int64>
        [
          0,
          1,
          2,
        ]

        rows: error: function attack (escape-sequences.wasm#attack) failed on 1 of 3 rows: row 0: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J

        failed: error: function attack (escape-sequences.wasm#attack) failed: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J
          its last log lines:
            info: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J"#]]
    .assert_eq(&attacked_each("escape-sequences", "attack", &attacks));
}

#[test]
fn in_logs_and_metrics_is_stopped() {
    let sink = Arc::new(Sink::default());
    let mut options = options("escape-sequences", "log");
    options.log = sink.clone();
    options.metrics = sink.clone();
    let function = attacker("escape-sequences")
        .open("attack", options)
        .unwrap();
    function.call(&[numbers(3)], 3).unwrap();
    expect![[r#"attack (escape-sequences.wasm#attack) info: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J"#]].assert_eq(&sink.lines.lock().unwrap().join("\n"));
    let metrics: Vec<_> = sink.metrics.lock().unwrap().iter().cloned().collect();
    expect![[r#"\x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J"#]]
        .assert_eq(&metrics.join("\n"));
}

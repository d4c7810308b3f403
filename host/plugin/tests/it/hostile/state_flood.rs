//! What `plugins/hostile/state-flood` tries, and what comes of it.

use expect_test::expect;

use super::keyed;

/// One call; what all of them keep together is counted by who keeps it (`limit.state-bytes`).
#[test]
pub fn is_stopped() {
    let attacks = [
        "appends without end",
        "entries without end",
        "writes without end",
        "timers without end",
        "a timer without end",
        "a MiB a call",
        "a value of 64 MiB",
    ];
    let told = attacks.map(|attack| keyed::attacked("state-flood", attack));
    expect![[r#"
        appends without end: error: function attack (state-flood.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.0 MiB
        entries without end: error: function attack (state-flood.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.5 MiB
        writes without end: error: function attack (state-flood.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.0 MiB
        timers without end: error: function attack (state-flood.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.0 MiB
        a timer without end: error: function attack (state-flood.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: it has come to 64.0 MiB
        a MiB a call: 3 rows, 1 changes
        a value of 64 MiB: error: function attack (state-flood.wasm#attack) ran over its memory limit of 32 MiB in `batch-eval`: it wanted 65.7 MiB"#]].assert_eq(&told.join("\n"));
}

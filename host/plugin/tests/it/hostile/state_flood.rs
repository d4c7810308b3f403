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
    expect![""].assert_eq(&told.join("\n"));
}

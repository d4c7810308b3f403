//! What `plugins/hostile/timer-loop` tries in one call, and what comes of it. That a job ends which it
//! is in is a test of the engine's.

use expect_test::expect;
use wasmill_plugin::PluginError;

use super::{keyed, open};

fn attacked(attack: &str) -> String {
    let function = open("timer-loop", "attack", attack).unwrap();
    let tried = || -> Result<usize, PluginError> {
        keyed::process(&function)?;
        Ok(keyed::fire(&function)?.changes.len())
    };
    let told = match tried() {
        Ok(changes) => format!("{changes} changes"),
        Err(error) => error.to_string(),
    };
    let told = told.lines().next().unwrap_or_default().to_owned();
    format!("{attack}: {told}, {} trapped", function.counters().traps)
}

#[test]
pub fn is_stopped() {
    let attacks = [
        "loop in on-timers",
        "trap in on-timers",
        "rows each time",
        "processing",
        "more each time",
    ];
    expect![[r#"
        loop in on-timers: function attack (timer-loop.wasm#attack) ran over its time limit of 200 ms in `on-timers`, 1 trapped
        trap in on-timers: function attack (timer-loop.wasm#attack) trapped in `on-timers`: it panicked or aborted, 1 trapped
        rows each time: 1 changes, 0 trapped
        processing: 1 changes, 0 trapped
        more each time: 2 changes, 0 trapped"#]].assert_eq(&attacks.map(attacked).join("\n"));
}

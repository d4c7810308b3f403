//! What `plugins/hostile/group-loop` tries, and what comes of it.

use expect_test::expect;
use wasmill_plugin::PluginError;

use super::{numbers, open};

const CALLS: [&str; 6] = [
    "accumulators",
    "update",
    "state",
    "evaluate",
    "forget",
    "drop",
];

fn attacked(attack: &str) -> String {
    let function = open("group-loop", "attack", attack).unwrap();
    let tried = || -> Result<(), PluginError> {
        let mut groups = function.accumulators()?;
        groups.update(&[numbers(3)], vec![0, 1, 0], 2)?;
        groups.state(2)?;
        groups.evaluate(2)?;
        groups.forget(2)
    };
    let told = match tried() {
        Ok(()) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    };
    // Groups that are dropped are wanted no more, so nothing is told of what comes then.
    let told = told.lines().next().unwrap_or_default().to_owned();
    format!("{attack}: {told}, {} trapped", function.counters().traps)
}

#[test]
pub fn is_stopped() {
    expect![[r#"
        accumulators: function attack (group-loop.wasm#attack) ran over its time limit of 200 ms in `accumulators`, 1 trapped
        update: function attack (group-loop.wasm#attack) ran over its time limit of 200 ms in `update`, 1 trapped
        state: function attack (group-loop.wasm#attack) ran over its time limit of 200 ms in `state`, 1 trapped
        evaluate: function attack (group-loop.wasm#attack) ran over its time limit of 200 ms in `evaluate`, 1 trapped
        forget: function attack (group-loop.wasm#attack) ran over its time limit of 200 ms in `forget`, 1 trapped
        drop: nothing, 1 trapped"#]].assert_eq(&CALLS.map(attacked).join("\n"));
}

/// Others live in the same guest, and are told.
#[test]
fn groups_beside_those_that_ended_their_guest_say_so() {
    let function = open("group-loop", "attack", "evaluate").unwrap();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let groups = (0..=cores).map(|_| function.shared_accumulators().unwrap());
    let mut groups: Vec<_> = groups.collect();
    assert_eq!(function.counters().instances as usize, cores);
    let told = [0, cores].map(|place| groups[place].evaluate(1).unwrap_err().to_string());
    expect![[r#"
        function attack (group-loop.wasm#attack) ran over its time limit of 200 ms in `evaluate`
        function attack (group-loop.wasm#attack) failed: an earlier call has ended the guest that had these groups"#]].assert_eq(&told.join("\n"));
}

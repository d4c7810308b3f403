//! What `plugins/hostile/log-flood` tries, and what comes of it.

use std::sync::Arc;

use super::{Sink, attacker, numbers, options};

#[test]
pub fn is_stopped() {
    for (attack, lines, longest) in [
        ("lines", 100, 5),
        ("nothing", 100, 0),
        ("long", 1, 4096 + 3),
    ] {
        let sink = Arc::new(Sink::default());
        let mut options = options("log-flood", attack);
        options.log = sink.clone();
        let function = attacker("log-flood").open("attack", options).unwrap();
        function.call(&[numbers(3)], 3).unwrap();
        let logged = sink.lines.lock().unwrap();
        let of_function = "attack (log-flood.wasm#attack) error: ".len();
        let most = logged.iter().map(|line| line.len() - of_function).max();
        assert_eq!((logged.len(), most), (lines, Some(longest)));
    }
}

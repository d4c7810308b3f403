//! What `plugins/hostile/start-bomb` tries, and what comes of it.

use expect_test::expect;

use super::swapped;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = swapped("start-bomb").unwrap_err();
    expect![[r#"
        error: `start-bomb.wasm` ran over its memory limit of 32 MiB in `functions`: it wanted 32.0 MiB

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

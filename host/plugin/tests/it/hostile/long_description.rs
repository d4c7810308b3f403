//! What `plugins/hostile/long-description` tries, and what comes of it.

use expect_test::expect;

use super::load;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = load("long-description").unwrap_err();
    expect![[r#"
        error: `long-description.wasm` ran over its limit of 16 MiB handed to its host in `functions`: it handed over more at once

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

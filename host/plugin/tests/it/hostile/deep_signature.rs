//! What `plugins/hostile/deep-signature` tries, and what comes of it.

use expect_test::expect;

use super::load;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = load("deep-signature").unwrap_err();
    expect![[r#"
        error: `deep-signature.wasm` describes its functions wrongly: function `attack`: more than 4096 fields

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

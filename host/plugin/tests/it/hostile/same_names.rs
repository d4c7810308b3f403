//! What `plugins/hostile/same-names` tries, and what comes of it.

use expect_test::expect;

use super::load;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = load("same-names").unwrap_err();
    expect![[r#"
        error: `same-names.wasm` describes its functions wrongly: it names the function `twin` twice

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&rendered(&error));
}

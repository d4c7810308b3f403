//! What `plugins/hostile/same-parameters` tries, and what comes of it.

use expect_test::expect;

use super::load;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = load("same-parameters").unwrap_err();
    expect![[r#"
        error: `same-parameters.wasm` describes its functions wrongly: function `attack`: it names the parameter `attack` twice

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

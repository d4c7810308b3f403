//! What `plugins/hostile/many-parameters` tries, and what comes of it.

use expect_test::expect;

use super::load;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = load("many-parameters").unwrap_err();
    expect![[r#"
        error: `many-parameters.wasm` describes its functions wrongly: function `attack`: it has more than 1000 parameters

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}

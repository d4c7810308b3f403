//! What `plugins/hostile/destructor-calls-host` tries, and what comes of it.

use expect_test::expect;

use super::{attacked, attacked_briefly};

#[test]
pub fn is_stopped() {
    expect!["error: function attack (destructor-calls-host.wasm#attack) trapped in `batch-eval`: it ran out of stack"].assert_eq(&attacked_briefly("destructor-calls-host", "again"));
}

#[test]
fn once_is_allowed() {
    expect![[r#"
        PrimitiveArray<Int64>
        [
          0,
          1,
          2,
        ]"#]]
    .assert_eq(&attacked("destructor-calls-host", "attack", "once"));
}

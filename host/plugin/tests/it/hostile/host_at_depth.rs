//! What `plugins/hostile/host-at-depth` tries, and what comes of it.

use expect_test::expect;

use super::attacked_briefly;

#[test]
pub fn is_stopped() {
    expect!["error: function attack (host-at-depth.wasm#attack) trapped in `batch-eval`: it ran out of stack"].assert_eq(&attacked_briefly("host-at-depth", "any"));
}

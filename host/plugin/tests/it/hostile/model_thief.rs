//! What `plugins/hostile/model-thief` tries, and what comes of it.

use expect_test::expect;

use super::{attacked_each, open};

#[test]
pub fn is_stopped() {
    let attacks = ["sum", "../../etc/passwd", "/etc/passwd", "late", "all"];
    expect![[r#"
        sum: error: function attack (model-thief.wasm#attack) wants the model `sum`, which the job does not grant

        hint: add 'grant.models' = 'sum' to the function's WITH

        ../../etc/passwd: error: function attack (model-thief.wasm#attack) wants the model `../../etc/passwd`, which the job does not grant

        hint: add 'grant.models' = '../../etc/passwd' to the function's WITH

        /etc/passwd: error: function attack (model-thief.wasm#attack) wants the model `/etc/passwd`, which the job does not grant

        hint: add 'grant.models' = '/etc/passwd' to the function's WITH

        late: error: function attack (model-thief.wasm#attack) failed: ../../etc/passwd

        all: PrimitiveArray<Int64>
        [
          0,
          0,
          0,
        ]"#]]
    .assert_eq(&attacked_each("model-thief", "attack", &attacks));
}

#[test]
fn by_a_name_as_long_as_a_book_is_stopped() {
    let error = open("model-thief", "attack", "long").unwrap_err();
    assert!(error.to_string().len() < 5000 && error.hint().unwrap().len() < 5000);
}

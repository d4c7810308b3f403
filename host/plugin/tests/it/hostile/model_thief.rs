//! What `plugins/hostile/model-thief` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::{attacked, open};

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("model-thief", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "sum",
        expect![[r#"
        error: function attack (model-thief.wasm#attack) wants the model `sum`, which the job does not grant

        hint: add 'grant.models' = 'sum' to the function's WITH"#]],
    );
    check(
        "../../etc/passwd",
        expect![[r#"
        error: function attack (model-thief.wasm#attack) wants the model `../../etc/passwd`, which the job does not grant

        hint: add 'grant.models' = '../../etc/passwd' to the function's WITH"#]],
    );
    check(
        "/etc/passwd",
        expect![[r#"
        error: function attack (model-thief.wasm#attack) wants the model `/etc/passwd`, which the job does not grant

        hint: add 'grant.models' = '/etc/passwd' to the function's WITH"#]],
    );
    check(
        "late",
        expect!["error: function attack (model-thief.wasm#attack) failed: ../../etc/passwd"],
    );
    check(
        "all",
        expect![[r#"
        PrimitiveArray<Int64>
        [
          0,
          0,
          0,
        ]"#]],
    );
}

#[test]
fn by_a_name_as_long_as_a_book_is_stopped() {
    let error = open("model-thief", "attack", "long").unwrap_err();
    assert!(error.to_string().len() < 5000 && error.hint().unwrap().len() < 5000);
}

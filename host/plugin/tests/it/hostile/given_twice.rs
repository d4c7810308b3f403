//! What `plugins/hostile/given-twice` tries, and what comes of it.

use expect_test::expect;

use super::{numbers, open};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let attacks = [
        "rows of the call before",
        "counts of the call before",
        "the batch that was lent",
        "rows as counts",
        "counts as rows",
        "what was let go",
    ];
    let told = attacks.map(|attack| {
        let function = open("given-twice", "attack", attack).unwrap();
        let calls = [(); 2].map(|()| match function.call(&[numbers(3)], 3) {
            Ok(lists) => format!("{} lists", lists.len()),
            Err(error) => rendered(&error),
        });
        format!("{attack}: {}", calls.join("\nthen "))
    });
    expect![[r#""#]].assert_eq(&told.join("\n\n"));
}

//! What `#[table]` makes of functions.
#![allow(clippy::unwrap_used, reason = "tests")]

use expect_test::expect;
use wasmill_sdk::{Arguments, DataType, Field, TableFunction, table};

/// The parts of a text.
#[table(columns(part, length))]
fn split<'a>(text: &'a str, by: &'a str) -> impl Iterator<Item = (&'a str, i32)> {
    text.split(by).map(|part| (part, part.len() as i32))
}

#[table(name = "count_to", description = "Counts.", volatile)]
fn count(end: Option<i64>) -> Vec<i64> {
    (1..=end.unwrap_or(3)).collect()
}

#[table]
fn halves(number: i64) -> Result<[(i64, Option<bool>); 2], String> {
    match number % 2 {
        0 => Ok([(number / 2, None), (number / 2, Some(true))]),
        _ => Err(format!("{number} is odd")),
    }
}

/// An error of an item fails its row, too.
#[table]
fn parsed(text: &str) -> impl Iterator<Item = Result<i32, std::num::ParseIntError>> {
    text.split(',').map(str::parse)
}

#[table]
fn nothing() -> Option<f64> {
    None
}

fn shown<F: TableFunction>() -> String {
    let signature = F::signature();
    let types = |fields: &[Field]| {
        let fields = fields.iter();
        let fields = fields.map(|field| format!("{} {:?}", field.name, field.data_type));
        fields.collect::<Vec<_>>().join(", ")
    };
    let Arguments::Exact(arguments) = &signature.arguments else {
        panic!("a typed function has exact arguments");
    };
    format!(
        "{}({}) → ({}), {}, '{}'",
        signature.name,
        types(arguments),
        types(&signature.returns.unwrap()),
        signature.deterministic,
        signature.description
    )
}

#[test]
fn a_signature_is_what_the_function_says() {
    let signatures = [
        shown::<split>(),
        shown::<count>(),
        shown::<halves>(),
        shown::<parsed>(),
        shown::<nothing>(),
    ];
    expect![[r#"
        split(text Utf8, by Utf8) → (part Utf8, length Int32), true, 'The parts of a text.'
        count_to(end Int64) → (count_to Int64), false, 'Counts.'
        halves(number Int64) → (f0 Int64, f1 Boolean), true, ''
        parsed(text Utf8) → (parsed Int32), true, 'An error of an item fails its row, too.'
        nothing() → (nothing Float64), true, ''"#]]
    .assert_eq(&signatures.join("\n"));
    assert!(
        split::signature()
            .returns
            .unwrap()
            .iter()
            .all(|field| field.nullable)
    );
    assert_eq!(
        nothing::signature().returns.unwrap()[0].data_type,
        DataType::Float64
    );
}

#[test]
fn the_function_is_still_a_function() {
    let parts: Vec<_> = split("a-bc", "-").collect();
    assert_eq!(parts, [("a", 1), ("bc", 2)]);
    assert_eq!(halves(3), Err("3 is odd".to_string()));
    assert_eq!(count(None), [1, 2, 3]);
    assert_eq!(parsed("1,x").filter(Result::is_err).count(), 1);
    assert_eq!(nothing(), None);
}

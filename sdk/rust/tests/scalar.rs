//! What `#[scalar]` makes of functions, called row by row as a host would.
#![allow(clippy::unwrap_used, reason = "tests")]

use expect_test::expect;
use wasmill_sdk::{
    Arguments, DataType, Date, Error, Field, OpenContext, Row, ScalarFunction, TimeUnit, Timestamp,
    Value, scalar,
};

/// The greatest common divisor.
#[scalar]
fn gcd(a: i32, b: i32) -> i32 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

#[scalar(
    name = "or_else",
    description = "The first that is not NULL.",
    volatile
)]
fn coalesce<'a>(first: Option<&'a str>, second: Option<&'a str>) -> Option<&'a str> {
    first.or(second)
}

#[scalar]
fn halve(number: i64) -> Result<i64, String> {
    if number % 2 == 0 {
        Ok(number / 2)
    } else {
        Err(format!("{number} is odd"))
    }
}

#[scalar]
fn next_day(date: Date) -> Date {
    Date(date.0 + 1)
}

#[scalar]
fn one_second_later(time: Timestamp) -> Option<Timestamp> {
    time.0.checked_add(1_000_000).map(Timestamp)
}

#[scalar]
fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

#[scalar]
fn answer() -> u8 {
    42
}

#[scalar]
fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

#[scalar]
fn shout(text: String, times: u8) -> String {
    text.to_uppercase() + &"!".repeat(times.into())
}

/// Opens a function and calls it on one row.
fn call<F: ScalarFunction>(values: Vec<Value>) -> Result<Value, Error> {
    let Arguments::Exact(fields) = F::signature().arguments else {
        panic!("a typed function has exact arguments");
    };
    let mut function = F::open(&OpenContext::new(&[], fields.clone()))?;
    function.eval(Row::new(values, &fields)?)
}

fn shown(result: Result<Value, Error>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn a_signature_is_what_the_function_says() {
    let signature = gcd::signature();
    assert_eq!(signature.name, "gcd");
    assert_eq!(signature.description, "The greatest common divisor.");
    assert!(signature.deterministic);
    assert_eq!(
        signature.returns,
        Some(vec![Field::new("gcd", DataType::Int32)])
    );
    let int = |name| Field::new(name, DataType::Int32);
    assert_eq!(
        signature.arguments,
        Arguments::Exact(vec![int("a"), int("b")])
    );

    let signature = coalesce::signature();
    assert_eq!(signature.name, "or_else");
    assert_eq!(signature.description, "The first that is not NULL.");
    assert!(!signature.deterministic);

    let list = DataType::List(Box::new(Field::item(DataType::Float64)));
    assert_eq!(
        mean::signature().arguments,
        Arguments::Exact(vec![Field::new("numbers", list)])
    );
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let time = Field::new("time", micros);
    assert_eq!(
        one_second_later::signature().arguments,
        Arguments::Exact(vec![time])
    );
}

#[test]
fn values_go_in_and_come_out() {
    let text = |text: &str| Value::Utf8(text.to_string());
    let results = [
        call::<gcd>(vec![Value::Int64(12), Value::Int64(-18)]),
        call::<coalesce>(vec![Value::Null, text("b")]),
        call::<halve>(vec![Value::Int64(10)]),
        call::<next_day>(vec![Value::Date32(20_000)]),
        call::<one_second_later>(vec![Value::TimestampMicros(5)]),
        call::<length>(vec![Value::Binary(vec![1, 2, 3])]),
        call::<answer>(vec![]),
        call::<shout>(vec![text("grüße"), Value::Uint64(2)]),
    ];
    expect![[r#"
        Value::Int64(6)
        Value::Utf8("b")
        Value::Int64(5)
        Value::Date32(20001)
        Value::TimestampMicros(1000005)
        Value::Uint64(3)
        Value::Uint64(42)
        Value::Utf8("GRÜSSE!!")"#]]
    .assert_eq(&results.map(shown).join("\n"));
}

#[test]
fn null_is_an_option_or_no_call() {
    let results = [
        // Would divide by zero.
        call::<gcd>(vec![Value::Null, Value::Int64(0)]),
        call::<coalesce>(vec![Value::Null, Value::Null]),
        call::<one_second_later>(vec![Value::TimestampMicros(i64::MAX)]),
        call::<mean>(vec![Value::Null]),
        call::<shout>(vec![Value::Null, Value::Uint64(2)]),
    ];
    assert_eq!(results.map(shown), ["Value::Null"; 5]);
}

#[test]
fn errors_say_which_row_and_why() {
    let results = [
        call::<halve>(vec![Value::Int64(3)]),
        call::<gcd>(vec![Value::Int64(3)]),
        call::<gcd>(vec![Value::Int64(1 << 40), Value::Int64(3)]),
        call::<shout>(vec![Value::Boolean(true), Value::Uint64(2)]),
    ];
    expect![[r#"
        Error::Rows([RowError { row: 0, message: "3 is odd" }])
        Error::Invalid("a row has 1 values, the function was opened with 2 arguments")
        Error::Invalid("a value is not of its argument's type, Int32")
        Error::Invalid("a value is not of its argument's type, Utf8")"#]]
    .assert_eq(&results.map(shown).join("\n"));
}

#[test]
fn the_function_is_still_a_function() {
    assert_eq!(gcd(12, 18), 6);
    assert_eq!(coalesce(None, Some("b")), Some("b"));
}

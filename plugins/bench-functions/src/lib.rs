//! What the benches measure the border with.

mod functions;
#[path = "../../haversine/src/formula.rs"]
mod haversine_formula;
#[path = "../../haversine/src/trigonometry.rs"]
mod trigonometry;

use wasmill_sdk::{
    Batch, Column, Error, Field, OpenContext, Row, ScalarFunction, Signature, Value, scalar,
};

/// Hands back its first argument: a call and nothing else.
struct Noop {
    returns: Field,
}

impl ScalarFunction for Noop {
    fn signature() -> Signature {
        Signature::new("noop").description("Its first argument.")
    }

    fn open(context: &OpenContext) -> Result<Self, Error> {
        match context.arguments().first() {
            Some(first) => Ok(Self {
                returns: first.clone(),
            }),
            None => Err(Error::invalid("`noop` needs an argument")),
        }
    }

    fn returns(&self) -> Result<Field, Error> {
        Ok(self.returns.clone())
    }

    fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error> {
        Ok(rows.column(0))
    }

    fn eval(&mut self, row: Row) -> Result<Value, Error> {
        Ok(row.into_values().into_iter().next().unwrap_or(Value::Null))
    }
}

wasmill_sdk::plugin!(Noop);

/// A line.
#[scalar]
fn axpb(x: f64) -> f64 {
    functions::axpb(x)
}

/// The greatest common divisor.
#[scalar]
fn gcd(a: i32, b: i32) -> i32 {
    functions::gcd(a, b)
}

/// Great-circle distance in metres, between places in degrees.
#[scalar]
fn haversine(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    haversine_formula::haversine(lat1, lon1, lat2, lon2)
}

/// A text with each letter of ASCII as a capital one.
#[scalar]
fn shout(text: &str) -> String {
    text.to_ascii_uppercase()
}

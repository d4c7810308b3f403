//! Calls itself until the stack is full.

use std::hint::black_box;

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::{Error, Value};

struct Recursion;

impl Attack for Recursion {
    const NAME: &'static str = "recursion";

    fn open(attack: &str) -> Result<(), Error> {
        if attack == "open" {
            descend(0);
        }
        Ok(())
    }

    fn eval(_attack: &str, _row: Vec<Value>) -> Result<Value, Error> {
        descend(0);
        Ok(Value::Null)
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        if attack == "batch-eval" {
            descend(0);
        }
        Ok(rows.column(0))
    }
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "the attack")]
fn descend(depth: u64) -> u64 {
    black_box(descend(black_box(depth) + 1)) + 1
}

attack::export!(Recursion);

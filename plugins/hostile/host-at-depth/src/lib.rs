//! Calls itself until little stack is left, and its host at every step.

use std::hint::black_box;

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Values};
use attack::log::{Level, log};
use attack::types::Error;

struct Diver;

impl Attack for Diver {
    fn batch_eval(_attack: &str, rows: &Batch) -> Result<Column, Error> {
        dive(rows, 0);
        Ok(rows.column(0))
    }
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "the attack")]
fn dive(rows: &Batch, depth: i64) -> i64 {
    log(Level::Trace, "");
    let column = attack::column(&DataType::Int64, 1, Values::Int64(vec![depth]));
    drop(black_box(column.read()));
    drop(rows.project(&[0]));
    black_box(dive(rows, black_box(depth) + 1)) + 1
}

attack::export!(Diver);

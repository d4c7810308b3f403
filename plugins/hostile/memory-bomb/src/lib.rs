//! Takes memory, handles, and room in the host until somebody stops it.

use std::hint::black_box;
use std::mem::forget;

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Schema, Values};
use attack::log::{Level, log};
use attack::metrics::counter;
use attack::types::{Error, RowError, Value};

struct Bomb;

impl Attack for Bomb {
    const NAME: &'static str = "bomb";

    fn open(attack: &str) -> Result<(), Error> {
        if attack == "open" {
            allocate();
        }
        Ok(())
    }

    /// Not the type of what `batch_eval` hands back, so that every call ends in an error.
    fn returns(_attack: &str) -> Schema {
        attack::schema(DataType::Float64, true)
    }

    fn eval(_attack: &str, _row: Vec<Value>) -> Result<Value, Error> {
        allocate();
        Ok(Value::Null)
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        match attack {
            "memory" => allocate(),
            "handles" => loop {
                forget(rows.column(0));
            },
            "columns" => loop {
                let zeros = Values::Float64(vec![0.0; 1 << 20]);
                forget(attack::column(&DataType::Float64, 1 << 20, zeros));
            },
            "errors" => {
                let error = |row| RowError {
                    row,
                    message: "x".repeat(1 << 10),
                };
                return Err(Error::Rows((0..rows.rows()).map(error).collect()));
            }
            "log" => (0..100_000).for_each(|line| log(Level::Info, &format!("line {line}"))),
            "metrics" => (0..100_000).for_each(|number| counter(&format!("metric-{number}"), 1)),
            "leak" => forget(rows.column(0)),
            // A guest that is refused memory may live on.
            "ask" => while core::arch::wasm32::memory_grow(0, 16) != usize::MAX {},
            _ => {}
        }
        Ok(rows.column(0))
    }
}

fn allocate() {
    let mut memory = Vec::new();
    loop {
        memory.push(black_box(vec![1_u8; 1 << 20]));
    }
}

attack::export!(Bomb);

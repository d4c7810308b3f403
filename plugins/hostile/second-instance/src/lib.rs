//! Answers otherwise in an instance that was never asked for its type: every one but the first.

use std::sync::atomic::{AtomicBool, Ordering};

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Schema, Values};
use attack::types::{Error, Value};

struct Double;

static FIRST: AtomicBool = AtomicBool::new(false);

impl Attack for Double {
    fn returns(_attack: &str) -> Schema {
        FIRST.store(true, Ordering::Relaxed);
        attack::schema(DataType::Int64, true)
    }

    fn eval(_attack: &str, row: Vec<Value>) -> Result<Value, Error> {
        match FIRST.load(Ordering::Relaxed) {
            true => panic!("makes room for the second"),
            false => Ok(Value::Utf8(format!("{} values", row.len()))),
        }
    }

    fn batch_eval(_attack: &str, rows: &Batch) -> Result<Column, Error> {
        if FIRST.load(Ordering::Relaxed) {
            panic!("makes room for the second");
        }
        let floats = Values::Float64(vec![0.5; rows.rows() as usize]);
        Ok(attack::column(&DataType::Float64, rows.rows(), floats))
    }
}

attack::export!(Double);

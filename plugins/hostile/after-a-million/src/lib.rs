//! Behaves for a million rows, and then does what it came for.

use std::sync::atomic::{AtomicU32, Ordering};

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Values};
use attack::types::Error;

struct Sleeper;

static ROWS: AtomicU32 = AtomicU32::new(0);

impl Attack for Sleeper {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        if ROWS.fetch_add(rows.rows(), Ordering::Relaxed) < 1_000_000 {
            return Ok(rows.column(0));
        }
        match attack {
            "trap" => panic!("at last"),
            "short" => Ok(attack::column(&DataType::Int64, 1, Values::Int64(vec![7]))),
            _ => Err(Error::Failed("at last".to_owned())),
        }
    }
}

attack::export!(Sleeper);

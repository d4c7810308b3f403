//! Logs lines without end, and lines as long as books.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::log::{Level, log};
use attack::types::Error;

struct Flood;

impl Attack for Flood {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        match attack {
            "lines" => (0..1_000_000).for_each(|_| log(Level::Error, "flood")),
            "nothing" => (0..1_000_000).for_each(|_| log(Level::Error, "")),
            _ => log(Level::Error, &"long ".repeat(4 << 20)),
        }
        Ok(rows.column(0))
    }
}

attack::export!(Flood);

//! Calls its host out of a destructor, in the middle of a call: its own resource's, and without end.

use attack::columns::{Batch, Column};
use attack::log::{Level, log};
use attack::types::Error;
use attack::{Attack, Opened};

struct Nested;

impl Attack for Nested {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        drop(Opened::<Self>::handle(attack));
        Ok(rows.column(0))
    }

    fn dropped(attack: &str) {
        log(Level::Info, "the destructor runs");
        if attack == "again" {
            drop(Opened::<Self>::handle(attack));
        }
    }
}

attack::export!(Nested);

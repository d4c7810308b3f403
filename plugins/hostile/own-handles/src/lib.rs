//! Makes handles to its own resource until somebody stops it: no function of the host is called.

use std::mem::forget;

use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::{Attack, Opened};

struct Hoarder;

impl Attack for Hoarder {
    fn batch_eval(_attack: &str, _rows: &Batch) -> Result<Column, Error> {
        loop {
            forget(Opened::<Self>::handle(""));
        }
    }
}

attack::export!(Hoarder);

//! Hands back, as its result, the batch that it was lent, or its own function.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;

struct Mirror;

impl Attack for Mirror {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        // SAFETY: none, that is the attack; the host must refuse it.
        match attack {
            "project" => Ok(unsafe { Column::from_handle(rows.project(&[0]).take_handle()) }),
            _ => Ok(unsafe { Column::from_handle(rows.handle()) }),
        }
    }
}

attack::export!(Mirror);

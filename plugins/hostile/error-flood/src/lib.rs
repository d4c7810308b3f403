//! Gives more errors than there are rows, errors of rows that are not there, and errors as long as
//! books.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::{Error, RowError};

struct Flood;

impl Attack for Flood {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let error = |row, message: &str| RowError {
            row,
            message: message.to_owned(),
        };
        let length = rows.rows();
        Err(Error::Rows(match attack {
            "million" => (0..1_000_000)
                .map(|row| error(row % length, "bad"))
                .collect(),
            "past-the-end" => (0..1_000_000).map(|row| error(row, "bad")).collect(),
            "twice" => vec![error(1, "first"), error(1, "second"), error(0, "third")],
            "book" => vec![error(0, &"long ".repeat(2 << 20))],
            "library" => {
                return Err(Error::Failed("long ".repeat(30 << 20)));
            }
            _ => Vec::new(),
        }))
    }
}

attack::export!(Flood);

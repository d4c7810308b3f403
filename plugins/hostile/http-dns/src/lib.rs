//! Asks a granted name.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::wasi::get;

struct Dns;

impl Attack for Dns {
    fn batch_eval(attack: &str, _rows: &Batch) -> Result<Column, Error> {
        let text = match get(attack, "/") {
            Ok(answer) => format!("{}: {:?}", answer.status, answer.read()),
            Err(code) => format!("{code:?}"),
        };
        Err(Error::Failed(text))
    }
}

attack::export!(Dns);

//! Puts escape sequences, newlines, marks of direction and invisible letters into all that it says.

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Schema};
use attack::inference::Model;
use attack::log::{Level, log};
use attack::metrics::counter;
use attack::types::{Error, RowError};

struct Painter;

const PAINT: &str = "\x1b[31mred\r\nINFO all is well\u{202e}\u{200b}\u{9b}2J";

impl Attack for Painter {
    fn open(attack: &str) -> Result<(), Error> {
        match attack {
            "open" => Err(Error::Invalid(PAINT.to_owned())),
            "model" => match Model::open(PAINT) {
                Ok(_) => Ok(()),
                Err(_) => Err(Error::Invalid("no model".to_owned())),
            },
            _ => Ok(()),
        }
    }

    fn returns(attack: &str) -> Schema {
        let mut returns = attack::schema(DataType::Int64, attack != "null");
        if attack == "field" {
            returns.fields[0].name = PAINT.to_owned();
        }
        returns
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        log(Level::Info, PAINT);
        counter(PAINT, 1);
        match attack {
            "rows" => Err(Error::Rows(vec![RowError {
                row: 0,
                message: PAINT.to_owned(),
            }])),
            "failed" => Err(Error::Failed(PAINT.to_owned())),
            _ => Ok(rows.column(0)),
        }
    }
}

attack::export!(Painter);

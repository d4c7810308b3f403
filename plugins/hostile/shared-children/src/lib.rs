//! Puts one column into a struct thousands of times, and that into another: nothing is copied until
//! somebody writes it down.

use attack::Attack;
use attack::columns::{Array, Batch, Column, DataType, Values};
use attack::types::Error;

struct Multiplier;

impl Attack for Multiplier {
    fn batch_eval(_attack: &str, rows: &Batch) -> Result<Column, Error> {
        let length = 1 << 20;
        let column = attack::column(&DataType::Int64, length, Values::Int64(vec![0; 1 << 20]));
        let one = structure(length, vec![column]);
        structure(length, (0..2000).map(|_| one.child(0)).collect());
        Ok(rows.column(0))
    }
}

fn structure(length: u32, fields: Vec<Column>) -> Column {
    let array = Array {
        length,
        validity: None,
        values: Values::None,
    };
    Column::new(&DataType::Struct, &array, fields)
}

attack::export!(Multiplier);

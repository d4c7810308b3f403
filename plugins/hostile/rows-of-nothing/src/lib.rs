//! Makes columns of four thousand million rows that take no room.

use attack::Attack;
use attack::columns::{Array, Batch, Column, DataType, Values};
use attack::types::Error;

struct Void;

impl Attack for Void {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let array = Array {
            length: u32::MAX,
            validity: None,
            values: Values::None,
        };
        let none = attack::column(&DataType::Int64, 0, Values::Int64(Vec::new()));
        let many = match attack {
            "fixed-size-list" => Column::new(&DataType::FixedSizeList(0), &array, vec![none]),
            _ => Column::new(&DataType::Struct, &array, Vec::new()),
        };
        let offsets = (0..=rows.rows()).map(|row| (row * (i32::MAX as u32 / 4)) as i32);
        let array = Array {
            length: rows.rows(),
            validity: None,
            values: Values::Offsets(offsets.collect()),
        };
        Ok(Column::new(&DataType::List, &array, vec![many]))
    }
}

attack::export!(Void);

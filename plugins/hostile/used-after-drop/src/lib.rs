//! Uses handles that it has let go of.

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Values};
use attack::types::Error;

struct Revenant;

impl Attack for Revenant {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let handle = rows.column(0).handle();
        // SAFETY: none, that is the attack; the host must refuse it.
        let mut dropped = unsafe { Column::from_handle(handle) };
        match attack {
            "read" => drop(dropped.read()),
            "result" => return Ok(dropped),
            "child" => {
                let array = attack::columns::Array {
                    length: rows.rows(),
                    validity: None,
                    values: Values::None,
                };
                return Ok(Column::new(&DataType::Struct, &array, vec![dropped]));
            }
            // A new handle may have the old one's number: then it is that one.
            "again" => {
                let column = rows.column(0);
                column.take_handle_of(&mut dropped);
            }
            _ => drop(dropped),
        }
        Ok(rows.column(0))
    }
}

trait TakeHandle {
    fn take_handle_of(self, other: &mut Column);
}

impl TakeHandle for Column {
    /// Both are the same handle now, and both are dropped.
    fn take_handle_of(self, other: &mut Column) {
        // SAFETY: none, that is the attack.
        *other = unsafe { Column::from_handle(self.handle()) };
    }
}

attack::export!(Revenant);

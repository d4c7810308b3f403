//! Says wrongly how many rows of its result are whose.

use attack::columns::{Array, Batch, Column, DataType, Values};
use attack::table::{Expansion, TableAttack, counts, itself};
use attack::types::Error;

struct Miscounter;

impl TableAttack for Miscounter {
    const NAME: &'static str = "miscounter";

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Expansion, Error> {
        let length = rows.rows() as usize;
        let given = itself(rows);
        let wrong = match attack {
            "short" => counts(vec![1; length - 1]),
            "long" => counts(vec![1; length + 1]),
            "empty" => counts(Vec::new()),
            "null" => nulls(length),
            "signed" => signed(length),
            "the rows" => rows.column(0),
            "too few" => counts(vec![0; length]),
            "too many" => counts(vec![2; length]),
            // Their sum is right in 32 bits.
            "overflow" => {
                let mut wrong = vec![0; length];
                wrong[0] = u32::MAX;
                wrong[1] = length as u32 + 1;
                counts(wrong)
            }
            // As offsets of 32 bits, they would go back.
            "half" => {
                let mut wrong = vec![0; length];
                wrong[0] = 1 << 31;
                wrong[1] = 1 << 31;
                wrong[2] = length as u32;
                counts(wrong)
            }
            _ => counts(vec![1; length]),
        };
        Ok(Expansion {
            rows: given.rows,
            counts: wrong,
        })
    }
}

fn nulls(length: usize) -> Column {
    let array = Array {
        length: length as u32,
        validity: Some(vec![0b1111_1101; length.div_ceil(8)]),
        values: Values::Uint32(vec![1; length]),
    };
    Column::new(&DataType::Uint32, &array, Vec::new())
}

fn signed(length: usize) -> Column {
    let values = Values::Int32(vec![-1; length]);
    attack::column(&DataType::Int32, length as u32, values)
}

attack::table::export!(Miscounter);

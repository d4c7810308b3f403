//! Gives results without measure: of a batch, of one row.

use attack::Attack;
use attack::columns::{Array, Batch, Column, DataType, Schema, Values};
use attack::types::{Error, Value};

struct Giant;

impl Attack for Giant {
    fn returns(_attack: &str) -> Schema {
        attack::schema(DataType::Utf8, true)
    }

    fn eval(_attack: &str, _row: Vec<Value>) -> Result<Value, Error> {
        Ok(Value::Utf8("x".repeat(20 << 20)))
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let length = rows.rows();
        Ok(match attack {
            "rows" => {
                let values = Values::Boolean(vec![0; 8 << 20]);
                attack::column(&DataType::Boolean, 64 << 20, values)
            }
            "most-rows" => {
                let array = Array {
                    length: u32::MAX,
                    validity: None,
                    values: Values::Boolean(vec![0; 1]),
                };
                Column::new(&DataType::Boolean, &array, Vec::new())
            }
            _ => {
                let end = 20 << 20;
                let mut offsets = vec![0; length as usize];
                offsets.push(end);
                let values = Values::Bytes((offsets, vec![b'x'; end as usize]));
                attack::column(&DataType::Utf8, length, values)
            }
        })
    }
}

attack::export!(Giant);

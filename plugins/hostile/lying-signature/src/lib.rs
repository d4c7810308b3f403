//! Declares one type, and gives another: when it is opened, or when it is called.

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Schema, Values};
use attack::types::{Error, Signature, Value};

struct Liar;

impl Attack for Liar {
    fn functions() -> Vec<Signature> {
        let mut signature = attack::signature(Self::NAME);
        signature.returns = Some(attack::schema(DataType::Int32, false));
        vec![signature]
    }

    fn returns(attack: &str) -> Schema {
        match attack {
            "returns" => attack::schema(DataType::Utf8, false),
            "nullable" => attack::schema(DataType::Int32, true),
            _ => attack::schema(DataType::Int32, false),
        }
    }

    fn eval(attack: &str, _row: Vec<Value>) -> Result<Value, Error> {
        match attack {
            "wide" => Ok(Value::Int64(i64::MAX)),
            _ => Ok(Value::Null),
        }
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let length = rows.rows();
        match attack {
            "text" => {
                let offsets = (0..).take(length as usize + 1).collect();
                let bytes = vec![b'x'; length as usize];
                let values = Values::Bytes((offsets, bytes));
                Ok(attack::column(&DataType::Utf8, length, values))
            }
            _ => Ok(rows.column(0)),
        }
    }
}

attack::export!(Liar);

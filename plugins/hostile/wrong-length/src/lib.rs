//! Gives results that are not what it declared: rows, types, nulls, errors.

use attack::Attack;
use attack::columns::{Array, Batch, Column, DataType, Schema, Values};
use attack::types::{Error, RowError, Signature, Value};

struct Liar;

impl Attack for Liar {
    const NAME: &'static str = "liar";

    fn functions() -> Vec<Signature> {
        let mut declared = attack::signature("declared");
        declared.returns = Some(attack::schema(DataType::Utf8, true));
        vec![attack::signature(Self::NAME), declared]
    }

    fn returns(attack: &str) -> Schema {
        let mut returns = attack::schema(DataType::Float64, false);
        match attack {
            "no-column" => returns.columns.clear(),
            "two-columns" => returns.columns.push(0),
            "no-field" => returns.columns[0] = u32::MAX,
            "cycle" => {
                returns.fields[0].data_type = DataType::List;
                returns.fields[0].children.push(0);
            }
            _ => {}
        }
        returns
    }

    fn eval(attack: &str, _row: Vec<Value>) -> Result<Value, Error> {
        match attack {
            "null" => Ok(Value::Null),
            "rows-error" => Err(row_error(1)),
            _ => Ok(Value::Int64(1)),
        }
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let length = rows.rows();
        match attack {
            "short" => Ok(floats(length - 1)),
            "long" => Ok(floats(length + 1)),
            "empty" => Ok(floats(0)),
            "null" => Ok(nulls(length)),
            "type" => Ok(rows.column(0)),
            "rows-error" => Err(row_error(length)),
            "no-rows-error" => Err(Error::Rows(Vec::new())),
            "trap" => panic!("as it pleases"),
            _ => Ok(floats(length)),
        }
    }
}

fn row_error(row: u32) -> Error {
    Error::Rows(vec![RowError {
        row,
        message: "a row that is not there".to_owned(),
    }])
}

fn floats(length: u32) -> Column {
    let values = Values::Float64(vec![0.5; length as usize]);
    attack::column(&DataType::Float64, length, values)
}

fn nulls(length: u32) -> Column {
    let array = Array {
        length,
        validity: Some(vec![0; (length as usize).div_ceil(8)]),
        values: Values::Float64(vec![0.5; length as usize]),
    };
    Column::new(&DataType::Float64, &array, Vec::new())
}

attack::export!(Liar);

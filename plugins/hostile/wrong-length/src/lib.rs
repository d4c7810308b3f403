//! Gives results that are not what it declared: rows, types, nulls, errors.
//!
//! The parameter `attack` chooses which.

wit_bindgen::generate!({ path: "../../../wit", world: "scalar-plugin" });

use exports::wasmill::udf::scalar::{Guest, GuestScalarFunction, ScalarFunction};
use wasmill::udf::columns::{Array, Batch, Column, DataType, Field, Schema, Values};
use wasmill::udf::types::{Arguments, Error, OpenContext, Parameter, RowError, Signature, Value};

struct Plugin;

struct Liar {
    attack: String,
}

impl Guest for Plugin {
    type ScalarFunction = Liar;

    fn functions() -> Vec<Signature> {
        let mut declared = signature("declared");
        declared.returns = Some(schema(DataType::Utf8, true));
        vec![signature("liar"), declared]
    }
}

impl GuestScalarFunction for Liar {
    fn open(_name: String, context: OpenContext) -> Result<ScalarFunction, Error> {
        let attack = attack_of(&context);
        Ok(ScalarFunction::new(Liar { attack }))
    }

    fn returns(&self) -> Schema {
        let mut returns = schema(DataType::Float64, false);
        match self.attack.as_str() {
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

    fn eval(&self, _row: Vec<Value>) -> Result<Value, Error> {
        Ok(match self.attack.as_str() {
            "null" => Value::Null,
            "rows-error" => return Err(row_error(1)),
            _ => Value::Int64(1),
        })
    }

    fn batch_eval(&self, rows: &Batch) -> Result<Column, Error> {
        let length = rows.rows();
        match self.attack.as_str() {
            "short" => Ok(floats(length - 1, None)),
            "long" => Ok(floats(length + 1, None)),
            "empty" => Ok(floats(0, None)),
            "null" => Ok(floats(length, Some(vec![0; (length as usize).div_ceil(8)]))),
            "type" => Ok(integers(length)),
            "rows-error" => Err(row_error(length)),
            "no-rows-error" => Err(Error::Rows(Vec::new())),
            "trap" => panic!("as it pleases"),
            _ => Ok(floats(length, None)),
        }
    }
}

fn row_error(row: u32) -> Error {
    Error::Rows(vec![RowError {
        row,
        message: "a row that is not there".to_owned(),
    }])
}

fn floats(length: u32, validity: Option<Vec<u8>>) -> Column {
    let array = Array {
        length,
        validity,
        values: Values::Float64(vec![0.5; length as usize]),
    };
    Column::new(&DataType::Float64, &array, Vec::new())
}

fn integers(length: u32) -> Column {
    let array = Array {
        length,
        validity: None,
        values: Values::Int64(vec![1; length as usize]),
    };
    Column::new(&DataType::Int64, &array, Vec::new())
}

fn schema(data_type: DataType, nullable: bool) -> Schema {
    let field = Field {
        name: "result".to_owned(),
        data_type,
        nullable,
        children: Vec::new(),
    };
    Schema {
        fields: vec![field],
        columns: vec![0],
    }
}

fn attack_of(context: &OpenContext) -> String {
    context
        .parameters
        .iter()
        .find_map(|(name, value)| (name == "attack").then(|| value.clone()))
        .unwrap_or_default()
}

fn signature(name: &str) -> Signature {
    Signature {
        name: name.to_owned(),
        description: "An attack.".to_owned(),
        arguments: Arguments::Any,
        returns: None,
        deterministic: true,
        parameters: vec![Parameter {
            name: "attack".to_owned(),
            description: "which".to_owned(),
            required: true,
            default: None,
        }],
    }
}

export!(Plugin);

//! Makes columns whose buffers lie: lengths, offsets, text, children, indices.
//!
//! The parameter `attack` chooses which.

wit_bindgen::generate!({ path: "../../../wit", world: "scalar-plugin" });

use exports::wasmill::udf::scalar::{Guest, GuestScalarFunction, ScalarFunction};
use wasmill::udf::columns::{
    Array, Batch, Column, DataType, DecimalType, Field, Schema, TimeUnit, TimestampType, Values,
};
use wasmill::udf::types::{Arguments, Error, OpenContext, Parameter, Signature, Value};

struct Plugin;

struct Forger {
    attack: String,
}

impl Guest for Plugin {
    type ScalarFunction = Forger;

    fn functions() -> Vec<Signature> {
        vec![signature("forger")]
    }
}

impl GuestScalarFunction for Forger {
    fn open(_name: String, context: OpenContext) -> Result<ScalarFunction, Error> {
        let attack = attack_of(&context);
        Ok(ScalarFunction::new(Forger { attack }))
    }

    fn returns(&self) -> Schema {
        schema(DataType::Utf8, true)
    }

    fn eval(&self, _row: Vec<Value>) -> Result<Value, Error> {
        Err(Error::Failed("one row is too few".to_owned()))
    }

    fn batch_eval(&self, rows: &Batch) -> Result<Column, Error> {
        Ok(match self.attack.as_str() {
            "backwards" => text(vec![0, 2, 1, 3], b"abc"),
            "past-the-end" => text(vec![0, 1, 2, i32::MAX], b"abc"),
            "negative" => text(vec![-1, 1, 2, 3], b"abc"),
            "too-few" => text(vec![0, 3], b"abc"),
            "none" => text(vec![], b"abc"),
            "not-utf8" => text(vec![0, 1, 2, 3], b"a\xffc"),
            "inside-a-character" => text(vec![0, 1, 2, 3], "aé".as_bytes()),
            "validity" => column(
                &DataType::Utf8,
                Some(vec![]),
                Values::Bytes((vec![0, 1, 2, 3], b"abc".to_vec())),
                vec![],
            ),
            "boolean" => column(&DataType::Boolean, None, Values::Boolean(vec![]), vec![]),
            "values" => column(&DataType::Float64, None, Values::Float64(vec![1.0]), vec![]),
            "kind" => column(
                &DataType::Float64,
                None,
                Values::Int64(vec![1, 2, 3]),
                vec![],
            ),
            "decimal" => {
                let decimal = DecimalType {
                    precision: 2,
                    scale: 0,
                };
                let values = Values::Int128(vec![99, 0, 100, 0, 0, 0]);
                column(&DataType::Decimal128(decimal), None, values, vec![])
            }
            "precision" => {
                let decimal = DecimalType {
                    precision: 200,
                    scale: -128,
                };
                let values = Values::Int128(vec![0; 6]);
                column(&DataType::Decimal128(decimal), None, values, vec![])
            }
            "timezone" => {
                let timestamp = TimestampType {
                    unit: TimeUnit::Second,
                    timezone: Some("\x1b]0;owned\x07".to_owned()),
                };
                let values = Values::Int64(vec![0; 3]);
                column(&DataType::Timestamp(timestamp), None, values, vec![])
            }
            "list" => {
                let items = text(vec![0, 1, 2, 3], b"abc");
                let offsets = Values::Offsets(vec![0, 1, 2, 4]);
                column(&DataType::List, None, offsets, vec![items])
            }
            "list-without-items" => {
                let offsets = Values::Offsets(vec![0, 1, 2, 3]);
                column(&DataType::List, None, offsets, vec![])
            }
            "fixed-size-list" => {
                let items = text(vec![0, 1, 2, 3], b"abc");
                let list = DataType::FixedSizeList(u32::MAX >> 1);
                column(&list, None, Values::None, vec![items])
            }
            "struct" => {
                let field = Column::new(
                    &DataType::Boolean,
                    &Array {
                        length: 1,
                        validity: None,
                        values: Values::Boolean(vec![1]),
                    },
                    vec![],
                );
                column(&DataType::Struct, None, Values::None, vec![field])
            }
            "deep" => {
                let mut nested = rows.column(0);
                loop {
                    nested = column(&DataType::Struct, None, Values::None, vec![nested]);
                }
            }
            "wide" => {
                let mut nested = rows.column(0);
                loop {
                    nested = column(&DataType::Struct, None, Values::None, vec![nested]);
                    let copies = (0..100).map(|_| nested.child(0)).collect();
                    nested = column(&DataType::Struct, None, Values::None, copies);
                }
            }
            "child" => rows.column(0).child(0),
            "column" => rows.column(u32::MAX),
            "project" => rows.project(&[0, 7]).column(0),
            "batch" => {
                let batch = Batch::new(&schema(DataType::Utf8, true), vec![rows.column(0)], 4);
                batch.column(0)
            }
            "batch-type" => {
                let batch = Batch::new(&schema(DataType::Utf8, true), vec![rows.column(0)], 3);
                batch.column(0)
            }
            "batch-schema" => {
                let mut schema = schema(DataType::Int64, true);
                schema.columns = vec![0, 0];
                let columns = vec![rows.column(0), rows.column(0)];
                Batch::new(&schema, columns, 3).column(0)
            }
            _ => text(vec![0, 1, 2, 3], b"abc"),
        })
    }
}

fn text(offsets: Vec<i32>, bytes: &[u8]) -> Column {
    let values = Values::Bytes((offsets, bytes.to_vec()));
    column(&DataType::Utf8, None, values, vec![])
}

/// A column that says that it has three rows.
fn column(
    data_type: &DataType,
    validity: Option<Vec<u8>>,
    values: Values,
    children: Vec<Column>,
) -> Column {
    let array = Array {
        length: 3,
        validity,
        values,
    };
    Column::new(data_type, &array, children)
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

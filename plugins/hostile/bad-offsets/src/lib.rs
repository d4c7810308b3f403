//! Makes columns whose buffers lie: lengths, offsets, text, children, indices.

use attack::columns::{
    Array, Batch, Column, DataType, DecimalType, Schema, TimeUnit, TimestampType, Values,
};
use attack::types::Error;
use attack::{Attack, schema};

struct Forger;

impl Attack for Forger {
    const NAME: &'static str = "forger";

    fn returns(_attack: &str) -> Schema {
        schema(DataType::Utf8, true)
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        Ok(match attack {
            "backwards" => text(vec![0, 2, 1, 3], b"abc"),
            "past-the-end" => text(vec![0, 1, 2, i32::MAX], b"abc"),
            "negative" => text(vec![-1, 1, 2, 3], b"abc"),
            "too-few" => text(vec![0, 3], b"abc"),
            "none" => text(vec![], b"abc"),
            "not-utf8" => text(vec![0, 1, 2, 3], b"a\xffc"),
            "inside-a-character" => text(vec![0, 1, 2, 3], "aé".as_bytes()),
            "validity" => {
                let array = Array {
                    length: 3,
                    validity: Some(vec![]),
                    values: Values::Bytes((vec![0, 1, 2, 3], b"abc".to_vec())),
                };
                Column::new(&DataType::Utf8, &array, vec![])
            }
            "boolean" => column(DataType::Boolean, Values::Boolean(vec![])),
            "values" => column(DataType::Float64, Values::Float64(vec![1.0])),
            "kind" => column(DataType::Float64, Values::Int64(vec![1, 2, 3])),
            "decimal" => decimal(2, 0, vec![99, 0, 100, 0, 0, 0]),
            "precision" => decimal(200, -128, vec![0; 6]),
            "timezone" => {
                let timestamp = TimestampType {
                    unit: TimeUnit::Second,
                    timezone: Some("\x1b]0;owned\x07".to_owned()),
                };
                column(DataType::Timestamp(timestamp), Values::Int64(vec![0; 3]))
            }
            "list" => nested(
                DataType::List,
                Values::Offsets(vec![0, 1, 2, 4]),
                vec![honest()],
            ),
            "list-without-items" => {
                let offsets = Values::Offsets(vec![0, 1, 2, 3]);
                nested(DataType::List, offsets, vec![])
            }
            "fixed-size-list" => {
                let list = DataType::FixedSizeList(u32::MAX >> 1);
                nested(list, Values::None, vec![honest()])
            }
            "struct" => {
                let one = attack::column(&DataType::Boolean, 1, Values::Boolean(vec![1]));
                structure(vec![one])
            }
            "deep" => {
                let mut nested = rows.column(0);
                loop {
                    nested = structure(vec![nested]);
                }
            }
            "wide" => {
                let mut nested = rows.column(0);
                loop {
                    nested = structure(vec![nested]);
                    nested = structure((0..100).map(|_| nested.child(0)).collect());
                }
            }
            "child" => rows.column(0).child(0),
            "column" => rows.column(u32::MAX),
            "project" => rows.project(&[0, 7]).column(0),
            "batch" => {
                let schema = schema(DataType::Int64, true);
                Batch::new(&schema, vec![rows.column(0)], 4).column(0)
            }
            "batch-type" => {
                let schema = schema(DataType::Utf8, true);
                Batch::new(&schema, vec![rows.column(0)], 3).column(0)
            }
            "batch-schema" => {
                let mut schema = schema(DataType::Int64, true);
                schema.columns = vec![0, 0];
                let columns = vec![rows.column(0), rows.column(0)];
                Batch::new(&schema, columns, 3).column(0)
            }
            _ => honest(),
        })
    }
}

fn honest() -> Column {
    text(vec![0, 1, 2, 3], b"abc")
}

fn text(offsets: Vec<i32>, bytes: &[u8]) -> Column {
    column(DataType::Utf8, Values::Bytes((offsets, bytes.to_vec())))
}

fn decimal(precision: u8, scale: i8, pairs: Vec<u64>) -> Column {
    let decimal = DecimalType { precision, scale };
    column(DataType::Decimal128(decimal), Values::Int128(pairs))
}

fn structure(fields: Vec<Column>) -> Column {
    nested(DataType::Struct, Values::None, fields)
}

/// A column that says that it has three rows.
fn column(data_type: DataType, values: Values) -> Column {
    attack::column(&data_type, 3, values)
}

/// One with children.
fn nested(data_type: DataType, values: Values, children: Vec<Column>) -> Column {
    let array = Array {
        length: 3,
        validity: None,
        values,
    };
    Column::new(&data_type, &array, children)
}

attack::export!(Forger);

//! Gives rows of other columns than it said, and says what cannot be.

use attack::columns::{Array, Batch, Column, DataType, Field, Schema, Values};
use attack::table::{Expansion, TableAttack, counts};
use attack::types::{Error, RowError, Signature};

struct Liar;

impl TableAttack for Liar {
    const NAME: &'static str = "liar";

    fn functions() -> Vec<Signature> {
        let mut declared = attack::signature("declared");
        declared.returns = Some(columns(&["other", "name"]));
        vec![attack::signature(Self::NAME), declared]
    }

    fn returns(attack: &str) -> Schema {
        match attack {
            "no column" => columns(&[]),
            "two of a name" => columns(&["a", "a"]),
            "no name" => columns(&["a", ""]),
            "a name for a terminal" => columns(&["a", "\u{1b}[2J"]),
            "not null" => {
                let mut columns = columns(&["number", "name"]);
                columns.fields[0].nullable = false;
                columns
            }
            _ => columns(&["number", "name"]),
        }
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Expansion, Error> {
        let length = rows.rows();
        let names = || texts(length);
        let given = match attack {
            "fewer" => batch(&["number"], vec![rows.column(0)], length),
            "more" => {
                let columns = vec![rows.column(0), names(), names()];
                batch(&["number", "name", "more"], columns, length)
            }
            "another name" => batch(&["numbers", "name"], vec![rows.column(0), names()], length),
            "another type" => batch(&["number", "name"], vec![names(), names()], length),
            "not null" => batch(&["number", "name"], vec![nulls(length), names()], length),
            "rows error" => {
                return Err(Error::Rows(vec![RowError {
                    row: length,
                    message: "a row that is not there".to_owned(),
                }]));
            }
            "trap" => panic!("as it pleases"),
            _ => batch(&["number", "name"], vec![rows.column(0), names()], length),
        };
        Ok(Expansion {
            rows: given,
            counts: counts(vec![1; length as usize]),
        })
    }
}

/// Numbers, and then texts.
fn columns(names: &[&str]) -> Schema {
    let fields = names.iter().enumerate().map(|(place, name)| Field {
        name: (*name).to_owned(),
        data_type: match place {
            0 => DataType::Int64,
            _ => DataType::Utf8,
        },
        nullable: true,
        children: Vec::new(),
    });
    Schema {
        fields: fields.collect(),
        columns: (0..names.len() as u32).collect(),
    }
}

fn batch(names: &[&str], given: Vec<Column>, rows: u32) -> Batch {
    let mut schema = columns(names);
    for (field, column) in schema.fields.iter_mut().zip(&given) {
        field.data_type = column.data_type();
    }
    Batch::new(&schema, given, rows)
}

fn texts(rows: u32) -> Column {
    let values = Values::Bytes((vec![0; rows as usize + 1], Vec::new()));
    attack::column(&DataType::Utf8, rows, values)
}

fn nulls(rows: u32) -> Column {
    let array = Array {
        length: rows,
        validity: Some(vec![0; (rows as usize).div_ceil(8)]),
        values: Values::Int64(vec![0; rows as usize]),
    };
    Column::new(&DataType::Int64, &array, Vec::new())
}

attack::table::export!(Liar);

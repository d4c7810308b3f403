//! Gives rows that come of nothing, or go nowhere.

use attack::columns::{Array, Batch, Column, DataType, Schema, Values};
use attack::process::{
    Keyed, Output, ProcessAttack, SideOutput, Slot, SlotKind, itself, numbers, origins, output,
    slot, slots,
};
use attack::types::{Error, RowError};

struct Wrong;

impl ProcessAttack for Wrong {
    fn returns(attack: &str) -> Schema {
        named(match attack {
            "no column" => &[],
            "two of a name" => &["a", "a"],
            "no name" => &[""],
            "a name for a terminal" => &["\u{1b}[2J"],
            _ => &["result"],
        })
    }

    fn slots(attack: &str) -> Vec<Slot> {
        match attack {
            "two slots of a name" => vec![slot("a", SlotKind::Value), slot("a", SlotKind::List)],
            "a slot without a name" => vec![slot("", SlotKind::Value)],
            "a slot without a column" => vec![of("a", SlotKind::Value, &[])],
            "a value of two columns" => vec![of("a", SlotKind::Value, &["a", "b"])],
            "a map of one column" => vec![of("a", SlotKind::Map, &["key"])],
            "a slot that lives for no time" => vec![Slot {
                ttl: Some(0),
                ..slot("a", SlotKind::Value)
            }],
            "a slot that lives for ever" => vec![Slot {
                ttl: Some(u64::MAX),
                ..slot("a", SlotKind::Value)
            }],
            "many slots" => (0..100_000)
                .map(|number| slot(&format!("slot_{number}"), SlotKind::Value))
                .collect(),
            _ => slots(),
        }
    }

    fn side_outputs(attack: &str) -> Vec<SideOutput> {
        let side = |name: &str, columns: &[&str]| SideOutput {
            name: name.to_owned(),
            columns: named(columns),
        };
        match attack {
            "two side outputs of a name" => vec![side("a", &["a"]), side("a", &["a"])],
            "a side output without a name" => vec![side("", &["a"])],
            "a side output without a column" => vec![side("a", &[])],
            "a side output of two columns of a name" => vec![side("a", &["a", "a"])],
            "many side outputs" => (0..100_000)
                .map(|number| side(&format!("side_{number}"), &["a"]))
                .collect(),
            _ => vec![side("side", &["side"])],
        }
    }

    fn broadcast(attack: &str) -> Option<Schema> {
        match attack {
            "a broadcast table without a column" => Some(named(&[])),
            "a broadcast table of two columns of a name" => Some(named(&["a", "a"])),
            _ => None,
        }
    }

    fn batch_eval(attack: &str, rows: &Batch, _keyed: &Keyed) -> Result<Vec<Output>, Error> {
        let count = rows.rows();
        let rows_of = |of: Vec<u32>| output(numbers(vec![0; of.len()]), of);
        let with = |origins: Column| Output {
            origins,
            ..itself(rows)
        };
        Ok(vec![match attack {
            "out of range" => rows_of(vec![count]),
            "far out of range" => rows_of(vec![u32::MAX]),
            "too few" => with(origins(vec![0; count as usize - 1])),
            "too many" => with(origins(vec![0; count as usize + 1])),
            "none" => with(origins(vec![])),
            "nulls" => with(Column::new(
                &DataType::Uint32,
                &Array {
                    length: count,
                    validity: Some(vec![0; (count as usize).div_ceil(8)]),
                    values: Values::Uint32(vec![0; count as usize]),
                },
                vec![],
            )),
            "another type" => with(numbers(vec![0; count as usize])),
            "backwards" => rows_of((0..count).rev().collect()),
            "a side output that is not there" => Output {
                side: Some(1),
                ..itself(rows)
            },
            "a side output far out of range" => Output {
                side: Some(u32::MAX),
                ..itself(rows)
            },
            "rows of the result in a side output" => Output {
                side: Some(0),
                ..itself(rows)
            },
            "fewer columns" => Output {
                rows: Batch::new(&named(&[]), vec![], count),
                ..itself(rows)
            },
            "more columns" => Output {
                rows: Batch::new(
                    &named(&["result", "more"]),
                    vec![rows.column(0), rows.column(0)],
                    count,
                ),
                ..itself(rows)
            },
            "another name" => Output {
                rows: Batch::new(&named(&["other"]), vec![rows.column(0)], count),
                ..itself(rows)
            },
            "columns of another type" => Output {
                rows: Batch::new(
                    &attack::schema(DataType::Uint32, true),
                    vec![origins((0..count).collect())],
                    count,
                ),
                ..itself(rows)
            },
            "an error of another row" => return Err(Error::Rows(vec![bad(count)])),
            "an error of no row" => return Err(Error::Rows(vec![])),
            "an error of a row twice" => return Err(Error::Rows(vec![bad(0), bad(0)])),
            "many outputs" => return Ok((0..100_000).map(|_| rows_of(vec![])).collect()),
            _ => itself(rows),
        }])
    }
}

fn bad(row: u32) -> RowError {
    RowError {
        row,
        message: "bad".to_owned(),
    }
}

/// Columns of INT64.
fn named(names: &[&str]) -> Schema {
    let mut schema = attack::schema(DataType::Int64, true);
    let field = schema.fields.remove(0);
    schema.fields.extend(names.iter().map(|name| {
        let mut field = field.clone();
        field.name = (*name).to_owned();
        field
    }));
    schema.columns = (0..names.len() as u32).collect();
    schema
}

fn of(name: &str, kind: SlotKind, columns: &[&str]) -> Slot {
    Slot {
        columns: named(columns),
        ..slot(name, kind)
    }
}

attack::process::export!(Wrong);

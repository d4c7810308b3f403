//! Gives values and states that are not those of its groups.

use attack::aggregate::{AggregateAttack, states, zeros};
use attack::columns::{Batch, Column, DataType, Schema, Values};
use attack::types::{Error, RowError};

struct Wrong;

impl AggregateAttack for Wrong {
    fn state_schema(attack: &str) -> Schema {
        let mut schema = attack::schema(DataType::Int64, true);
        match attack {
            "a state of nothing" => schema.columns.clear(),
            "a state without a name" => schema.fields[0].name.clear(),
            "two columns of one name" => {
                schema.fields.push(schema.fields[0].clone());
                schema.columns.push(1);
            }
            _ => {}
        }
        schema
    }

    fn update(attack: &str, rows: &Batch) -> Result<(), Error> {
        match attack {
            "an error of no row" => Err(Error::Rows(vec![])),
            "an error of another row" => Err(Error::Rows(vec![RowError {
                row: rows.rows(),
                message: "none".to_owned(),
            }])),
            _ => Ok(()),
        }
    }

    fn state(attack: &str, count: u32) -> Result<Batch, Error> {
        Ok(match attack {
            "too few states" => states(zeros(count - 1), count - 1),
            "too many states" => states(zeros(count + 1), count + 1),
            "states of another type" => Batch::new(
                &attack::schema(DataType::Float64, true),
                vec![floats(count)],
                count,
            ),
            "states without columns" => Batch::new(
                &Schema {
                    fields: vec![],
                    columns: vec![],
                },
                vec![],
                count,
            ),
            _ => states(zeros(count), count),
        })
    }

    fn evaluate(attack: &str, count: u32) -> Result<Column, Error> {
        Ok(match attack {
            "too few values" => zeros(count - 1),
            "too many values" => zeros(count + 1),
            "values of another type" => floats(count),
            _ => zeros(count),
        })
    }
}

fn floats(rows: u32) -> Column {
    let values = Values::Float64(vec![0.0; rows as usize]);
    attack::column(&DataType::Float64, rows, values)
}

attack::aggregate::export!(Wrong);

//! Makes batches that cost it nothing and its host much: of many columns, of long names.

use std::mem::forget;

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Values};
use attack::types::Error;

struct Bomb;

impl Attack for Bomb {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        match attack {
            "project-wide" => forget(rows.project(&vec![0; 4 << 20])),
            "project" => {
                let columns = [0; 4096];
                loop {
                    forget(rows.project(&columns));
                }
            }
            "names" => {
                let mut schema = attack::schema(DataType::Int64, true);
                schema.fields[0].name = "n".repeat(1 << 20);
                loop {
                    let batch = Batch::new(&schema, vec![rows.column(0)], rows.rows());
                    forget(batch);
                }
            }
            "fields" => loop {
                let children = (0..4000).map(|_| rows.column(0)).collect();
                let array = attack::columns::Array {
                    length: rows.rows(),
                    validity: None,
                    values: Values::None,
                };
                forget(Column::new(&DataType::Struct, &array, children));
            },
            _ => {}
        }
        Ok(rows.column(0))
    }
}

attack::export!(Bomb);

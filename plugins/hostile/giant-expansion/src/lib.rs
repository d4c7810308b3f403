//! Makes too many rows of few, or rows that are too wide.

use attack::columns::{Batch, DataType, Field, Schema, Values};
use attack::table::{Expansion, TableAttack, counts, numbers};
use attack::types::Error;

struct Giant;

/// Of the wide ones.
const COLUMNS: u32 = 1_000;

impl TableAttack for Giant {
    const NAME: &'static str = "giant";

    fn returns(attack: &str) -> Schema {
        match attack {
            "wide" => schema(COLUMNS),
            _ => attack::schema(DataType::Int64, true),
        }
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Expansion, Error> {
        let length = rows.rows() as usize;
        match attack {
            // One column, a thousand times.
            "wide" => {
                let many = column(100_000);
                let one = Batch::new(&schema(1), vec![many], 100_000);
                let wide = one.project(&vec![0; COLUMNS as usize]);
                let columns = (0..COLUMNS).map(|index| wide.column(index)).collect();
                let mut of_the_first = vec![0; length];
                of_the_first[0] = 100_000;
                Ok(Expansion {
                    rows: Batch::new(&schema(COLUMNS), columns, 100_000),
                    counts: counts(of_the_first),
                })
            }
            "more than a column may have" => Ok(all_of_the_first(length, 1 << 24 | 1)),
            "more bytes than a call may give" => loop {
                column(1 << 20);
            },
            "as many as allowed" => Ok(all_of_the_first(length, 1_000_000)),
            many => Ok(all_of_the_first(length, many.parse().unwrap_or(0))),
        }
    }
}

/// So many rows for the first one.
fn all_of_the_first(length: usize, rows: u32) -> Expansion {
    let mut of_the_first = vec![0; length];
    of_the_first[0] = rows;
    Expansion {
        rows: numbers(column(rows), rows),
        counts: counts(of_the_first),
    }
}

fn column(rows: u32) -> attack::columns::Column {
    let values = Values::Int64((0..i64::from(rows)).collect());
    attack::column(&DataType::Int64, rows, values)
}

fn schema(columns: u32) -> Schema {
    let fields = (0..columns).map(|index| Field {
        name: format!("c{index}"),
        data_type: DataType::Int64,
        nullable: true,
        children: Vec::new(),
    });
    Schema {
        fields: fields.collect(),
        columns: (0..columns).collect(),
    }
}

attack::table::export!(Giant);

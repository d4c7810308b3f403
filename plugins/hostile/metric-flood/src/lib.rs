//! Names new metrics in each instance, and then makes room for the next one.

use attack::Attack;
use attack::columns::{Batch, Column, Values};
use attack::metrics::{counter, gauge, histogram};
use attack::types::Error;

struct Flood;

impl Attack for Flood {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let column = rows.column(0);
        let first = match column.read().values {
            Values::Int64(numbers) => numbers[0],
            _ => 0,
        };
        match attack {
            "instances" => {
                (0..50).for_each(|number| counter(&format!("metric-{first}-{number}"), 1));
                panic!("makes room for the next");
            }
            "values" => {
                for value in [f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE] {
                    gauge("gauge", value);
                    histogram("histogram", value);
                }
                counter("", u64::MAX);
                counter("", u64::MAX);
            }
            _ => counter(&"long ".repeat(2 << 20), 1),
        }
        Ok(column)
    }
}

attack::export!(Flood);

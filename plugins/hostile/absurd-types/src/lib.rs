//! Declares types that do not exist, and values that no clock shows.

use attack::Attack;
use attack::columns::{
    Batch, Column, DataType, DecimalType, Schema, TimeUnit, TimestampType, Values,
};
use attack::types::Error;

struct Dreamer;

impl Attack for Dreamer {
    fn returns(attack: &str) -> Schema {
        let mut returns = attack::schema(data_type(attack), true);
        if attack.starts_with("list") {
            let child = attack::schema(DataType::Int64, true).fields.remove(0);
            returns.fields[0].children = vec![1];
            returns.fields.push(child);
        }
        returns
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let last = match attack {
            "late" => 24 * 60 * 60 * 1_000_000,
            "early" => -1,
            _ => i64::MAX,
        };
        let mut values = vec![0; rows.rows() as usize - 1];
        values.push(last);
        let values = Values::Int64(values);
        Ok(attack::column(&data_type(attack), rows.rows(), values))
    }
}

fn data_type(attack: &str) -> DataType {
    let decimal = |precision, scale| DataType::Decimal128(DecimalType { precision, scale });
    let zone = |zone: &str| {
        DataType::Timestamp(TimestampType {
            unit: TimeUnit::Nanosecond,
            timezone: Some(zone.to_owned()),
        })
    };
    match attack {
        "precision" => decimal(255, 0),
        "no-precision" => decimal(0, 0),
        "scale" => decimal(10, 11),
        "negative-scale" => decimal(38, -128),
        "list" => DataType::FixedSizeList(u32::MAX),
        "list-of-none" => DataType::FixedSizeList(0),
        "mars" => zone("Mars/Olympus_Mons"),
        "offset" => zone("+99:99"),
        "no-zone" => zone(""),
        "path" => zone("../../etc/passwd"),
        "last-instant" => zone("UTC"),
        _ => DataType::Time64,
    }
}

attack::export!(Dreamer);

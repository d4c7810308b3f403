//! Asks for models that nobody granted it: by paths, by names as long as books, by names of others.

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Values};
use attack::inference::{InferenceError, Model};
use attack::types::Error;

struct Thief;

impl Attack for Thief {
    fn open(attack: &str) -> Result<(), Error> {
        match attack {
            "late" | "all" => Ok(()),
            "long" => steal(&"../".repeat(1 << 20)),
            name => steal(name),
        }
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        if attack == "late" {
            steal("../../etc/passwd")?;
        }
        let names = [
            "",
            ".",
            "..",
            "/",
            "*",
            "sum\0",
            "SUM",
            " sum",
            "sum/../sum",
            "file:///sum",
        ];
        let got = names
            .iter()
            .filter(|name| Model::open(name).is_ok())
            .count();
        let values = Values::Int64(vec![got as i64; rows.rows() as usize]);
        Ok(attack::column(&DataType::Int64, rows.rows(), values))
    }
}

fn steal(name: &str) -> Result<(), Error> {
    match Model::open(name) {
        Ok(_) => Ok(()),
        Err(
            InferenceError::NotGranted(reason)
            | InferenceError::Invalid(reason)
            | InferenceError::Failed(reason),
        ) => Err(Error::Failed(reason)),
    }
}

attack::export!(Thief);

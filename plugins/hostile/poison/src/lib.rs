//! Hands back what it is given, until it is given one number that it cannot stand: the attack is what
//! it does then and the number, `trap 13`.

use std::hint::black_box;

use attack::Attack;
use attack::columns::{Batch, Column, Values};
use attack::types::{Error, RowError, Value};

struct Poison;

impl Attack for Poison {
    const NAME: &'static str = "poison";

    fn eval(attack: &str, row: Vec<Value>) -> Result<Value, Error> {
        let value = row.into_iter().next().unwrap_or(Value::Null);
        if let Value::Int64(number) = value {
            check(attack, &[number])?;
        }
        Ok(value)
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let column = rows.column(0);
        if let Values::Int64(numbers) = column.read().values {
            check(attack, &numbers)?;
        }
        Ok(column)
    }
}

fn check(attack: &str, numbers: &[i64]) -> Result<(), Error> {
    let (kind, poison) = attack.split_once(' ').unwrap_or_default();
    let poison: i64 = poison.parse().unwrap_or_default();
    let bad: Vec<u32> = (0..)
        .zip(numbers)
        .filter(|(_, number)| **number == poison)
        .map(|(row, _)| row)
        .collect();
    if bad.is_empty() {
        return Ok(());
    }
    match kind {
        "trap" => panic!("{poison} is poison"),
        "loop" => loop {
            black_box(());
        },
        "memory" => {
            let mut memory = Vec::new();
            loop {
                memory.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "failed" => Err(Error::Failed(format!("{poison} is poison"))),
        _ => {
            let error = |row| RowError {
                row,
                message: format!("{poison} is poison"),
            };
            Err(Error::Rows(bad.into_iter().map(error).collect()))
        }
    }
}

attack::export!(Poison);

//! Keeps more and more.

use attack::columns::{Array, Batch, Column, DataType, Values};
use attack::process::{
    Clock, Keyed, Output, ProcessAttack, Slot, SlotKind, itself, numbers, slot, slots,
};
use attack::types::Error;

struct Flood;

/// Of bytes.
const TEXT: u32 = 3;

impl ProcessAttack for Flood {
    fn slots(_attack: &str) -> Vec<Slot> {
        let mut text = slot("text", SlotKind::Value);
        text.columns.fields[0].data_type = DataType::Binary;
        slots().into_iter().chain([text]).collect()
    }

    fn batch_eval(attack: &str, rows: &Batch, keyed: &Keyed) -> Result<Vec<Output>, Error> {
        let ones = vec![0_u32; 1 << 17];
        let mut put = 0_i64;
        match attack {
            "appends without end" => loop {
                keyed.append(1, &ones, &numbers(vec![7; ones.len()]));
            },
            "entries without end" => loop {
                let entries: Vec<i64> = (put..).take(ones.len()).collect();
                put += ones.len() as i64;
                keyed.put(2, &ones, &numbers(entries.clone()), &numbers(entries));
            },
            "writes without end" => loop {
                keyed.write(0, &[0], &numbers(vec![7]));
            },
            "timers without end" => loop {
                put += 1;
                keyed.set_timers(Clock::Event, &format!("timer {put}"), &[0], &[i64::MAX]);
            },
            "a timer without end" => loop {
                keyed.set_timers(Clock::Event, "timer", &[0], &[i64::MAX]);
            },
            // A little of each call, so that only all of them are too much.
            "a MiB a call" => {
                keyed.append(1, &ones, &numbers(vec![7; ones.len()]));
            }
            "a value of 64 MiB" => keyed.write(TEXT, &[0], &bytes(64 << 20)),
            _ => {}
        }
        Ok(vec![itself(rows)])
    }
}

fn bytes(length: usize) -> Column {
    let array = Array {
        length: 1,
        validity: None,
        values: Values::Bytes((vec![0, length as i32], vec![0; length])),
    };
    Column::new(&DataType::Binary, &array, vec![])
}

attack::process::export!(Flood);

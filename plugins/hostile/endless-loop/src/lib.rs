//! Never comes back, from whichever of its functions the host calls.

use std::hint::black_box;

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Schema};
use attack::log::{Level, log};
use attack::types::{Error, Value};

struct Loop;

impl Attack for Loop {
    const NAME: &'static str = "loop";

    fn open(attack: &str) -> Result<(), Error> {
        if attack == "open" {
            spin();
        }
        Ok(())
    }

    fn returns(attack: &str) -> Schema {
        if attack == "returns" {
            spin();
        }
        attack::schema(DataType::Int64, true)
    }

    fn eval(_attack: &str, _row: Vec<Value>) -> Result<Value, Error> {
        spin();
        Ok(Value::Null)
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        log(Level::Info, "here \x1b[31mI go");
        match attack {
            "log" => loop {
                log(Level::Error, "again");
            },
            "fill" => {
                let mut memory = vec![0_u8; 16 << 20];
                loop {
                    memory.fill(black_box(1));
                }
            }
            _ => spin(),
        }
        Ok(rows.column(0))
    }
}

fn spin() {
    loop {
        black_box(());
    }
}

/// The tests make this the start function of the module.
#[unsafe(no_mangle)]
extern "C" fn spin_at_start() {
    spin();
}

/// The tests make this the plugin's `functions`.
#[unsafe(no_mangle)]
extern "C" fn spin_in_functions() -> i32 {
    spin();
    black_box(0)
}

attack::export!(Loop);

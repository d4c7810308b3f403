//! Sleeps for an hour: in a poll of one timer, of two, or in a block.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::wasi::clocks::monotonic_clock::{now, subscribe_duration};
use attack::wasi::io::poll::poll;

struct Sleep;

impl Attack for Sleep {
    fn batch_eval(attack: &str, _rows: &Batch) -> Result<Column, Error> {
        const HOUR: u64 = 3_600_000_000_000;
        let timer = subscribe_duration(HOUR);
        match attack {
            "block" => timer.block(),
            "two" => drop(poll(&[&subscribe_duration(2 * HOUR), &timer])),
            _ => drop(poll(&[&timer])),
        }
        Err(Error::Failed(format!(
            "it is {} s later",
            now() / 1_000_000_000
        )))
    }
}

attack::export!(Sleep);

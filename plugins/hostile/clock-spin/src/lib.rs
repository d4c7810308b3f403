//! Looks at a clock until a second has passed: `wall`, or the monotonic one.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::wasi::clocks::{monotonic_clock, wall_clock};

struct Spin;

impl Attack for Spin {
    fn batch_eval(attack: &str, _rows: &Batch) -> Result<Column, Error> {
        let started = monotonic_clock::now();
        let seconds = wall_clock::now().seconds;
        loop {
            let passed = match attack {
                "wall" => wall_clock::now().seconds > seconds,
                _ => monotonic_clock::now() > started + 1_000_000_000,
            };
            if passed {
                return Err(Error::Failed("a second has passed".to_owned()));
            }
        }
    }
}

attack::export!(Spin);

//! Leaves a secret in all of its memory, and looks for one that another instance has left.

use attack::Attack;
use attack::columns::{Batch, Column, DataType, Values};
use attack::types::Error;

struct Spy;

/// Whatever the compiler makes of it, no constant of this module looks like the secret.
const HALF: u64 = 0x5ec2_e7a1_5ec2_e7a1;
const PAGE: usize = 65_536;

impl Attack for Spy {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let first = core::arch::wasm32::memory_grow(0, 64);
        let secret = std::hint::black_box(HALF).rotate_left(7);
        let words = 64 * PAGE / 8;
        let start = (first * PAGE) as *mut u64;
        // SAFETY: the memory was just grown by these words, and nobody else uses them.
        let memory = unsafe { std::slice::from_raw_parts_mut(start, words) };
        if attack == "leave" {
            memory.fill(secret);
            panic!("leaves");
        }
        let found = memory.iter().filter(|word| **word != 0).count() as i64;
        let values = Values::Int64(vec![found; rows.rows() as usize]);
        Ok(attack::column(&DataType::Int64, rows.rows(), values))
    }
}

attack::export!(Spy);

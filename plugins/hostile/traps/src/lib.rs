//! Does what WebAssembly ends a guest for.

use std::hint::black_box;

use attack::Attack;
use attack::columns::{Batch, Column, Schema};
use attack::types::{Error, Value};

struct Trap;

impl Attack for Trap {
    fn open(attack: &str) -> Result<(), Error> {
        if attack == "open" {
            core::arch::wasm32::unreachable();
        }
        Ok(())
    }

    fn returns(attack: &str) -> Schema {
        if attack == "returns" {
            core::arch::wasm32::unreachable();
        }
        attack::schema(attack::columns::DataType::Int64, true)
    }

    fn eval(_attack: &str, _row: Vec<Value>) -> Result<Value, Error> {
        core::arch::wasm32::unreachable();
    }

    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        // SAFETY: none, that is the attack; the sandbox must hold it.
        unsafe {
            match attack {
                "unreachable" => core::arch::wasm32::unreachable(),
                "read-past-the-end" => {
                    black_box(black_box(0xffff_fff0_usize as *const u8).read_volatile());
                }
                "write-past-the-end" => black_box(0xffff_fff0_usize as *mut u8).write_volatile(1),
                "null-function" => {
                    let function: extern "C" fn() =
                        core::mem::transmute(black_box(9_999_999_usize));
                    function();
                }
                "other-function" => {
                    let function: extern "C" fn(f64, f64) -> f64 =
                        core::mem::transmute(black_box(1_usize));
                    black_box(function(1.0, 2.0));
                }
                _ => {}
            }
        }
        Ok(rows.column(0))
    }
}

attack::export!(Trap);

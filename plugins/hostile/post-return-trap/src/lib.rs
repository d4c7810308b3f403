//! Traps when it is told that its result was read.

use attack::Attack;

struct Messy;

impl Attack for Messy {}

#[unsafe(export_name = "instead of cabi_post_wasmill:udf/scalar@0.2.0#[method]scalar-function.returns")]
extern "C" fn clean_up(_result: usize) {
    core::arch::wasm32::unreachable();
}

attack::export!(Messy);

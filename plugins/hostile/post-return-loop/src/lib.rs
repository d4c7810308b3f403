//! Never comes back when it is told that its result was read.

use std::hint::black_box;

use attack::Attack;

struct Messy;

impl Attack for Messy {}

#[unsafe(export_name = "instead of cabi_post_wasmill:udf/scalar@0.2.0#functions")]
extern "C" fn clean_up(_result: usize) {
    loop {
        black_box(());
    }
}

attack::export!(Messy);

//! Says that it offers more functions than its memory could hold.

use attack::Attack;

struct Endless;

impl Attack for Endless {}

#[unsafe(export_name = "instead of wasmill:udf/scalar@0.2.0#functions")]
extern "C" fn functions() -> usize {
    static LIST: [u32; 2] = [0, u32::MAX];
    LIST.as_ptr() as usize
}

attack::export!(Endless);

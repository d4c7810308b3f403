//! Says that the list of its functions lies past the end of its memory.

use attack::Attack;

struct Wild;

impl Attack for Wild {}

#[unsafe(export_name = "instead of wasmill:udf/scalar@0.2.0#functions")]
extern "C" fn functions() -> usize {
    0xffff_fff0
}

attack::export!(Wild);

//! Gives a value of a case that its variant does not have.

use attack::Attack;

struct Other;

impl Attack for Other {}

#[unsafe(export_name = "instead of wasmill:udf/scalar@0.2.0#[method]scalar-function.eval")]
extern "C" fn eval(_function: usize, _row: usize, _length: usize) -> usize {
    static RESULT: [u64; 8] = [0, 0xff, 0, 0, 0, 0, 0, 0];
    RESULT.as_ptr() as usize
}

attack::export!(Other);

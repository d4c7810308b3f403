//! Gives an error whose message is not UTF-8.

use attack::Attack;

struct Mumbler;

impl Attack for Mumbler {}

#[unsafe(export_name = "instead of wasmill:udf/scalar@0.2.0#[method]scalar-function.eval")]
extern "C" fn eval(_function: usize, _row: usize, _length: usize) -> usize {
    // err(failed(bytes at 1024, of which no two are a character))
    static mut TEXT: [u8; 4] = [0xff, 0xfe, 0xc0, 0x80];
    static mut RESULT: [u64; 8] = [0; 8];
    // SAFETY: a guest has one thread, and calls nothing in between.
    unsafe {
        let result = &raw mut RESULT as *mut u32;
        result.write_volatile(1);
        result.add(2).write_volatile(2);
        result.add(3).write_volatile(&raw const TEXT as u32);
        result.add(4).write_volatile(4);
        result as usize
    }
}

attack::export!(Mumbler);

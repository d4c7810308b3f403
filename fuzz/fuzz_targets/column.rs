//! What a guest hands over is a sound Arrow array, or an error; a schema is refused, or says the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasmill_plugin::fuzzing;

fuzz_target!(|bytes: &[u8]| match bytes.split_first() {
    Some((0, rest)) => fuzzing::schema(rest),
    Some((_, rest)) => {
        fuzzing::column(rest);
    }
    None => {}
});

//! `gcd(int, int) -> int`, as arrow-udf's own benchmark has it, with the arithmetic of the plugin
//! that it stands beside.

use arrow_udf::function;

#[path = "../../../../plugins/bench-functions/src/functions.rs"]
#[allow(dead_code, reason = "shared with the plugin")]
mod functions;

#[function("gcd(int, int) -> int")]
fn gcd(a: i32, b: i32) -> i32 {
    functions::gcd(a, b)
}

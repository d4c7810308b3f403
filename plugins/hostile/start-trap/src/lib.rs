//! Traps in the start function of its module.

use attack::Attack;

struct Stillborn;

impl Attack for Stillborn {}

#[unsafe(export_name = "instead of start")]
extern "C" fn start() {
    core::arch::wasm32::unreachable();
}

attack::export!(Stillborn);

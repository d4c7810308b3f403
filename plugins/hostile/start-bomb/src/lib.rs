//! Takes all memory in the start function of its module.

use attack::Attack;

struct Bomb;

impl Attack for Bomb {}

#[unsafe(export_name = "instead of start")]
extern "C" fn start() {
    while core::arch::wasm32::memory_grow(0, 16) != usize::MAX {}
    core::arch::wasm32::unreachable();
}

attack::export!(Bomb);

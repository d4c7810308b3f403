//! Traps when its host asks it for room.

use attack::Attack;

struct Allocator;

impl Attack for Allocator {}

/// (old address, old size, alignment, new size) → new address
#[unsafe(export_name = "instead of cabi_realloc")]
extern "C" fn realloc(_old: usize, _old_size: usize, _align: usize, _new_size: usize) -> usize {
    core::arch::wasm32::unreachable()
}

attack::export!(Allocator);

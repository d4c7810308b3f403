//! Gives its host the last bytes of its memory to write to.

use attack::Attack;

struct Allocator;

impl Attack for Allocator {}

/// (old address, old size, alignment, new size) → new address
#[unsafe(export_name = "instead of cabi_realloc")]
extern "C" fn realloc(_old: usize, _old_size: usize, _align: usize, _new_size: usize) -> usize {
    (core::arch::wasm32::memory_size(0) << 16) - 8
}

attack::export!(Allocator);

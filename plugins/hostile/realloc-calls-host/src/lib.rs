//! Calls its host when that asks it for room.

use attack::Attack;
use attack::log::{Level, log};

struct Allocator;

impl Attack for Allocator {}

/// (old address, old size, alignment, new size) → new address
#[unsafe(export_name = "instead of cabi_realloc")]
extern "C" fn realloc(_old: usize, _old_size: usize, _align: usize, _new_size: usize) -> usize {
    log(Level::Info, "from within");
    65_536
}

attack::export!(Allocator);

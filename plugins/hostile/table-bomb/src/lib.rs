//! Grows the table of its functions until somebody stops it: the tests write what Rust has no word for.

use attack::Attack;

struct Bomb;

impl Attack for Bomb {}

/// The tests make this `table.grow`.
#[unsafe(no_mangle)]
extern "C" fn grow_table() {
    std::hint::black_box(());
}

attack::export!(Bomb);

//! Never comes back from its destructor.

use std::hint::black_box;

use attack::Attack;
use attack::log::{Level, log};

struct Undying;

impl Attack for Undying {
    fn dropped(_attack: &str) {
        log(Level::Error, "the destructor runs");
        loop {
            black_box(());
        }
    }
}

attack::export!(Undying);

//! Says that it offers a hundred thousand functions.

use attack::Attack;
use attack::types::Signature;

struct Crowd;

impl Attack for Crowd {
    fn functions() -> Vec<Signature> {
        let names = (0..100_000).map(|number| format!("f{number}"));
        names.map(|name| attack::signature(&name)).collect()
    }
}

attack::export!(Crowd);

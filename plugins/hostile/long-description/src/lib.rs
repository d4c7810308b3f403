//! Describes itself in a hundred megabytes.

use attack::Attack;
use attack::types::Signature;

struct Poet;

impl Attack for Poet {
    fn functions() -> Vec<Signature> {
        let mut signature = attack::signature(Self::NAME);
        signature.description = "on and on ".repeat(10 << 20);
        vec![signature]
    }
}

attack::export!(Poet);

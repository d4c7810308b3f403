//! Offers a function whose name is empty.

use attack::Attack;
use attack::types::Signature;

struct Nobody;

impl Attack for Nobody {
    fn functions() -> Vec<Signature> {
        vec![attack::signature("")]
    }
}

attack::export!(Nobody);

//! Offers two functions of one name.

use attack::Attack;
use attack::types::Signature;

struct Twins;

impl Attack for Twins {
    fn functions() -> Vec<Signature> {
        vec![attack::signature("twin"), attack::signature("twin")]
    }
}

attack::export!(Twins);

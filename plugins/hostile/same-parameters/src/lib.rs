//! Has two parameters of one name.

use attack::Attack;
use attack::types::Signature;

struct Twins;

impl Attack for Twins {
    fn functions() -> Vec<Signature> {
        let mut signature = attack::signature(Self::NAME);
        signature.parameters.extend(signature.parameters.clone());
        vec![signature]
    }
}

attack::export!(Twins);

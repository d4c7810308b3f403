//! Has a function of ten thousand parameters.

use attack::Attack;
use attack::types::Signature;

struct Crowd;

impl Attack for Crowd {
    fn functions() -> Vec<Signature> {
        let mut signature = attack::signature(Self::NAME);
        let parameter = signature.parameters[0].clone();
        signature.parameters = vec![parameter; 10_000];
        vec![signature]
    }
}

attack::export!(Crowd);

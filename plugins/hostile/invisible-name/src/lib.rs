//! Offers a function whose name is a letter that nobody sees.

use attack::Attack;
use attack::types::Signature;

struct Ghost;

impl Attack for Ghost {
    fn functions() -> Vec<Signature> {
        vec![attack::signature("\u{3164}")]
    }
}

attack::export!(Ghost);

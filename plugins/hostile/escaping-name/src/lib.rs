//! Offers a function whose name clears the screen and writes from right to left.

use attack::Attack;
use attack::types::Signature;

struct Painter;

impl Attack for Painter {
    fn functions() -> Vec<Signature> {
        vec![attack::signature("\x1b[2J\u{202e}drawkcab\n\u{200b}")]
    }
}

attack::export!(Painter);

//! Has a parameter whose default, and a result whose field, speak to the terminal.

use attack::Attack;
use attack::types::Signature;

struct Painter;

impl Attack for Painter {
    fn functions() -> Vec<Signature> {
        let mut signature = attack::signature(Self::NAME);
        signature.description = "An \x1b[5mattack\u{feff}.".to_owned();
        signature.parameters[0].default = Some("\x1b]0;owned\x07".to_owned());
        vec![signature]
    }
}

attack::export!(Painter);

//! Declares a result with a field whose name speaks to the terminal.

use attack::Attack;
use attack::columns::DataType;
use attack::types::Signature;

struct Painter;

impl Attack for Painter {
    fn functions() -> Vec<Signature> {
        let mut returns = attack::schema(DataType::Struct, true);
        let mut child = attack::schema(DataType::Int64, true).fields.remove(0);
        child.name = "\x1b[31mred\u{2066}".to_owned();
        returns.fields[0].children = vec![1];
        returns.fields.push(child);
        let mut signature = attack::signature(Self::NAME);
        signature.returns = Some(returns);
        vec![signature]
    }
}

attack::export!(Painter);

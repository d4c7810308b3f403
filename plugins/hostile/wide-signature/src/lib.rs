//! Declares a million arguments.

use attack::Attack;
use attack::columns::DataType;
use attack::types::{Arguments, Signature};

struct Crowd;

impl Attack for Crowd {
    fn functions() -> Vec<Signature> {
        let mut arguments = attack::schema(DataType::Int64, true);
        let field = arguments.fields[0].clone();
        arguments.fields = vec![field; 1_000_000];
        arguments.columns = (0..1_000_000).collect();
        let mut signature = attack::signature(Self::NAME);
        signature.arguments = Arguments::Exact(arguments);
        vec![signature]
    }
}

attack::export!(Crowd);

//! Declares a result that is nested a hundred thousand times.

use attack::Attack;
use attack::columns::DataType;
use attack::types::Signature;

struct Well;

impl Attack for Well {
    fn functions() -> Vec<Signature> {
        let mut returns = attack::schema(DataType::List, true);
        let field = returns.fields[0].clone();
        returns.fields = vec![field; 100_000];
        for (index, field) in (1..).zip(&mut returns.fields) {
            field.children = vec![index];
        }
        let mut signature = attack::signature(Self::NAME);
        signature.returns = Some(returns);
        vec![signature]
    }
}

attack::export!(Well);

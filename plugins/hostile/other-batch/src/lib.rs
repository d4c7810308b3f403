//! Hands back a column of an earlier batch, or one that it has handed back before.

use std::cell::RefCell;

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;

struct Late;

thread_local! {
    static KEPT: RefCell<Option<Column>> = const { RefCell::new(None) };
}

impl Attack for Late {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        let kept = KEPT.replace(Some(rows.column(0)));
        match (attack, kept) {
            ("earlier", Some(kept)) => Ok(kept),
            ("twice", _) => {
                let column = rows.column(0);
                // SAFETY: none, that is the attack.
                KEPT.set(Some(unsafe { Column::from_handle(column.handle()) }));
                Ok(column)
            }
            _ => Ok(rows.column(0)),
        }
    }
}

attack::export!(Late);

//! Keeps the batch that it was only lent, and uses it in the next call.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, Ordering};

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;

struct Keeper;

static KEPT: AtomicU32 = AtomicU32::new(0);

impl Attack for Keeper {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        match (attack, KEPT.swap(rows.handle(), Ordering::Relaxed)) {
            // The batch of this call may have the number of the one before.
            ("next-call", kept) if kept != 0 => {
                let kept = if kept == rows.handle() {
                    kept + 1
                } else {
                    kept
                };
                // SAFETY: none, that is the attack; the host must refuse it.
                let kept = ManuallyDrop::new(unsafe { Batch::from_handle(kept) });
                Ok(kept.column(0))
            }
            ("dropped-twice", _) => {
                // SAFETY: none, that is the attack.
                drop(unsafe { Batch::from_handle(rows.handle()) });
                Ok(rows.column(0))
            }
            ("consumed", _) => {
                // SAFETY: none, that is the attack.
                Ok(unsafe { Column::from_handle(rows.handle()) })
            }
            _ => Ok(rows.column(0)),
        }
    }
}

attack::export!(Keeper);

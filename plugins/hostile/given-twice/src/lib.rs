//! Gives handles that it has given before, that were only lent, or that are of something else.

use std::sync::atomic::{AtomicU32, Ordering};

use attack::columns::{Batch, Column};
use attack::table::{Expansion, TableAttack, itself};
use attack::types::Error;

struct Revenant;

/// Handles of the first call.
static ROWS: AtomicU32 = AtomicU32::new(0);
static COUNTS: AtomicU32 = AtomicU32::new(0);

impl TableAttack for Revenant {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Expansion, Error> {
        let mut given = itself(rows);
        if ROWS.load(Ordering::Relaxed) == 0 {
            ROWS.store(given.rows.handle(), Ordering::Relaxed);
            COUNTS.store(given.counts.handle(), Ordering::Relaxed);
            if attack.ends_with("the call before") {
                return Ok(given);
            }
        }
        match attack {
            // The host took them when the first call was over.
            "rows of the call before" => given.rows = old_batch(ROWS.load(Ordering::Relaxed)),
            "counts of the call before" => {
                given.counts = old_column(COUNTS.load(Ordering::Relaxed));
            }
            "the batch that was lent" => given.rows = old_batch(rows.handle()),
            "rows as counts" => given.counts = old_column(given.rows.handle()),
            "counts as rows" => given.rows = old_batch(given.counts.handle()),
            "what was let go" => {
                let handle = given.rows.handle();
                drop(given.rows);
                given.rows = old_batch(handle);
            }
            _ => {}
        }
        Ok(given)
    }
}

fn old_batch(handle: u32) -> Batch {
    // SAFETY: none, that is the attack; the host must refuse it.
    unsafe { Batch::from_handle(handle) }
}

fn old_column(handle: u32) -> Column {
    // SAFETY: none, that is the attack.
    unsafe { Column::from_handle(handle) }
}

attack::table::export!(Revenant);

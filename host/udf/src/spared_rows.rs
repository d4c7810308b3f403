//! Which rows a call is about while a batch is evaluated again without some of its rows.
//!
//! A batch is numbered once, when a function first sees it, though it is called several times for it.
//! Whoever evaluates the calls again only has expressions in hand, so what it is at is noted for its
//! thread: an expression is evaluated on the thread that asks.

use std::cell::RefCell;

use wasmill_plugin::{Function, Rows};

thread_local! {
    /// The batches that are at work, each within the one before.
    static BATCHES: RefCell<Vec<Batch>> = const { RefCell::new(Vec::new()) };
}

struct Batch {
    rows: usize,
    /// The row that is evaluated by itself.
    one: Option<usize>,
    /// How functions have numbered it, by their addresses.
    numbered: Vec<(*const Function, Rows)>,
}

/// A batch that may be evaluated several times, until this is dropped.
pub(crate) struct SparedRows(());

impl SparedRows {
    pub fn begin(rows: usize) -> Self {
        BATCHES.with_borrow_mut(|batches| {
            batches.push(Batch {
                rows,
                one: None,
                numbered: Vec::new(),
            });
        });
        SparedRows(())
    }

    /// A row of the batch is evaluated by itself, until what is given is dropped.
    pub fn one(&self, row: usize) -> OneRow<'_> {
        set_one(Some(row));
        OneRow(self)
    }
}

impl Drop for SparedRows {
    fn drop(&mut self) {
        BATCHES.with_borrow_mut(Vec::pop);
    }
}

/// See [`SparedRows::one`].
pub(crate) struct OneRow<'a>(#[expect(dead_code, reason = "it is dropped first")] &'a SparedRows);

impl Drop for OneRow<'_> {
    fn drop(&mut self) {
        set_one(None);
    }
}

fn set_one(row: Option<usize>) {
    BATCHES.with_borrow_mut(|batches| {
        if let Some(batch) = batches.last_mut() {
            batch.one = row;
        }
    });
}

/// What a call of so many rows is about: the row that is evaluated by itself, or all of the batch.
pub fn rows_of(function: &Function, rows: usize) -> Rows {
    BATCHES.with_borrow_mut(|batches| within(batches, function, rows))
}

fn within(batches: &mut [Batch], function: &Function, rows: usize) -> Rows {
    let Some((batch, outer)) = batches.split_last_mut() else {
        return function.next_rows(rows);
    };
    let mut numbered = batch.numbered.iter();
    let known = numbered.find(|(known, _)| std::ptr::eq(*known, function));
    let all = match known {
        Some((_, all)) => all.clone(),
        None => {
            let all = within(outer, function, rows);
            batch.numbered.push((function, all.clone()));
            all
        }
    };
    // Of a part of the batch, as in CASE, the places would be others.
    let of_all = all.0.end - all.0.start == batch.rows as u64;
    match batch.one {
        Some(row) if of_all => {
            let row = all.0.start + row as u64;
            Rows(row..row + 1)
        }
        _ => all,
    }
}

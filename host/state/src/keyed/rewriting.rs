//! Runs of chunks that are put together: what is live of them, and the removals that are of use.

use arrow::{compute::interleave, error::ArrowError};

use super::{
    items::offsets,
    layout::SlotRows,
    slot::{Place, Shared, Slot},
};

/// Chunks that are put together.
pub(super) struct Run {
    pub parts: Vec<Part>,
    /// The new chunk.
    pub chunk: u32,
    /// Whether removals are of use.
    pub removals: bool,
    /// Whether it matters when something was written.
    pub times: bool,
}

pub(super) struct Part {
    pub chunk: u32,
    /// One a row. Of a row without live items it means something only where removals are of use.
    pub ids: Vec<u32>,
    pub rows: SlotRows,
}

/// What is kept of a run.
#[derive(Default)]
pub(super) struct Kept {
    /// The part and the row that have the key.
    rows: Vec<(usize, usize)>,
    ids: Vec<u32>,
    replaces: Vec<bool>,
    written: Vec<i64>,
    /// Where the items of the rows end.
    ends: Vec<usize>,
    /// The part and the item of it.
    pub items: Vec<(usize, usize)>,
}

impl Kept {
    /// A row of the items that were added since the last one.
    pub(super) fn row(&mut self, row: (usize, usize), id: u32, replaces: bool, written: i64) {
        self.row_to(self.items.len(), row, id, replaces, written);
    }

    /// A row of the items up to `end`.
    pub(super) fn row_to(
        &mut self,
        end: usize,
        row: (usize, usize),
        id: u32,
        replaces: bool,
        written: i64,
    ) {
        self.rows.push(row);
        self.ids.push(id);
        self.replaces.push(replaces);
        self.written.push(written);
        self.ends.push(end);
    }

    /// The same, unless none was added.
    pub(super) fn row_of_items(&mut self, row: (usize, usize), id: u32, written: i64) {
        if self.items.len() > self.ends.last().copied().unwrap_or(0) {
            self.row(row, id, false, written);
        }
    }

    /// Keeps an item of a part if it is live, or removes what is not there and may come back. `place`:
    /// where what is under its key is now, if there is anything.
    pub(super) fn item(
        &mut self,
        run: &Run,
        (part, item): (usize, usize),
        place: Option<&mut Place>,
        removes: bool,
    ) {
        match place {
            None if removes && run.removals => {}
            Some(place)
                if !removes
                    && place.chunk == run.parts[part].chunk
                    && place.item as usize == item =>
            {
                *place = Place {
                    chunk: run.chunk,
                    item: self.items.len() as u32,
                };
            }
            _ => return,
        }
        self.items.push((part, item));
    }

    fn rows(&self, parts: &[Part]) -> Result<SlotRows, ArrowError> {
        let columns = parts.first().map_or(0, |part| part.rows.keys.len());
        let keys = (0..columns).map(|column| {
            let of_parts = parts.iter().map(|part| part.rows.keys[column].as_ref());
            interleave(&of_parts.collect::<Vec<_>>(), &self.rows)
        });
        let items: Vec<_> = parts.iter().map(|part| part.rows.items.as_ref()).collect();
        Ok(SlotRows {
            keys: keys.collect::<Result<_, _>>()?,
            replaces: self.replaces.clone().into(),
            written: self.written.clone().into(),
            offsets: offsets(self.ends.iter().copied())?,
            items: interleave(&items, &self.items)?,
        })
    }
}

impl Slot {
    /// Puts what is of use of each run of chunks into one.
    pub(super) fn rewrite(
        &mut self,
        runs: &[Vec<u32>],
        shared: &mut Shared,
    ) -> Result<(), ArrowError> {
        for run in runs {
            self.rewrite_run(run, shared)?;
        }
        self.log.sweep();
        Ok(())
    }

    fn rewrite_run(&mut self, run: &[u32], shared: &mut Shared) -> Result<(), ArrowError> {
        let removals = self.log.needs_removals(run);
        let mut parts = Vec::with_capacity(run.len());
        for chunk in run {
            let batch = self.log.load(*chunk)?;
            let rows = shared.layout.decode(self.number, &batch)?;
            let ids = match removals {
                true => shared.keys.find(&rows.keys, rows.len())?,
                false => self.log.ids(*chunk).to_vec(),
            };
            let chunk = *chunk;
            parts.push(Part { chunk, ids, rows });
        }
        let chunk = self.log.reserve(run);
        let run_of = Run {
            parts,
            chunk,
            removals,
            times: self.ttl.is_some(),
        };
        let mut kept = Kept::default();
        self.held.index().keep(&run_of, &self.log, &mut kept)?;
        let by = match kept.rows.is_empty() {
            true => None,
            false => {
                let rows = kept.rows(&run_of.parts)?;
                let batch = shared.layout.encode(self.number, &rows)?;
                let contents = self.contents(&rows, kept.ids);
                Some((shared.keeper.chunk(batch, 0)?, contents))
            }
        };
        self.log.replace(run, chunk, by);
        Ok(())
    }
}

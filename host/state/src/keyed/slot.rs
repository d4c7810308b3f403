//! One slot: its log, and where in it is what each key has.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Int64Array, UInt32Array, new_empty_array,
        new_null_array,
    },
    buffer::OffsetBuffer,
    compute::{interleave, take},
    datatypes::DataType,
    error::ArrowError,
};

use super::{
    calls::CallKeys,
    invalid,
    keys::{Keys, NONE},
    layout::{Layout, SlotRows},
    lists::Lists,
    log::{Contents, Log},
    maps::Maps,
    timers::Timers,
    values::Values,
};
use crate::{Chunk, Keeper};

/// What the slots of a partition share.
pub(super) struct Shared {
    pub keys: Keys,
    pub layout: Layout,
    pub keeper: Keeper,
}

/// A slot, or the timers.
pub(super) struct Slot {
    pub number: usize,
    pub log: Log,
    pub held: Held,
    ttl: Option<i64>,
    /// When it is looked for what is too old.
    next_look: i64,
}

/// Where in the log is what each key has.
pub(super) enum Held {
    Value(Values),
    List(Lists),
    Map(Maps),
    Timers(Timers),
}

/// What each kind of slot does in its own way.
pub(super) trait Index {
    /// Takes the rows of a chunk that was appended, all of whose items count as live.
    fn take(
        &mut self,
        rows: &Appended<'_>,
        log: &mut Log,
        keys: &mut Keys,
    ) -> Result<(), ArrowError>;

    /// Finds what is live of a run of chunks, and the removals if they are of use; it lies in the new
    /// chunk from now on.
    fn keep(&mut self, run: &Run, log: &Log, kept: &mut Kept) -> Result<(), ArrowError>;

    /// Forgets what was written up to `over`.
    fn expire(&mut self, over: i64, log: &mut Log, keys: &mut Keys);

    /// Forgets all.
    fn clear(&mut self);

    fn bytes(&self) -> usize;
}

impl Held {
    fn index(&mut self) -> &mut dyn Index {
        match self {
            Held::Value(index) => index,
            Held::List(index) => index,
            Held::Map(index) => index,
            Held::Timers(index) => index,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Held::Value(index) => index.bytes(),
            Held::List(index) => index.bytes(),
            Held::Map(index) => index.bytes(),
            Held::Timers(index) => index.bytes(),
        }
    }
}

/// Rows of a chunk that was appended.
pub(super) struct Appended<'a> {
    pub chunk: u32,
    /// One a row.
    pub ids: &'a [u32],
    pub rows: &'a SlotRows,
    /// What was written up to then is too old.
    pub over: Option<i64>,
}

impl Appended<'_> {
    #[inline]
    pub(super) fn is_over(&self, row: usize) -> bool {
        is_over(self.rows.written.value(row), self.over)
    }
}

#[inline]
pub(super) fn is_over(written: i64, over: Option<i64>) -> bool {
    over.is_some_and(|over| written <= over)
}

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

/// What a call makes of a slot: rows of keys, which are named by their numbers, each once and in
/// their order.
pub(super) struct NewRows {
    pub numbers: Vec<u32>,
    pub replaces: BooleanArray,
    pub offsets: OffsetBuffer<i32>,
    pub items: ArrayRef,
}

/// Rows that wait to be appended.
pub(super) struct Prepared {
    chunk: Chunk,
    rows: SlotRows,
    ids: Vec<u32>,
}

impl Slot {
    pub(super) fn new(number: usize, held: Held, ttl: Option<i64>) -> Self {
        Slot {
            number,
            log: Log::new(),
            held,
            ttl,
            next_look: i64::MIN,
        }
    }

    pub(super) fn clear(&mut self) {
        self.log.clear();
        self.held.index().clear();
    }

    /// What was written up to then is too old now.
    pub(super) fn over(&self, now: i64) -> Option<i64> {
        self.ttl.map(|ttl| now.saturating_sub(ttl))
    }

    pub(super) fn bytes(&self) -> usize {
        self.log.bytes() + self.held.bytes()
    }

    pub(super) fn prepare(
        &self,
        new: NewRows,
        keys: &CallKeys,
        now: i64,
        shared: &Shared,
    ) -> Result<Prepared, ArrowError> {
        let count = new.numbers.len();
        // They are in order, so these are all.
        let (ids, columns) = match count == keys.ids.len() {
            true => (keys.ids.clone(), keys.columns.clone()),
            false => {
                let ids = new.numbers.iter().map(|number| keys.ids[*number as usize]);
                let (ids, numbers) = (ids.collect(), UInt32Array::from(new.numbers));
                let columns = keys.columns.iter();
                let columns = columns.map(|column| take(column, &numbers, None));
                (ids, columns.collect::<Result<_, _>>()?)
            }
        };
        let rows = SlotRows {
            keys: columns,
            replaces: new.replaces,
            written: Int64Array::from_value(now, count),
            offsets: new.offsets,
            items: new.items,
        };
        self.prepare_rows(rows, ids, shared)
    }

    /// Rows that were saved, of the keys with these ids.
    pub(super) fn prepare_rows(
        &self,
        rows: SlotRows,
        ids: Vec<u32>,
        shared: &Shared,
    ) -> Result<Prepared, ArrowError> {
        let batch = shared.layout.encode(self.number, &rows)?;
        // None is needed before another.
        let chunk = shared.keeper.chunk(batch, 0)?;
        Ok(Prepared { chunk, rows, ids })
    }

    pub(super) fn append(
        &mut self,
        prepared: Prepared,
        now: i64,
        shared: &mut Shared,
    ) -> Result<(), ArrowError> {
        let Prepared { chunk, rows, ids } = prepared;
        let over = self.over(now);
        let contents = self.contents(&rows, ids.clone());
        let chunk = self.log.push(chunk, contents);
        let appended = Appended {
            chunk,
            ids: &ids,
            rows: &rows,
            over,
        };
        let index = self.held.index();
        index.take(&appended, &mut self.log, &mut shared.keys)?;
        self.settle(shared)
    }

    fn contents(&self, rows: &SlotRows, ids: Vec<u32>) -> Contents {
        let offsets = rows.offsets.windows(2);
        let empty = offsets.filter(|ends| ends[0] == ends[1]).count();
        let removed = match &self.held {
            Held::Value(_) | Held::List(_) => 0,
            Held::Map(_) => Maps::removals(&rows.items),
            Held::Timers(_) => Timers::removals(&rows.items),
        };
        Contents {
            ids,
            items: rows.items.len() + empty,
            removals: removed + empty,
            live: rows.items.len() - removed,
        }
    }

    pub(super) fn expire(&mut self, now: i64, shared: &mut Shared) -> Result<(), ArrowError> {
        let (Some(ttl), Some(over)) = (self.ttl, self.over(now)) else {
            return Ok(());
        };
        if now < self.next_look {
            return Ok(());
        }
        self.next_look = now.saturating_add((ttl / 4).max(1));
        let index = self.held.index();
        index.expire(over, &mut self.log, &mut shared.keys);
        self.settle(shared)
    }

    /// Drops and puts together chunks.
    fn settle(&mut self, shared: &mut Shared) -> Result<(), ArrowError> {
        self.log.sweep();
        while let Some(run) = self.log.tail() {
            self.rewrite(&[run], shared)?;
        }
        if self.log.is_sparse() {
            self.rewrite(&self.log.sparse(), shared)?;
        }
        // Removals were of use because of chunks that were left as they are.
        if self.log.is_sparse() {
            self.rewrite(&self.log.all_sparse(), shared)?;
        }
        Ok(())
    }

    fn rewrite(&mut self, runs: &[Vec<u32>], shared: &mut Shared) -> Result<(), ArrowError> {
        for run in runs {
            self.rewrite_run(run, shared)?;
        }
        self.log.sweep();
        Ok(())
    }

    /// Puts what is of use of a run of chunks into one.
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

/// The items of chunks, loaded as they are asked for, with a null in front.
pub(super) struct Items<'a> {
    slot: &'a Slot,
    layout: &'a Layout,
    /// Where a chunk's are, by the chunk's number.
    places: Vec<u32>,
    arrays: Vec<ArrayRef>,
    /// Of which array which item.
    picked: Vec<(usize, usize)>,
    /// Whether there are nulls among them.
    skips: bool,
    /// Whether the values of entries are wanted.
    values: bool,
}

impl<'a> Items<'a> {
    pub(super) fn new(slot: &'a Slot, layout: &'a Layout, capacity: usize) -> Self {
        Items {
            slot,
            layout,
            places: vec![NONE; slot.log.limit()],
            arrays: Vec::new(),
            picked: Vec::with_capacity(capacity),
            skips: false,
            values: false,
        }
    }

    pub(super) fn of_values(self) -> Self {
        Items {
            values: true,
            ..self
        }
    }

    #[inline]
    pub(super) fn pick(&mut self, chunk: u32, item: u32) -> Result<(), ArrowError> {
        let array = match self.places.get(chunk as usize) {
            Some(array) if *array != NONE => *array as usize,
            _ => self.load(chunk)?,
        };
        self.picked.push((array, item as usize));
        Ok(())
    }

    /// A null.
    pub(super) fn skip(&mut self) {
        self.skips = true;
        self.picked.push((usize::MAX, 0));
    }

    pub(super) fn len(&self) -> usize {
        self.picked.len()
    }

    fn load(&mut self, chunk: u32) -> Result<usize, ArrowError> {
        let batch = self.slot.log.load(chunk)?;
        let (_, mut items) = self.layout.items(self.slot.number, &batch)?;
        if self.values {
            items = entries(&items)?.1;
        }
        self.arrays.push(items);
        let place = self.arrays.len() - 1;
        if let Some(of_chunk) = self.places.get_mut(chunk as usize) {
            *of_chunk = place as u32;
        }
        Ok(place)
    }

    /// What was picked, of this type.
    pub(super) fn gather(mut self, of: &DataType) -> Result<ArrayRef, ArrowError> {
        if self.picked.is_empty() {
            return Ok(new_empty_array(of));
        }
        if self.arrays.is_empty() {
            return Ok(new_null_array(of, self.picked.len()));
        }
        if self.skips {
            let null = self.arrays.len();
            self.arrays.push(new_null_array(of, 1));
            let skipped = self.picked.iter_mut();
            skipped
                .filter(|(array, _)| *array == usize::MAX)
                .for_each(|(array, _)| *array = null);
        }
        let arrays: Vec<_> = self.arrays.iter().map(AsRef::as_ref).collect();
        interleave(&arrays, &self.picked)
    }
}

/// The offsets of lists that end there.
pub(super) fn offsets(ends: impl Iterator<Item = usize>) -> Result<OffsetBuffer<i32>, ArrowError> {
    let mut offsets = Vec::with_capacity(ends.size_hint().0 + 1);
    offsets.push(0);
    for end in ends {
        let end = i32::try_from(end);
        offsets.push(end.map_err(|_| invalid("there are too many items of state"))?);
    }
    if !offsets.is_sorted() {
        return Err(invalid("lists of state end before they begin"));
    }
    Ok(OffsetBuffer::new(offsets.into()))
}

/// The keys and the values of entries of maps.
pub(super) fn entries(items: &ArrayRef) -> Result<(ArrayRef, ArrayRef), ArrowError> {
    match items.as_struct_opt().map(|entries| entries.columns()) {
        Some([keys, values]) => Ok((Arc::clone(keys), Arc::clone(values))),
        _ => Err(invalid(
            "what is to be entries of maps has no keys and values",
        )),
    }
}

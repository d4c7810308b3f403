//! The chunks of one slot, in the order in which their rows were written.
//!
//! An *item* is what a row has any number of: values, entries of maps, timers. It is *live* as long as
//! nothing later has taken its place. A *removal* is what removes older items: a row without items, or
//! an item that says so. It is of use as long as an older chunk has items that are neither live nor
//! removals: read again without it, they would be there again.
//!
//! Chunks are put together in place, so that what is later stays later.

use std::collections::{BTreeMap, BTreeSet};

use arrow::{array::RecordBatch, error::ArrowError};

use crate::Chunk;

/// So many chunks that are not larger than the last are put together.
const TOGETHER: usize = 16;

/// Chunks of so many items stay as they are until they are sparse.
const LARGE: usize = 4096;

/// What is put together is cut into chunks of about so many items.
const CUT: usize = 32_768;

/// Chunks of fewer items go with a neighbour that is put together with others.
const TINY: usize = 256;

/// Items that are of no use may lie beside as many that are, or beside these.
const SPARE: usize = 8192;

pub(super) struct Log {
    spare: usize,
    /// By their numbers, which are given again.
    stored: Vec<Option<Stored>>,
    free: Vec<u32>,
    /// The numbers in order.
    order: BTreeMap<u64, u32>,
    next: u64,
    items: usize,
    live: usize,
    bytes: usize,
    /// Whether a chunk may be of no use.
    emptied: bool,
}

pub(super) struct Stored {
    /// Of one that is being written there is none yet.
    chunk: Option<Chunk>,
    place: u64,
    /// Of the keys of the rows. That of a row without live items may mean nothing any more.
    ids: Vec<u32>,
    /// Removals are items here.
    items: usize,
    removals: usize,
    live: usize,
}

impl Stored {
    /// How many items are there that a removal must keep from coming back.
    fn dead(&self) -> usize {
        self.items.saturating_sub(self.live + self.removals)
    }

    fn bytes(&self) -> usize {
        let ids = self.ids.capacity() * size_of::<u32>();
        self.chunk.as_ref().map_or(0, |chunk| chunk.0.bytes) + ids
    }
}

/// What a chunk has.
pub(super) struct Contents {
    pub ids: Vec<u32>,
    /// With removals.
    pub items: usize,
    pub removals: usize,
    pub live: usize,
}

impl Log {
    pub(super) fn new() -> Self {
        Log {
            spare: SPARE,
            stored: Vec::new(),
            free: Vec::new(),
            order: BTreeMap::new(),
            next: 0,
            items: 0,
            live: 0,
            bytes: 0,
            emptied: false,
        }
    }

    #[cfg(test)]
    pub(super) fn spare(&mut self, items: usize) {
        self.spare = items;
    }

    pub(super) fn clear(&mut self) {
        let spare = self.spare;
        *self = Log {
            spare,
            ..Log::new()
        };
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        let chunks = self.order.values();
        chunks.filter_map(|chunk| self.get(*chunk)?.chunk.as_ref())
    }

    /// Appends a chunk, and gives its number.
    pub(super) fn push(&mut self, chunk: Chunk, contents: Contents) -> u32 {
        let place = self.next;
        self.next += 1;
        let number = self.number(place);
        self.fill(number, chunk, contents);
        number
    }

    /// A number for a chunk at a place.
    fn number(&mut self, place: u64) -> u32 {
        let stored = Some(Stored {
            chunk: None,
            place,
            ids: Vec::new(),
            items: 0,
            removals: 0,
            live: 0,
        });
        match self.free.pop() {
            Some(number) => {
                self.stored[number as usize] = stored;
                number
            }
            None => {
                self.stored.push(stored);
                self.stored.len() as u32 - 1
            }
        }
    }

    fn fill(&mut self, number: u32, chunk: Chunk, contents: Contents) {
        let Some(stored) = self.stored[number as usize].as_mut() else {
            return;
        };
        stored.chunk = Some(chunk);
        stored.ids = contents.ids;
        stored.items = contents.items;
        stored.removals = contents.removals;
        stored.live = contents.live;
        self.items += stored.items;
        self.live += stored.live;
        self.bytes += stored.bytes();
        self.emptied |= stored.live == 0;
        self.order.insert(stored.place, number);
    }

    fn remove(&mut self, number: u32) {
        let stored = self.stored.get_mut(number as usize);
        if let Some(stored) = stored.and_then(Option::take) {
            self.items -= stored.items;
            self.live -= stored.live;
            self.bytes -= stored.bytes();
            self.order.remove(&stored.place);
            self.free.push(number);
        }
    }

    /// So many items of a chunk are no longer live.
    #[inline]
    pub(super) fn leave(&mut self, number: u32, items: usize) {
        if let Some(Some(stored)) = self.stored.get_mut(number as usize) {
            stored.live -= items;
            self.live -= items;
            self.emptied |= stored.live == 0;
        }
    }

    /// Chunks compare by it as they were written.
    pub(super) fn place(&self, number: u32) -> u64 {
        self.get(number).map_or(u64::MAX, |stored| stored.place)
    }

    /// How large the numbers are.
    pub(super) fn limit(&self) -> usize {
        self.stored.len()
    }

    pub(super) fn load(&self, number: u32) -> Result<RecordBatch, ArrowError> {
        match self.get(number).and_then(|stored| stored.chunk.as_ref()) {
            Some(chunk) => Ok(chunk.load()?),
            None => Err(std::io::Error::other("rows of state that are not there").into()),
        }
    }

    pub(super) fn ids(&self, number: u32) -> &[u32] {
        self.get(number).map_or(&[], |stored| &stored.ids)
    }

    fn get(&self, number: u32) -> Option<&Stored> {
        self.stored.get(number as usize)?.as_ref()
    }

    fn in_order(&self) -> impl DoubleEndedIterator<Item = (u32, &Stored)> {
        let numbers = self.order.values();
        numbers.filter_map(|number| Some((*number, self.get(*number)?)))
    }

    /// Drops the chunks that are of no use.
    pub(super) fn sweep(&mut self) {
        if !std::mem::take(&mut self.emptied) {
            return;
        }
        let (mut useless, mut dead) = (Vec::new(), 0);
        for (number, stored) in self.in_order() {
            match stored.live == 0 && (stored.removals == 0 || dead == 0) {
                true => useless.push(number),
                false => dead += stored.dead(),
            }
        }
        useless.iter().for_each(|number| self.remove(*number));
    }

    /// The last chunks, if they are many for their sizes.
    ///
    /// What is put together belongs to a higher class, or most of it was of no use: so an item is
    /// copied a few times at most.
    pub(super) fn tail(&self) -> Option<Vec<u32>> {
        let class = |stored: &Stored| stored.items.max(1).ilog2() / 3;
        let (_, last) = self.in_order().next_back()?;
        let last = class(last).min((LARGE - 1).ilog2() / 3);
        let tail = self.in_order().rev();
        let tail = tail.take_while(|(_, stored)| stored.items < LARGE && class(stored) <= last);
        let mut tail: Vec<_> = tail.map(|(number, _)| number).collect();
        tail.reverse();
        (tail.len() >= TOGETHER).then_some(tail)
    }

    pub(super) fn is_sparse(&self) -> bool {
        self.items > 2 * self.live + self.spare
    }

    /// Runs of chunks, the oldest first, that most are of no use of; as many as make room enough.
    pub(super) fn sparse(&self) -> Vec<Vec<u32>> {
        let mut by_use: Vec<_> = self.in_order().collect();
        by_use.sort_by_key(|(_, stored)| stored.live * 1024 / stored.items.max(1));
        let enough = self.live + self.live / 2 + self.spare / 2;
        let (mut items, mut chosen) = (self.items, BTreeSet::new());
        for (number, stored) in by_use {
            if items <= enough {
                break;
            }
            items -= stored.items - stored.live;
            chosen.insert(number);
        }
        self.runs(|number, _| chosen.contains(&number))
    }

    /// Runs of all chunks in which something is of no use.
    pub(super) fn all_sparse(&self) -> Vec<Vec<u32>> {
        self.runs(|_, stored| stored.live < stored.items)
    }

    fn runs(&self, chosen: impl Fn(u32, &Stored) -> bool) -> Vec<Vec<u32>> {
        let (mut runs, mut run) = (Vec::new(), Vec::new());
        let (mut live, mut wanted) = (0, false);
        let mut close = |run: &mut Vec<u32>, wanted: bool| match wanted {
            true => runs.push(std::mem::take(run)),
            false => run.clear(),
        };
        for (number, stored) in self.in_order() {
            let is_chosen = chosen(number, stored);
            if !is_chosen && stored.items >= TINY || live >= CUT {
                close(&mut run, std::mem::take(&mut wanted));
                live = 0;
            }
            if is_chosen || stored.items < TINY {
                run.push(number);
                live += stored.live;
                wanted |= is_chosen;
            }
        }
        close(&mut run, wanted);
        runs
    }

    /// Whether removals of a run are of use.
    pub(super) fn needs_removals(&self, run: &[u32]) -> bool {
        let mut run = run.iter().filter_map(|number| self.get(*number));
        let Some(first) = run.clone().map(|stored| stored.place).next() else {
            return false;
        };
        let older = self.in_order();
        let mut older = older.take_while(|(_, stored)| stored.place < first);
        run.any(|stored| stored.removals > 0) && older.any(|(_, stored)| stored.dead() > 0)
    }

    /// A number for the chunk that is to take the place of a run.
    pub(super) fn reserve(&mut self, run: &[u32]) -> u32 {
        let first = run.first().map_or(self.next, |first| self.place(*first));
        self.number(first)
    }

    /// Puts a chunk into the place of a run, or nothing.
    pub(super) fn replace(&mut self, run: &[u32], number: u32, by: Option<(Chunk, Contents)>) {
        run.iter().for_each(|number| self.remove(*number));
        match by {
            Some((chunk, contents)) => self.fill(number, chunk, contents),
            None => {
                self.stored[number as usize] = None;
                self.free.push(number);
            }
        }
        // Nothing dead is left of them, so removals may be of no use.
        self.emptied = true;
    }
}

//! Numbers replaced by their ranks among the thresholds that a forest compares them with.
//!
//! A split asks whether a value is above a threshold. Of the value, all that matters is how many of
//! the feature's distinct thresholds are below it: its *rank*. With at most 255 thresholds a rank is
//! a byte, and one instruction compares 64 rows with a threshold, exactly. More thresholds are cut
//! into pieces of 255, each with its own byte; a split asks the byte of the piece that its threshold
//! is in.
//!
//! How a split treats a missing value depends on the split, so a feature has one *slot* for each
//! [`Missing`] among its splits: the values with "missing" already turned into NaN (or, where nothing
//! is missing, NaN into zero). Where the splits of a slot send NaN left, NaN has the rank 0, below
//! all thresholds; where they send it right, the rank 255, above all of them.

use std::collections::BTreeMap;

use super::arithmetic::Arithmetic;
use super::bytes::Bytes;
use super::columns::FeatureColumn;
use super::tree::{Missing, Split, Tree};

/// Thresholds of one piece.
const PIECE: usize = 255;

/// A byte for each row of a block.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Lane<const ROWS: usize>(pub [u8; ROWS]);

/// Sorted thresholds, filled up with infinity, which no value is above.
#[derive(Debug)]
#[repr(align(64))]
struct Thresholds {
    sorted: [f64; PIECE + 1],
    /// Every 16th of them.
    pivots: [f64; 16],
    /// The smallest power of two above the number of thresholds, halved.
    first_step: u8,
}

impl Thresholds {
    fn new(thresholds: &[f64]) -> Self {
        let mut sorted = [f64::INFINITY; PIECE + 1];
        sorted[..thresholds.len()].copy_from_slice(thresholds);
        Self {
            sorted,
            pivots: std::array::from_fn(|pivot| sorted[pivot * 16 + 15]),
            first_step: ((thresholds.len() + 1).next_power_of_two() / 2) as u8,
        }
    }

    /// How many thresholds each value is above; none for NaN.
    #[inline(always)]
    fn ranks<V: Bytes, const ROWS: usize>(&self, values: &[f64; ROWS], ranks: &mut [u8; ROWS]) {
        if ROWS < 8 {
            for (rank, value) in ranks.iter_mut().zip(values) {
                *rank = self.rank::<V>(*value);
            }
            return;
        }
        *ranks = [0; ROWS];
        let mut step = self.first_step;
        while step > 0 {
            for (rank, value) in ranks.iter_mut().zip(values) {
                let above = *value > self.sorted[usize::from(*rank + (step - 1))];
                *rank += if above { step } else { 0 };
            }
            step /= 2;
        }
    }

    /// The same for one value: counting has no branch that depends on it, and needs no gathers.
    #[inline(always)]
    fn rank<V: Bytes>(&self, value: f64) -> u8 {
        if self.first_step <= 8 {
            let first = self.sorted.first_chunk();
            return first.map_or(0, |first| V::count_below(value, first));
        }
        // The last pivot is infinity.
        let sixteens = V::count_below(value, &self.pivots) % 16;
        let (chunks, _) = self.sorted.as_chunks::<16>();
        sixteens * 16 + V::count_below(value, &chunks[usize::from(sixteens)])
    }
}

/// A feature as the splits of one [`Missing`] see it.
#[derive(Debug)]
struct Slot {
    feature: usize,
    missing: Missing,
    pieces: Vec<Thresholds>,
    /// The first lane of those where NaN goes right, and of those where it goes left.
    lanes: [Option<usize>; 2],
}

/// Where a split finds what it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub lane: usize,
    /// Ranks above it go right.
    pub bound: u8,
}

/// The slots of a forest and the lanes that their ranks are in.
#[derive(Debug)]
pub(super) struct Ranks {
    slots: Vec<Slot>,
    lanes: usize,
}

/// Where the splits of a forest find what they ask.
pub(super) struct Places {
    slots: BTreeMap<(usize, Missing), Sorted>,
}

/// The distinct thresholds of a slot.
struct Sorted {
    thresholds: Vec<f64>,
    /// As in [`Slot`].
    lanes: [Option<usize>; 2],
}

impl Ranks {
    pub fn new<'a>(trees: impl IntoIterator<Item = &'a Tree>) -> (Self, Places) {
        let mut found: BTreeMap<(usize, Missing), (Vec<f64>, [bool; 2])> = BTreeMap::new();
        for node in trees.into_iter().flat_map(|tree| &tree.nodes) {
            if let Split::Number {
                threshold,
                missing,
                missing_left,
            } = node.split
            {
                let (thresholds, sides) = found.entry((node.feature, missing)).or_default();
                thresholds.push(threshold);
                sides[usize::from(missing_left)] = true;
            }
        }
        let (mut ranks, mut slots) = (
            Self {
                slots: Vec::new(),
                lanes: 0,
            },
            BTreeMap::new(),
        );
        for ((feature, missing), (mut thresholds, sides)) in found {
            thresholds.sort_by(f64::total_cmp);
            // Zero and negative zero are equal.
            thresholds.dedup_by(|a, b| a == b);
            let pieces: Vec<_> = thresholds.chunks(PIECE).map(Thresholds::new).collect();
            let lanes = sides.map(|used| {
                used.then(|| {
                    ranks.lanes += pieces.len();
                    ranks.lanes - pieces.len()
                })
            });
            slots.insert((feature, missing), Sorted { thresholds, lanes });
            ranks.slots.push(Slot {
                feature,
                missing,
                pieces,
                lanes,
            });
        }
        (ranks, Places { slots })
    }

    /// How many lanes there are.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// Gives the ranks of `rows` rows from `start` on to `write`, lane after lane; those of rows
    /// beyond are of any value.
    #[inline(always)]
    pub fn read<A: Arithmetic, V: Bytes, const ROWS: usize>(
        &self,
        columns: &[FeatureColumn<'_>],
        start: usize,
        rows: usize,
        mut write: impl FnMut(usize, &[u8; ROWS]),
    ) {
        let mut values = [0.0; ROWS];
        let mut ranks = [0; ROWS];
        for slot in &self.slots {
            columns[slot.feature].read::<A>(start, &mut values[..rows]);
            match slot.missing {
                Missing::Never => {
                    for value in &mut values {
                        *value = if value.is_nan() { 0.0 } else { *value };
                    }
                }
                Missing::Zero => {
                    for value in &mut values {
                        *value = if *value == 0.0 { f64::NAN } else { *value };
                    }
                }
                Missing::NotANumber => {}
            }
            for (index, piece) in slot.pieces.iter().enumerate() {
                piece.ranks::<V, ROWS>(&values, &mut ranks);
                if let Some(first) = slot.lanes[1] {
                    write(first + index, &ranks);
                }
                if let Some(first) = slot.lanes[0] {
                    for (rank, value) in ranks.iter_mut().zip(&values) {
                        *rank = if value.is_nan() { u8::MAX } else { *rank };
                    }
                    write(first + index, &ranks);
                }
            }
        }
    }
}

impl Places {
    /// What a split of one of the trees asks; `None` for another one.
    pub fn find(
        &self,
        feature: usize,
        missing: Missing,
        missing_left: bool,
        threshold: f64,
    ) -> Option<Place> {
        let Sorted { thresholds, lanes } = self.slots.get(&(feature, missing))?;
        let index = thresholds.partition_point(|other| *other < threshold);
        Some(Place {
            lane: lanes[usize::from(missing_left)]? + index / PIECE,
            bound: (index % PIECE) as u8,
        })
    }
}

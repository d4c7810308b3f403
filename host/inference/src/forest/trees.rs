//! The trees of a model, ready to be evaluated for few rows and for many.

use std::ops::Range;

use super::blocks::{BlockTrees, SMALL};
use super::columns::FeatureColumn;
use super::ranks::Ranks;
use super::rows::RowTrees;
use super::tree::Tree;
use super::vectors::Vectors;

/// From so many rows on a block is faster: it costs the same however few rows it has.
const MANY_ROWS: usize = 16;

/// What [`Trees::evaluate`] gives for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// For each class the sum of the leaves, in the order of the trees.
    Scores,
    /// For each tree the index of the leaf.
    Leaves,
}

/// The trees of a model; tree `i` adds to the class `i % classes`.
#[derive(Debug)]
pub(crate) struct Trees {
    pub trees: Vec<Tree>,
    classes: usize,
    ranks: Ranks,
    blocks: BlockTrees,
    rows: RowTrees,
}

/// Which trees of a forest are evaluated over which rows.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub trees: &'a [Tree],
    pub first_tree: usize,
    pub classes: usize,
    pub columns: &'a [FeatureColumn<'a>],
    pub rows: usize,
    /// The leaves are wanted, not the scores.
    pub leaves: bool,
    /// How many values a row has in the output.
    pub width: usize,
}

impl Trees {
    /// Makes trees over `features` features ready. All trees must have passed [`Tree::check_shape`].
    pub fn new(trees: Vec<Tree>, classes: usize, features: usize) -> Self {
        Self::with_vectors(trees, classes, features, Vectors::best())
    }

    fn with_vectors(trees: Vec<Tree>, classes: usize, features: usize, vectors: Vectors) -> Self {
        let (ranks, places) = Ranks::new(&trees);
        Self {
            blocks: BlockTrees::new(&trees, features, &ranks, &places, vectors),
            rows: RowTrees::new(&trees, &ranks, &places, vectors),
            classes,
            ranks,
            trees,
        }
    }

    /// How many values a row has.
    pub fn width(&self, wanted: Wanted, used: &Range<usize>) -> usize {
        match wanted {
            Wanted::Scores => self.classes,
            Wanted::Leaves => used.len(),
        }
    }

    /// Writes what is wanted of the trees `used` into `out`, row after row.
    pub fn evaluate(
        &self,
        used: Range<usize>,
        wanted: Wanted,
        columns: &[FeatureColumn<'_>],
        rows: usize,
        out: &mut [f64],
    ) {
        let few = if rows % SMALL < MANY_ROWS {
            rows % SMALL
        } else {
            0
        };
        let width = self.width(wanted, &used);
        let (blocks, rest) = out.split_at_mut((rows - few) * width);
        let mut work = Work {
            width,
            first_tree: used.start,
            trees: &self.trees[used],
            classes: self.classes,
            columns,
            rows: rows - few,
            leaves: wanted == Wanted::Leaves,
        };
        if work.rows > 0 {
            self.blocks.evaluate(&self.ranks, work, blocks);
        }
        if few > 0 {
            let columns: Vec<_> = columns
                .iter()
                .map(|column| column.skip(work.rows))
                .collect();
            work.columns = &columns;
            work.rows = few;
            self.rows.evaluate(&self.ranks, work, rest);
        }
    }
}

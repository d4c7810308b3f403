//! Rows through trees, one after the other.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m512i, _MM_HINT_T0, _mm_prefetch};

#[cfg(target_arch = "x86_64")]
use super::piece::load;
use super::{Answers, MOST_LANES, RowTrees, Shape};
use crate::forest::arithmetic::{Arithmetic, Sum};
use crate::forest::bytes::{Bytes, Portable};
use crate::forest::tree::Tree;
use crate::forest::trees::{Asked, Work};

/// A row as the trees ask it.
struct Row {
    /// The rank in each lane.
    ranks: Vec<u8>,
    /// The value of each feature, where any tree asks it.
    values: Vec<f64>,
    /// The number of the category of each feature that categories are asked of.
    categories: Vec<u32>,
}

impl<A: Arithmetic> RowTrees<A> {
    /// The nodes of a piece that send a row right by its category.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn by_category(&self, piece: usize, row: &Row) -> u64 {
        let answers = self.first_answers[piece] as usize..self.first_answers[piece + 1] as usize;
        let mask = |answers: &Answers| {
            self.masks[(answers.first + row.categories[answers.feature as usize]) as usize]
        };
        self.answers[answers]
            .iter()
            .fold(0, |right, answers| right | mask(answers))
    }

    /// Writes what is wanted of the rows from `start` on into `out`, row after row.
    pub fn evaluate(&self, asked: &Asked, work: Work<'_>, start: usize, out: &mut [f64]) {
        #[cfg(target_arch = "x86_64")]
        if self.vectors {
            // SAFETY: `vectors` says that the CPU has the features.
            return unsafe { self.evaluate_vectors(asked, work, start, out) };
        }
        self.evaluate_rows::<Portable>(asked, work, start, out, |row, given| {
            let mut sum = first_base(work);
            let shapes = &self.shapes[work.first_tree..];
            for ((given, tree), shape) in given.iter_mut().zip(work.trees).zip(shapes) {
                if let Shape::Walk { first } = shape {
                    *given = give(work, tree, self.walked(tree, *first, row), row);
                    sum += A::Sum::round(*given);
                }
            }
            sum
        });
    }

    /// The same by permutations.
    ///
    /// # Safety
    /// The CPU must have the features.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt"
    )]
    unsafe fn evaluate_vectors(
        &self,
        asked: &Asked,
        work: Work<'_>,
        start: usize,
        out: &mut [f64],
    ) {
        let evaluate = match (self.lanes <= 64, self.answers.is_empty(), self.asks_values) {
            (true, true, false) => Self::permute_trees::<1, false, false>,
            (true, true, true) => Self::permute_trees::<1, false, true>,
            (true, false, false) => Self::permute_trees::<1, true, false>,
            (true, false, true) => Self::permute_trees::<1, true, true>,
            (false, true, false) => Self::permute_trees::<2, false, false>,
            (false, true, true) => Self::permute_trees::<2, false, true>,
            (false, false, false) => Self::permute_trees::<2, true, false>,
            (false, false, true) => Self::permute_trees::<2, true, true>,
        };
        self.evaluate_rows::<__m512i>(asked, work, start, out, |row, given| {
            evaluate(self, work, row, given)
        });
    }

    /// Reads row after row and has `evaluate` write what each tree gives, and return the sum.
    #[inline(always)]
    fn evaluate_rows<V: Bytes>(
        &self,
        asked: &Asked,
        work: Work<'_>,
        start: usize,
        out: &mut [f64],
        evaluate: impl Fn(&Row, &mut [f64]) -> A::Sum,
    ) {
        let values = if self.asks_values {
            work.columns.len()
        } else {
            0
        };
        let mut row = Row {
            ranks: vec![0; self.lanes.max(MOST_LANES)],
            values: vec![0.0; values],
            categories: vec![0; asked.categories.features()],
        };
        let mut given = vec![0.0; work.trees.len()];
        let mut sums = Vec::new();
        for (number, out) in (start..).zip(out.chunks_mut(work.width.max(1))) {
            let ranks = &mut row.ranks;
            asked
                .ranks
                .read::<A, V, 1>(work.columns, number, 1, |lane, [rank]| ranks[lane] = *rank);
            asked
                .categories
                .numbers::<A>(work.columns, number, &mut row.categories);
            for (value, column) in row.values.iter_mut().zip(work.columns) {
                column.read::<A>(number, std::slice::from_mut(value));
            }
            let sum = evaluate(&row, &mut given);
            if work.leaves {
                out.copy_from_slice(&given);
            } else if let [score] = out {
                *score = sum.into();
            } else {
                sums.clear();
                sums.extend(work.bases.iter().map(|base| A::Sum::round(*base)));
                for (value, class) in given.iter().zip(work.classes) {
                    sums[*class as usize] += A::Sum::round(*value);
                }
                for (out, sum) in out.iter_mut().zip(&sums) {
                    *out = (*sum).into();
                }
            }
        }
    }

    /// The leaf of a row in a tree whose steps start at `first`.
    #[inline]
    fn walked(&self, tree: &Tree, first: u32, row: &Row) -> usize {
        if tree.nodes.is_empty() {
            return 0;
        }
        let steps = &self.steps[first as usize..][..tree.nodes.len()];
        let mut node = 0;
        loop {
            let step = &steps[node];
            let right = match row.ranks.get(step.lane as usize) {
                Some(rank) => *rank > step.bound,
                None => {
                    let asked = &tree.nodes[node];
                    !tree.goes_left::<A>(asked, row.values[asked.feature])
                }
            };
            let next = step.children[usize::from(right)];
            if next < 0 {
                return !next as usize;
            }
            node = next as usize;
        }
    }

    /// Writes what each tree gives, and returns the sum: with ranks in `VECTORS` vectors, and with
    /// nodes that ask a category or without, and with linear leaves or without.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt"
    )]
    fn permute_trees<const VECTORS: usize, const CATEGORIES: bool, const LINEAR: bool>(
        &self,
        work: Work<'_>,
        row: &Row,
        given: &mut [f64],
    ) -> A::Sum {
        let shapes = &self.shapes[work.first_tree..];
        let ranks = [load(&row.ranks, 0), load(&row.ranks, 64)];
        let by_category = |piece| {
            if CATEGORIES {
                self.by_category(piece, row)
            } else {
                0
            }
        };
        let mut sum = first_base(work);
        for ((given, tree), shape) in given.iter_mut().zip(work.trees).zip(shapes) {
            let leaf = match *shape {
                Shape::One { piece, deep } => {
                    let piece = piece as usize;
                    let exit = self.pieces[piece].exit::<VECTORS>(ranks, deep, by_category(piece));
                    let value = self.values[piece][exit];
                    *given = if work.leaves {
                        f64::from(!self.exits[piece][exit])
                    } else {
                        value.into()
                    };
                    sum += value;
                    continue;
                }
                Shape::Several { first, deep } => {
                    let mut piece = first as usize;
                    loop {
                        let exit =
                            self.pieces[piece].exit::<VECTORS>(ranks, deep, by_category(piece));
                        match self.exits[piece][exit] {
                            leaf if leaf < 0 => break !leaf as usize,
                            next => piece = next as usize,
                        }
                    }
                }
                Shape::Walk { first } => self.walked(tree, first, row),
            };
            if LINEAR {
                // Terms lie somewhere in a large memory, and are read when all leaves are known.
                prefetch(tree, leaf);
                *given = leaf as f64;
            } else {
                *given = give(work, tree, leaf, row);
                sum += A::Sum::round(*given);
            }
        }
        match LINEAR && !work.leaves {
            true => sum_of_leaves(work, shapes, row, given),
            false => sum,
        }
    }
}

/// Replaces the leaves that trees have come to by what these give, and sums up.
#[cfg(target_arch = "x86_64")]
#[inline]
fn sum_of_leaves<S: Sum>(work: Work<'_>, shapes: &[Shape], row: &Row, given: &mut [f64]) -> S {
    let mut sum: S = first_base(work);
    for ((given, tree), shape) in given.iter_mut().zip(work.trees).zip(shapes) {
        if !matches!(shape, Shape::One { .. }) {
            *given = give(work, tree, *given as usize, row);
        }
        sum += S::round(*given);
    }
    sum
}

/// Has the processor fetch the terms of a leaf: two lines of its cache hold eight.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn prefetch(tree: &Tree, leaf: usize) {
    let Some(linear) = tree.linear.get(leaf) else {
        return;
    };
    let place: *const i8 = linear.terms.as_ptr().cast();
    // SAFETY: every CPU of the target has the instruction, which reads nothing.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(place);
        _mm_prefetch::<_MM_HINT_T0>(place.wrapping_add(64));
    }
}

/// What the sum of the first class starts from.
#[inline]
fn first_base<S: Sum>(work: Work<'_>) -> S {
    work.bases
        .first()
        .map_or_else(S::default, |base| S::round(*base))
}

/// What a tree's leaf gives: its value, or its index where that is wanted.
#[inline]
fn give(work: Work<'_>, tree: &Tree, leaf: usize, row: &Row) -> f64 {
    if work.leaves {
        leaf as f64
    } else {
        tree.output(leaf, |feature| row.values[feature])
    }
}

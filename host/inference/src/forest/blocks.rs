//! Evaluation block after block.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256i, __m512i};

use super::arithmetic::{Arithmetic, Sum};
use super::bytes::{Bytes, Portable};
use super::columns::FeatureColumn;
use super::masks::{MaskedTree, rank_lanes};
use super::ranks::{Lane, Places};
use super::tree::Tree;
use super::trees::{Asked, Work};
use super::vectors::Vectors;

/// Rows of a block where the vectors are short or the rows few, and where there are more of both.
pub(super) const SMALL: usize = 64;
#[cfg(target_arch = "x86_64")]
const LARGE: usize = 256;

/// The trees of a forest in the form that blocks of rows are evaluated in.
#[derive(Debug)]
pub(super) struct BlockTrees<A: Arithmetic> {
    /// `None` where a tree has so many leaves that it is walked.
    masked: Vec<Option<MaskedTree<A::Sum>>>,
    /// The features that a walk or a linear leaf reads.
    read: Vec<usize>,
    /// For each feature its place in `read`.
    places: Vec<usize>,
    /// The most sets that a tree has.
    sets: usize,
    vectors: Vectors,
}

/// What a block of rows is evaluated in.
struct Scratch<S, const ROWS: usize> {
    lanes: Vec<Lane<ROWS>>,
    categories: Vec<Lane<ROWS>>,
    /// The values of the features that are read as they are.
    read: Vec<[f64; ROWS]>,
    scores: Vec<[S; ROWS]>,
}

impl<A: Arithmetic> BlockTrees<A> {
    pub fn new(
        trees: &[Tree],
        features: usize,
        asked: &Asked,
        places: &Places,
        vectors: Vectors,
    ) -> Self {
        let masked: Vec<_> = trees
            .iter()
            .map(|tree| MaskedTree::new(tree, places, &asked.categories, asked.ranks.lanes()))
            .collect();
        let mut of_feature = vec![0; features];
        let mut read = Vec::new();
        for (tree, masked) in trees.iter().zip(&masked) {
            let walked = tree
                .nodes
                .iter()
                .map(|node| node.feature)
                .filter(|_| masked.is_none());
            let linear = tree
                .linear
                .iter()
                .flat_map(|leaf| leaf.terms.iter().map(|term| term.0));
            read.extend(walked.chain(linear));
        }
        read.sort_unstable();
        read.dedup();
        for (place, feature) in read.iter().enumerate() {
            of_feature[*feature] = place;
        }
        Self {
            sets: masked
                .iter()
                .flatten()
                .map(MaskedTree::sets)
                .max()
                .unwrap_or(0),
            masked,
            read,
            places: of_feature,
            vectors,
        }
    }

    /// Writes what is wanted of all rows into `out`, row after row.
    pub fn evaluate(&self, asked: &Asked, work: Work<'_>, out: &mut [f64]) {
        match self.vectors {
            Vectors::Portable => self.evaluate_blocks::<Portable, 4, SMALL>(asked, work, out),
            // SAFETY: `Vectors::available` gives these only where the CPU has the features.
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2 => unsafe { self.evaluate_avx2(asked, work, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512 | Vectors::Avx512Vbmi => unsafe {
                self.evaluate_avx512(asked, work, out);
            },
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,lzcnt,bmi1,bmi2")]
    fn evaluate_avx2(&self, asked: &Asked, work: Work<'_>, out: &mut [f64]) {
        self.evaluate_blocks::<__m256i, 2, SMALL>(asked, work, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,lzcnt,bmi1,bmi2")]
    fn evaluate_avx512(&self, asked: &Asked, work: Work<'_>, out: &mut [f64]) {
        if work.rows > LARGE - SMALL {
            self.evaluate_blocks::<__m512i, 4, LARGE>(asked, work, out);
        } else {
            self.evaluate_blocks::<__m512i, 1, SMALL>(asked, work, out);
        }
    }

    /// Portable code, written so that the compiler makes vectors as wide as its caller may use. Loops,
    /// not closures: a closure that is not inlined would not use the caller's vectors.
    #[inline(always)]
    fn evaluate_blocks<V: Bytes, const N: usize, const ROWS: usize>(
        &self,
        asked: &Asked,
        work: Work<'_>,
        out: &mut [f64],
    ) {
        let own = rank_lanes(asked.ranks.lanes());
        let mut scratch = Scratch::<A::Sum, ROWS> {
            lanes: vec![Lane([0; ROWS]); own + self.sets],
            categories: vec![Lane([0; ROWS]); asked.categories.lanes()],
            read: vec![[0.0; ROWS]; self.read.len()],
            scores: vec![[A::Sum::default(); ROWS]; work.bases.len()],
        };
        for start in (0..work.rows).step_by(ROWS) {
            let rows = ROWS.min(work.rows - start);
            self.read_block::<V, ROWS>(asked, work.columns, start, rows, &mut scratch);
            let out = &mut out[start * work.width..][..rows * work.width];
            self.evaluate_block::<V, N, ROWS>(work, own, rows, &mut scratch, out);
        }
    }

    #[inline(always)]
    fn read_block<V: Bytes, const ROWS: usize>(
        &self,
        asked: &Asked,
        columns: &[FeatureColumn<'_>],
        start: usize,
        rows: usize,
        scratch: &mut Scratch<A::Sum, ROWS>,
    ) {
        asked
            .ranks
            .read::<A, V, ROWS>(columns, start, rows, |lane, ranks| {
                let pair = &mut scratch.lanes[rank_lanes(lane)..][..2];
                pair[0].0 = *ranks;
                for (complement, rank) in pair[1].0.iter_mut().zip(ranks) {
                    *complement = !*rank;
                }
            });
        asked
            .categories
            .read::<A, ROWS>(columns, start, rows, &mut scratch.categories);
        for (feature, values) in self.read.iter().zip(&mut scratch.read) {
            columns[*feature].read::<A>(start, &mut values[..rows]);
        }
    }

    #[inline(always)]
    fn evaluate_block<V: Bytes, const N: usize, const ROWS: usize>(
        &self,
        work: Work<'_>,
        own: usize,
        rows: usize,
        scratch: &mut Scratch<A::Sum, ROWS>,
        out: &mut [f64],
    ) {
        let Scratch {
            lanes,
            categories,
            read,
            scores,
        } = scratch;
        for (scores, base) in scores.iter_mut().zip(work.bases) {
            scores.fill(A::Sum::round(*base));
        }
        let masked = &self.masked[work.first_tree..];
        let trees = work.trees.iter().zip(work.classes).zip(masked);
        for (position, ((tree, class), masked)) in trees.enumerate() {
            let scores = &mut scores[*class as usize];
            let exits = masked
                .as_ref()
                .map(|masked| (masked, masked.exits::<V, N, ROWS>(lanes, own, categories)));
            if let (Some((masked, exits)), true, false) =
                (&exits, tree.linear.is_empty(), work.leaves)
            {
                masked.add(exits, scores);
                continue;
            }
            for row in 0..rows {
                let value = |feature: usize| read[self.places[feature]][row];
                let leaf = match &exits {
                    Some((masked, exits)) => masked.leaf(exits, row),
                    None => tree.leaf::<A>(value),
                };
                if work.leaves {
                    out[row * work.width + position] = leaf as f64;
                } else {
                    scores[row] += A::Sum::round(tree.output(leaf, value));
                }
            }
        }
        if work.leaves {
            return;
        }
        for (class, scores) in scores.iter().enumerate() {
            let out = out[class..].iter_mut().step_by(work.bases.len());
            out.zip(scores)
                .for_each(|(out, score)| *out = (*score).into());
        }
    }
}

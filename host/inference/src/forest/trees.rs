//! The trees of a model, ready to be evaluated for few rows and for many.

use std::ops::Range;

use super::arithmetic::Arithmetic;
use super::blocks::{BlockTrees, SMALL};
use super::categories::Categories;
use super::columns::FeatureColumn;
use super::contributions::Paths;
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

/// The trees of a model.
#[derive(Debug)]
pub(crate) struct Trees<A: Arithmetic> {
    pub trees: Vec<Tree>,
    /// The class that each tree adds to.
    classes: Vec<u32>,
    /// What the sum of each class starts from.
    bases: Vec<f64>,
    asked: Asked,
    blocks: BlockTrees<A>,
    rows: RowTrees<A>,
}

/// What the splits of a forest ask of a row.
#[derive(Debug)]
pub(super) struct Asked {
    pub ranks: Ranks,
    pub categories: Categories,
}

/// Which trees of a forest are evaluated over which rows.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub trees: &'a [Tree],
    pub first_tree: usize,
    /// The class that each of `trees` adds to.
    pub classes: &'a [u32],
    /// What the sum of each class starts from.
    pub bases: &'a [f64],
    pub columns: &'a [FeatureColumn<'a>],
    pub rows: usize,
    /// The leaves are wanted, not the scores.
    pub leaves: bool,
    /// How many values a row has in the output.
    pub width: usize,
}

impl<A: Arithmetic> Trees<A> {
    /// Makes trees over `features` features ready. All trees must have passed [`Tree::check_shape`].
    ///
    /// `classes` says which class each tree adds to, `bases` what the sum of each class starts from.
    pub fn new(trees: Vec<Tree>, classes: Vec<u32>, bases: Vec<f64>, features: usize) -> Self {
        Self::with_vectors(trees, classes, bases, features, Vectors::best())
    }

    fn with_vectors(
        trees: Vec<Tree>,
        classes: Vec<u32>,
        bases: Vec<f64>,
        features: usize,
        vectors: Vectors,
    ) -> Self {
        let (ranks, places) = Ranks::new(&trees);
        let asked = Asked {
            ranks,
            categories: Categories::new(&trees),
        };
        Self {
            blocks: BlockTrees::new(&trees, features, &asked, &places, vectors),
            rows: RowTrees::new(&trees, &asked, &places, vectors),
            classes,
            bases,
            asked,
            trees,
        }
    }

    /// How many values a row has.
    pub fn width(&self, wanted: Wanted, used: &Range<usize>) -> usize {
        match wanted {
            Wanted::Scores => self.bases.len(),
            Wanted::Leaves => used.len(),
        }
    }

    /// Adds the contributions of the trees `used` to `sums`: row after row and class after class one for
    /// each of `features` features, then the expected value.
    pub fn contributions(
        &self,
        used: Range<usize>,
        columns: &[FeatureColumn<'_>],
        features: usize,
        sums: &mut [f64],
    ) {
        let mut paths = Paths::default();
        let mut values = vec![0.0; features];
        for (row, sums) in sums
            .chunks_mut((features + 1) * self.bases.len())
            .enumerate()
        {
            for (value, column) in values.iter_mut().zip(columns) {
                column.read::<A>(row, std::slice::from_mut(value));
            }
            let classes = &self.classes[used.clone()];
            for (tree, class) in self.trees[used.clone()].iter().zip(classes) {
                let class = *class as usize;
                let sums = &mut sums[class * (features + 1)..][..features + 1];
                tree.contribute::<A>(|feature| values[feature], &mut paths, sums);
            }
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
            classes: &self.classes[used.clone()],
            trees: &self.trees[used],
            bases: &self.bases,
            columns,
            rows: rows - few,
            leaves: wanted == Wanted::Leaves,
        };
        if work.rows > 0 {
            self.blocks.evaluate(&self.asked, work, blocks);
        }
        if few > 0 {
            let first = std::mem::replace(&mut work.rows, few);
            self.rows.evaluate(&self.asked, work, first, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::FeatureValues;
    use crate::forest::arithmetic::{LightGbm, Sum, XgBoost};
    use crate::forest::tree::{Child, Linear, Missing, Node, Split};

    /// The numbers of a seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, below: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % below
        }
    }

    /// A tree that grew at random leaves, or always at the last one, with splits of all kinds.
    fn random_tree(random: &mut Random, leaves: usize, features: usize, thresholds: usize) -> Tree {
        let mut tree = Tree {
            nodes: Vec::new(),
            leaf_values: (0..leaves).map(|leaf| leaf as f64 + 0.1).collect(),
            linear: Vec::new(),
            counts: None,
            category_words: (0..40)
                .map(|word| 0x9E37_79B9_u32.rotate_left(word) & 0xF0F0_F00F)
                .collect(),
        };
        let chain = random.below(4) == 0;
        let mut parents: Vec<Option<(usize, bool)>> = vec![None];
        while parents.len() < leaves {
            let leaf = if chain {
                parents.len() - 1
            } else {
                random.below(parents.len())
            };
            let node = tree.nodes.len();
            if let Some((parent, right)) = parents[leaf] {
                let parent: &mut Node = &mut tree.nodes[parent];
                *(if right {
                    &mut parent.right
                } else {
                    &mut parent.left
                }) = Child::Node(node);
            }
            let words = random.below(30);
            let split = match random.below(7) {
                0 => Split::Category {
                    words: words..words + random.below(10),
                },
                kind => Split::Number {
                    threshold: random.below(thresholds) as f64 / 2.0 - 1.0,
                    missing: [Missing::Never, Missing::Zero, Missing::NotANumber][kind % 3],
                    missing_left: kind > 3,
                },
            };
            tree.nodes.push(Node {
                feature: random.below(features),
                split,
                left: Child::Leaf(leaf),
                right: Child::Leaf(parents.len()),
            });
            parents[leaf] = Some((node, false));
            parents.push(Some((node, true)));
        }
        if random.below(5) == 0 {
            let term = |random: &mut Random| (random.below(features), random.below(9) as f64);
            tree.linear = (0..leaves)
                .map(|leaf| Linear {
                    constant: leaf as f64,
                    terms: (0..random.below(3)).map(|_| term(random)).collect(),
                })
                .collect();
        }
        assert!(leaves == 1 || tree.check_shape().is_ok());
        tree
    }

    /// One row after the other, from the root of each tree to a leaf.
    fn walked<A: Arithmetic>(
        trees: &[Tree],
        classes: &[u32],
        bases: &[f64],
        columns: &[Vec<f64>],
        row: usize,
    ) -> (Vec<f64>, Vec<f64>) {
        let value = |feature: usize| A::read_double(columns[feature][row]);
        let mut scores: Vec<_> = bases.iter().map(|base| A::Sum::round(*base)).collect();
        let leaves = trees.iter().zip(classes).map(|(tree, class)| {
            let leaf = tree.leaf::<A>(value);
            scores[*class as usize] += A::Sum::round(tree.output(leaf, value));
            leaf as f64
        });
        let leaves = leaves.collect();
        (scores.into_iter().map(Into::into).collect(), leaves)
    }

    fn check(seed: u64, features: usize, thresholds: usize, classes: usize, sizes: &[usize]) {
        let mut random = Random(seed);
        let trees: Vec<Tree> = (0..24 * classes)
            .map(|number| {
                random_tree(
                    &mut random,
                    sizes[number % sizes.len()],
                    features,
                    thresholds,
                )
            })
            .collect();
        // XGBoost has no linear leaves, and its thresholds and leaves are f32.
        let mut singles = trees.clone();
        for tree in &mut singles {
            tree.linear.clear();
            for value in &mut tree.leaf_values {
                *value = f64::from(*value as f32);
            }
        }
        let again = Random(seed);
        check_trees::<XgBoost>(singles, again, features, thresholds, classes);
        check_trees::<LightGbm>(trees, random, features, thresholds, classes);
    }

    fn check_trees<A: Arithmetic>(
        trees: Vec<Tree>,
        mut random: Random,
        features: usize,
        thresholds: usize,
        classes: usize,
    ) {
        let rows = 600;
        let pool = [
            f64::NAN,
            0.0,
            -0.0,
            1e-40,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e300,
            -3.5,
            4e9,
            32767.0,
            32766.5,
        ];
        let mut value = || match random.below(16) {
            0..=8 => random.below(thresholds) as f64 / 4.0 - 2.0,
            special => pool[special % pool.len()],
        };
        let columns: Vec<Vec<f64>> = (0..features)
            .map(|_| (0..rows).map(|_| value()).collect())
            .collect();
        let features: Vec<_> = columns
            .iter()
            .map(|values| FeatureColumn::new(FeatureValues::F64(values), None))
            .collect();
        let used = classes..trees.len() - classes;
        let bases: Vec<f64> = (0..classes).map(|class| class as f64 / 2.0).collect();
        let classes: Vec<u32> = (0..trees.len())
            .map(|_| random.below(classes) as u32)
            .collect();
        let expected: Vec<_> = (0..rows)
            .map(|row| {
                walked::<A>(
                    &trees[used.clone()],
                    &classes[used.clone()],
                    &bases,
                    &columns,
                    row,
                )
            })
            .collect();
        for vectors in Vectors::available() {
            let forest = Trees::<A>::with_vectors(
                trees.clone(),
                classes.clone(),
                bases.clone(),
                features.len(),
                vectors,
            );
            let mut start = 0;
            for size in [1, 2, 15, 16, 17, 64, 65, 90, 330] {
                let columns: Vec<_> = features.iter().map(|column| column.skip(start)).collect();
                for wanted in [Wanted::Scores, Wanted::Leaves] {
                    let width = forest.width(wanted, &used);
                    let mut out = vec![f64::NAN; size * width];
                    forest.evaluate(used.clone(), wanted, &columns, size, &mut out);
                    for (row, out) in out.chunks(width).enumerate() {
                        let (scores, leaves) = &expected[start + row];
                        let expected = if wanted == Wanted::Scores {
                            scores
                        } else {
                            leaves
                        };
                        let same = out
                            .iter()
                            .zip(expected)
                            .all(|(a, b)| a.to_bits() == b.to_bits());
                        assert!(
                            same,
                            "{vectors:?}, {size} rows, row {row}, {wanted:?}: {out:?} {expected:?}"
                        );
                    }
                }
                start += size;
            }
        }
    }

    #[test]
    fn all_vectors_equal_the_walk() {
        check(1, 4, 20, 3, &[1, 2, 31, 64, 65, 100, 255]);
        check(2, 4, 20, 1, &[63, 64]);
    }

    #[test]
    fn more_thresholds_than_a_byte_has() {
        check(3, 2, 3000, 1, &[255, 600, 1000]);
    }

    #[test]
    fn more_lanes_than_a_permutation_reaches() {
        check(4, 11, 300, 2, &[31, 63]);
        check(5, 90, 30, 2, &[31, 63]);
    }

    #[test]
    fn more_categories_than_there_are_lanes() {
        let mut random = Random(7);
        let mut trees: Vec<Tree> = (0..6).map(|_| random_tree(&mut random, 40, 3, 9)).collect();
        // Of the feature 1 all categories are in the set, but for the last.
        let mut words = vec![u32::MAX; 1 << 10];
        words[(1 << 10) - 1] >>= 1;
        for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
            if node.feature == 1 {
                node.split = Split::Category { words: 0..1 << 10 };
            }
        }
        trees
            .iter_mut()
            .for_each(|tree| tree.category_words.clone_from(&words));
        check_trees::<LightGbm>(trees, random, 3, 9, 1);
    }

    #[test]
    fn trees_that_are_walked() {
        check(6, 5, 100, 1, &[3000, 5, 2049]);
    }
}

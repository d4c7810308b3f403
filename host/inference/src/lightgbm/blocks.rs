//! Prediction block after block, compiled once for each vector width and chosen at run time.

use super::block::{FeatureColumn, Lane, ROWS, Slots};
use super::masks::MaskedTree;
use super::tree::{Missing, Tree};

/// The trees of a forest in the form that blocks of rows are evaluated in.
#[derive(Debug)]
pub(super) struct BlockTrees {
    /// `None` where a tree has so many leaves that it is walked.
    masked: Vec<Option<MaskedTree>>,
    slots: Slots,
    /// For each feature that a walk or a linear leaf reads, the slot of its unchanged values.
    unchanged: Vec<usize>,
    vectors: Vectors,
}

/// What the CPU can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vectors {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Vectors {
    /// All that this CPU can do, the best last.
    pub fn available() -> Vec<Self> {
        let mut available = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
            {
                available.push(Self::Avx2);
            }
            if available.contains(&Self::Avx2)
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512cd")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
            {
                available.push(Self::Avx512);
            }
        }
        available
    }
}

/// What [`BlockTrees::scores`] works on: which trees of which forest, over which rows.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub trees: &'a [Tree],
    pub first_tree: usize,
    pub classes: usize,
    pub columns: &'a [FeatureColumn<'a>],
    pub rows: usize,
}

impl BlockTrees {
    pub fn new(trees: &[Tree], features: usize) -> Self {
        let mut slots = Slots::default();
        let masked: Vec<_> = trees
            .iter()
            .map(|tree| MaskedTree::new(tree, &mut slots))
            .collect();
        let mut unchanged = vec![0; features];
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
            for feature in walked.chain(linear) {
                unchanged[feature] = slots.index(feature, Missing::NotANumber);
            }
        }
        let vectors = Vectors::available().pop().unwrap_or(Vectors::Portable);
        Self {
            masked,
            slots,
            unchanged,
            vectors,
        }
    }

    /// Uses other vectors than the best that this CPU has.
    #[cfg(test)]
    pub fn use_vectors(&mut self, vectors: Vectors) {
        self.vectors = vectors;
    }

    /// Sums the leaves of all rows; `out` takes the scores row after row, one a class.
    pub fn scores(&self, work: Work<'_>, out: &mut [f64]) {
        match self.vectors {
            Vectors::Portable => self.scores_portable(work, out),
            // SAFETY: `Vectors::available` gives these only where the CPU has the features.
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2 => unsafe { self.scores_avx2(work, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512 => unsafe { self.scores_avx512(work, out) },
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,lzcnt,bmi1,bmi2")]
    fn scores_avx2(&self, work: Work<'_>, out: &mut [f64]) {
        self.scores_portable(work, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512cd,avx512dq,avx512bw,avx512vl,lzcnt,bmi1,bmi2")]
    fn scores_avx512(&self, work: Work<'_>, out: &mut [f64]) {
        self.scores_portable(work, out);
    }

    #[inline(always)]
    fn scores_portable(&self, work: Work<'_>, out: &mut [f64]) {
        let mut lanes = self.slots.lanes();
        let mut scores = vec![Lane([0.0; ROWS]); work.classes];
        let masked = &self.masked[work.first_tree..];
        for start in (0..work.rows).step_by(ROWS) {
            let rows = ROWS.min(work.rows - start);
            self.slots.fill(work.columns, start, rows, &mut lanes);
            scores.iter_mut().for_each(|lane| lane.0.fill(0.0));
            for (position, (tree, masked)) in work.trees.iter().zip(masked).enumerate() {
                let scores = &mut scores[position % work.classes];
                match masked {
                    Some(masked) if tree.linear.is_empty() => masked.add(tree, &lanes, scores),
                    Some(masked) => {
                        let leaves = masked.leaves(tree, &lanes);
                        for (row, leaf) in leaves.into_iter().enumerate().take(rows) {
                            let value = |feature: usize| lanes[self.unchanged[feature]].0[row];
                            scores.0[row] += tree.output(leaf, value);
                        }
                    }
                    None => {
                        for row in 0..rows {
                            let value = |feature: usize| lanes[self.unchanged[feature]].0[row];
                            scores.0[row] += tree.output(tree.leaf(value), value);
                        }
                    }
                }
            }
            let out = &mut out[start * work.classes..][..rows * work.classes];
            for (class, scores) in scores.iter().enumerate() {
                let out = out[class..].iter_mut().step_by(work.classes);
                out.zip(&scores.0).for_each(|(out, score)| *out = *score);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::FeatureValues;
    use super::super::text::{Fields, FormatError};
    use super::*;

    /// A random tree as text fields, over four features.
    fn random_tree(
        leaves: usize,
        random: &mut impl FnMut(usize) -> usize,
    ) -> Result<Tree, FormatError> {
        let mut children: Vec<[i64; 2]> = Vec::new();
        // Where the leaf `n` hangs: a node and a side.
        let mut parents: Vec<Option<(usize, usize)>> = vec![None];
        while parents.len() < leaves {
            let leaf = random(parents.len());
            let node = children.len();
            if let Some((parent, side)) = parents[leaf] {
                children[parent][side] = node as i64;
            }
            children.push([!(leaf as i64), !(parents.len() as i64)]);
            parents[leaf] = Some((node, 0));
            parents.push(Some((node, 1)));
        }
        let join = |numbers: Vec<String>| numbers.join(" ");
        let nodes = children.len();
        let types: Vec<usize> = (0..nodes)
            .map(|_| [0, 2, 4, 6, 8, 10, 1][random(7)])
            .collect();
        let mut fields = Fields::default();
        let lines = [
            format!("num_leaves={leaves}"),
            "num_cat=2".to_owned(),
            "cat_boundaries=0 1 3".to_owned(),
            "cat_threshold=5 4294967295 3".to_owned(),
            format!(
                "split_feature={}",
                join((0..nodes).map(|_| random(4).to_string()).collect())
            ),
            format!(
                "threshold={}",
                join(
                    types
                        .iter()
                        .map(|kind| random(if *kind == 1 { 2 } else { 9 }).to_string())
                        .collect()
                )
            ),
            format!(
                "decision_type={}",
                join(types.iter().map(usize::to_string).collect())
            ),
            format!(
                "left_child={}",
                join(children.iter().map(|pair| pair[0].to_string()).collect())
            ),
            format!(
                "right_child={}",
                join(children.iter().map(|pair| pair[1].to_string()).collect())
            ),
            format!(
                "leaf_value={}",
                join((0..leaves).map(|leaf| format!("{leaf}.1")).collect())
            ),
        ];
        for (number, line) in lines.iter().enumerate() {
            fields.insert(number, line.as_bytes());
        }
        Tree::parse(&fields, 4)
    }

    #[test]
    fn all_vector_widths_equal_the_walk() {
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let trees: Vec<Tree> = (0..120)
            .map(|number| {
                random_tree(
                    [1, 2, 31, 64, 65, 100, 255, 1000, 3000][number % 9],
                    &mut random,
                )
                .unwrap()
            })
            .collect();
        let rows = 3 * ROWS + 17;
        let pool = [
            f64::NAN,
            0.0,
            -0.0,
            1e-40,
            f64::INFINITY,
            f64::NEG_INFINITY,
            40.0,
            1e300,
        ];
        let columns: Vec<Vec<f64>> = (0..4)
            .map(|_| {
                (0..rows)
                    .map(|_| {
                        pool.get(random(16))
                            .copied()
                            .unwrap_or_else(|| random(20) as f64 / 2.0)
                    })
                    .collect()
            })
            .collect();
        let features: Vec<_> = columns
            .iter()
            .map(|values| FeatureColumn::new(FeatureValues::F64(values), None))
            .collect();
        let classes = 3;
        let expected: Vec<u64> = (0..rows)
            .flat_map(|row| {
                let value = |feature: usize| super::super::tree::flush(columns[feature][row]);
                let mut scores = [0.0; 3];
                for (number, tree) in trees.iter().enumerate() {
                    scores[number % classes] += tree.output(tree.leaf(value), value);
                }
                scores.map(f64::to_bits)
            })
            .collect();
        let mut blocks = BlockTrees::new(&trees, 4);
        for vectors in Vectors::available() {
            blocks.use_vectors(vectors);
            let mut out = vec![0.0; rows * classes];
            let work = Work {
                trees: &trees,
                first_tree: 0,
                classes,
                columns: &features,
                rows,
            };
            blocks.scores(work, &mut out);
            let actual: Vec<u64> = out.iter().map(|score| score.to_bits()).collect();
            assert!(actual == expected, "{vectors:?}");
        }
    }
}

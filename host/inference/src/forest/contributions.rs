//! What each feature adds to a row's score: Shapley values, by the path-dependent TreeSHAP.
//!
//! Algorithm 2 of Lundberg, Erion and Lee, "Consistent Individualized Feature Attribution for Tree
//! Ensembles" (2018), in the order of operations of LightGBM's `Tree::TreeSHAP` (`src/io/tree.cpp`).
//! The values of a row sum to its raw score.

use super::arithmetic::Arithmetic;
use super::tree::{Child, Counts, Tree};

/// Trees that are deeper are refused: the time for a leaf grows with the square of its depth.
const MOST_DEPTH: usize = 512;

/// A feature on the path to a node.
#[derive(Debug, Clone, Copy)]
struct Step {
    feature: usize,
    /// The share of the training rows that would come this far if the feature were not known.
    zero: f64,
    /// 1 if the row comes this far by the feature, else 0.
    one: f64,
    /// The sum of the weights of all sets of features of one size.
    weight: f64,
}

/// The feature of the first step, which is none.
const NONE: usize = usize::MAX;

/// A node that is still to be visited, and how it is reached.
struct Visit {
    node: Child,
    /// How many steps the parent's path has.
    depth: usize,
    zero: f64,
    one: f64,
    feature: usize,
}

/// Room for the paths of a tree, used for one tree and row after the other.
#[derive(Default)]
pub(crate) struct Paths {
    /// The paths from the root to the node at hand: at each depth the whole path so far.
    steps: Vec<Vec<Step>>,
    open: Vec<(Visit, usize)>,
}

/// Why a tree has no contributions; a sentence.
pub(crate) fn refuse(tree: &Tree) -> Option<String> {
    if !tree.linear.is_empty() {
        return Some("has linear trees, for which contributions are not defined".into());
    }
    if tree.nodes.is_empty() {
        return None;
    }
    if tree.counts.is_none() {
        return Some("does not say how many rows each node and leaf had in training".into());
    }
    let mut depths = vec![1; tree.nodes.len()];
    for node in tree.order() {
        for child in [tree.nodes[node].left, tree.nodes[node].right] {
            if let Child::Node(child) = child {
                depths[child] = depths[node] + 1;
            }
        }
    }
    let deepest = depths.into_iter().max().unwrap_or_default();
    (deepest > MOST_DEPTH).then(|| {
        format!(
            "has a tree of {deepest} levels; contributions are computed for at most {MOST_DEPTH}"
        )
    })
}

impl Tree {
    /// The mean of the leaves over the training rows.
    fn expected(&self, counts: &Counts) -> f64 {
        let all = counts.nodes[0];
        let leaves = self.leaf_values.iter().zip(&counts.leaves);
        leaves.fold(0.0, |sum, (value, count)| sum + count / all * value)
    }

    /// Adds the contribution of each feature to a row, and behind them the expected value, to `sums`,
    /// which is one longer than there are features. Adds nothing for a tree that [`refuse`] refuses
    /// for want of counts.
    pub fn contribute<A: Arithmetic>(
        &self,
        row: impl Fn(usize) -> f64,
        paths: &mut Paths,
        sums: &mut [f64],
    ) {
        let last = sums.len() - 1;
        if self.nodes.is_empty() {
            sums[last] += self.leaf_values[0];
            return;
        }
        let Some(counts) = &self.counts else { return };
        sums[last] += self.expected(counts);
        let root = Visit {
            node: Child::Node(0),
            depth: 0,
            zero: 1.0,
            one: 1.0,
            feature: NONE,
        };
        // Beside a visit, the level of its parent's path.
        paths.open.push((root, 0));
        while let Some((visit, level)) = paths.open.pop() {
            if paths.steps.len() < level + 2 {
                paths.steps.resize_with(level + 2, Vec::new);
            }
            let (above, path) = paths.steps[level..].split_at_mut(1);
            let path = &mut path[0];
            path.clear();
            path.extend_from_slice(&above[0][..visit.depth]);
            extend(path, visit.zero, visit.one, visit.feature);
            let node = match visit.node {
                Child::Leaf(leaf) => {
                    for place in 1..path.len() {
                        let Step {
                            feature, zero, one, ..
                        } = path[place];
                        sums[feature] +=
                            unwound_sum(path, place) * (one - zero) * self.leaf_values[leaf];
                    }
                    continue;
                }
                Child::Node(node) => node,
            };
            let asked = &self.nodes[node];
            let (hot, cold) = if self.goes_left::<A>(asked, row(asked.feature)) {
                (asked.left, asked.right)
            } else {
                (asked.right, asked.left)
            };
            let all = counts.nodes[node];
            let (mut zero, mut one) = (1.0, 1.0);
            if let Some(place) = path.iter().position(|step| step.feature == asked.feature) {
                (zero, one) = (path[place].zero, path[place].one);
                unwind(path, place);
            }
            let depth = path.len();
            let next = |node, one| Visit {
                node,
                depth,
                zero: counts.of(node) / all * zero,
                one,
                feature: asked.feature,
            };
            // The hot side is visited first, as the sums' last bits depend on the order.
            paths.open.push((next(cold, 0.0), level + 1));
            paths.open.push((next(hot, one), level + 1));
        }
    }
}

/// Adds a step to a path.
fn extend(path: &mut Vec<Step>, zero: f64, one: f64, feature: usize) {
    let depth = path.len();
    let weight = if depth == 0 { 1.0 } else { 0.0 };
    path.push(Step {
        feature,
        zero,
        one,
        weight,
    });
    let sizes = (depth + 1) as f64;
    for place in (0..depth).rev() {
        path[place + 1].weight += one * path[place].weight * (place + 1) as f64 / sizes;
        path[place].weight = zero * path[place].weight * (depth - place) as f64 / sizes;
    }
}

/// Takes a step out of a path again.
fn unwind(path: &mut Vec<Step>, taken: usize) {
    let depth = path.len() - 1;
    let Step { zero, one, .. } = path[taken];
    let sizes = (depth + 1) as f64;
    let mut next = path[depth].weight;
    for place in (0..depth).rev() {
        if one != 0.0 {
            let weight = path[place].weight;
            path[place].weight = next * sizes / ((place + 1) as f64 * one);
            next = weight - path[place].weight * zero * (depth - place) as f64 / sizes;
        } else {
            path[place].weight = path[place].weight * sizes / (zero * (depth - place) as f64);
        }
    }
    for place in taken..depth {
        let Step {
            feature, zero, one, ..
        } = path[place + 1];
        let step = &mut path[place];
        (step.feature, step.zero, step.one) = (feature, zero, one);
    }
    path.pop();
}

/// The sum of the weights that a path would have without a step.
fn unwound_sum(path: &[Step], taken: usize) -> f64 {
    let depth = path.len() - 1;
    let Step { zero, one, .. } = path[taken];
    let sizes = (depth + 1) as f64;
    let mut next = path[depth].weight;
    let mut total = 0.0;
    for place in (0..depth).rev() {
        if one != 0.0 {
            let weight = next * sizes / ((place + 1) as f64 * one);
            total += weight;
            next = path[place].weight - weight * zero * ((depth - place) as f64 / sizes);
        } else {
            total += path[place].weight / zero / ((depth - place) as f64 / sizes);
        }
    }
    total
}

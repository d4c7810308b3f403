//! One tree: checking it, and walking it for one row.
//!
//! **Invariant**: a `Tree` that exists is sound. Every child is a node or a leaf of this tree, every
//! node and every leaf is reached from the root exactly once (so a walk ends), every feature is one
//! of the model's and every category set lies in `category_words`. The evaluators rely on it.

use std::ops::Range;

use super::arithmetic::Arithmetic;

/// Which values of a feature a split takes as missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Missing {
    /// None: NaN is read as zero.
    Never,
    /// Zero and NaN.
    Zero,
    NotANumber,
}

#[derive(Debug, Clone)]
pub(crate) enum Split {
    /// At most `threshold` goes left; a missing value goes its own way.
    Number {
        threshold: f64,
        missing: Missing,
        missing_left: bool,
    },
    /// A value whose bit ([`Arithmetic::category`]) is set in these words goes left, any other right.
    Category { words: Range<usize> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Child {
    Node(usize),
    Leaf(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub feature: usize,
    pub split: Split,
    pub left: Child,
    pub right: Child,
}

/// The linear function of a leaf of a linear tree.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    pub constant: f64,
    /// Feature and coefficient, in the order of summation.
    pub terms: Vec<(usize, f64)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// The root is the first; empty in a constant tree.
    pub nodes: Vec<Node>,
    pub leaf_values: Vec<f64>,
    /// One for each leaf in a linear tree, else empty.
    pub linear: Vec<Linear>,
    pub category_words: Vec<u32>,
    /// Where the model says it.
    pub counts: Option<Counts>,
}

/// How many rows of the training data came to each node and each leaf.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    pub nodes: Vec<f64>,
    pub leaves: Vec<f64>,
}

impl Counts {
    pub fn of(&self, child: Child) -> f64 {
        match child {
            Child::Node(node) => self.nodes[node],
            Child::Leaf(leaf) => self.leaves[leaf],
        }
    }
}

impl Tree {
    /// Every node and every leaf is reached exactly once; the error is a sentence.
    pub fn check_shape(&self) -> Result<(), String> {
        let mut seen_nodes = vec![false; self.nodes.len()];
        let mut seen_leaves = vec![false; self.leaf_values.len()];
        let mut open = vec![Child::Node(0)];
        while let Some(child) = open.pop() {
            let (seen, kind, index) = match child {
                Child::Node(index) => (&mut seen_nodes[index], "node", index),
                Child::Leaf(index) => (&mut seen_leaves[index], "leaf", index),
            };
            if std::mem::replace(seen, true) {
                return Err(format!("the {kind} {index} of a tree is reached twice"));
            }
            if let Child::Node(index) = child {
                open.extend([self.nodes[index].left, self.nodes[index].right]);
            }
        }
        match seen_leaves.iter().position(|seen| !seen) {
            Some(leaf) => Err(format!("the leaf {leaf} of a tree is not reached")),
            None => Ok(()),
        }
    }

    /// All nodes, each before those below it.
    pub fn order(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut open: Vec<usize> = (0..self.nodes.len().min(1)).collect();
        while let Some(node) = open.pop() {
            order.push(node);
            for child in [self.nodes[node].left, self.nodes[node].right] {
                if let Child::Node(child) = child {
                    open.push(child);
                }
            }
        }
        order
    }

    /// Whether a value, as it was read, takes the left child of a node.
    #[inline]
    pub fn goes_left<A: Arithmetic>(&self, node: &Node, value: f64) -> bool {
        goes_left::<A>(&node.split, &self.category_words, value)
    }

    /// The leaf that a row ends in. `row` gives the value of a feature as it was read.
    #[inline]
    pub fn leaf<A: Arithmetic>(&self, row: impl Fn(usize) -> f64) -> usize {
        if self.nodes.is_empty() {
            return 0;
        }
        let mut index = 0;
        loop {
            let node = &self.nodes[index];
            let left = self.goes_left::<A>(node, row(node.feature));
            match if left { node.left } else { node.right } {
                Child::Node(next) => index = next,
                Child::Leaf(leaf) => return leaf,
            }
        }
    }

    /// What a leaf adds to the score of a row.
    #[inline]
    pub fn output(&self, leaf: usize, row: impl Fn(usize) -> f64) -> f64 {
        let Some(linear) = self.linear.get(leaf) else {
            return self.leaf_values[leaf];
        };
        let mut output = linear.constant;
        for (feature, coefficient) in &linear.terms {
            let value = row(*feature);
            if value.is_nan() {
                return self.leaf_values[leaf];
            }
            output += coefficient * value;
        }
        output
    }
}

/// Whether a value, as it was read, takes the left child.
#[inline]
fn goes_left<A: Arithmetic>(split: &Split, category_words: &[u32], value: f64) -> bool {
    match split {
        Split::Number {
            threshold,
            missing,
            missing_left,
        } => match missing {
            Missing::Never if value.is_nan() => 0.0 <= *threshold,
            Missing::Zero if value.is_nan() || value == 0.0 => *missing_left,
            Missing::NotANumber if value.is_nan() => *missing_left,
            _ => value <= *threshold,
        },
        Split::Category { words } => A::category(value)
            .is_some_and(|category| in_words(&category_words[words.clone()], category)),
    }
}

/// Whether the bit of a category is set in these words.
#[inline]
pub(crate) fn in_words(words: &[u32], category: u32) -> bool {
    let word = words.get(category as usize / 32);
    word.is_some_and(|word| word >> (category % 32) & 1 == 1)
}

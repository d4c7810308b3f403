//! One tree: reading it, checking it, and walking it for one row.
//!
//! **Invariant**: a `Tree` that exists is sound. Every child is a node or a leaf of this tree, every
//! node and every leaf is reached from the root exactly once (so a walk ends), every feature is one
//! of the model's and every category set lies in `category_words`. The evaluators rely on it.

use std::ops::Range;

use super::text::{Fields, FormatError};

/// LightGBM's `kZeroThreshold`: an input this near to zero is zero.
const ZERO_THRESHOLD: f64 = 1e-35_f32 as f64;

/// What LightGBM sees of an input value: zero in place of what is nearly zero.
#[inline(always)]
pub(super) fn flush(value: f64) -> f64 {
    if value.abs() <= ZERO_THRESHOLD {
        0.0
    } else {
        value
    }
}

/// Which values of a feature a split takes as missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Missing {
    /// None: NaN is read as zero.
    Never,
    /// Zero and NaN.
    Zero,
    NotANumber,
}

#[derive(Debug, Clone)]
pub(super) enum Split {
    /// At most `threshold` goes left; a missing value goes its own way.
    Number {
        threshold: f64,
        missing: Missing,
        missing_left: bool,
    },
    /// A category whose bit is set in these words goes left; NaN, negative and unknown ones right.
    Category { words: Range<usize> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    Node(usize),
    Leaf(usize),
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub feature: usize,
    pub split: Split,
    pub left: Child,
    pub right: Child,
}

/// The linear function of a leaf of a linear tree.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    pub constant: f64,
    /// Feature and coefficient, in the order of summation.
    pub terms: Vec<(usize, f64)>,
}

#[derive(Debug, Clone)]
pub(super) struct Tree {
    /// The root is the first; empty in a constant tree.
    pub nodes: Vec<Node>,
    pub leaf_values: Vec<f64>,
    /// One for each leaf in a linear tree, else empty.
    pub linear: Vec<Linear>,
    pub category_words: Vec<u32>,
}

impl Tree {
    /// Reads the lines that follow `Tree=…`, and checks all that the evaluators rely on.
    pub fn parse(fields: &Fields<'_>, features: usize) -> Result<Self, FormatError> {
        let leaves: usize = fields.number("num_leaves")?;
        if leaves == 0 {
            return Err(fields.blame("num_leaves", FormatError::new("a tree without leaves")));
        }
        let leaf_values = fields.numbers("leaf_value", leaves)?;
        let linear = fields.contains("is_linear") && fields.number::<u8>("is_linear")? != 0;
        let mut tree = Self {
            nodes: Vec::new(),
            leaf_values,
            linear: Vec::new(),
            category_words: Vec::new(),
        };
        if linear {
            tree.linear = parse_linear(fields, leaves, features)?;
        }
        if leaves > 1 {
            let sets = parse_category_sets(fields, &mut tree.category_words)?;
            tree.nodes = parse_nodes(fields, leaves, features, &sets)?;
            tree.check_shape()?;
        }
        Ok(tree)
    }

    /// Every node and every leaf is reached exactly once.
    fn check_shape(&self) -> Result<(), FormatError> {
        let mut seen_nodes = vec![false; self.nodes.len()];
        let mut seen_leaves = vec![false; self.leaf_values.len()];
        let mut open = vec![Child::Node(0)];
        while let Some(child) = open.pop() {
            let (seen, kind, index) = match child {
                Child::Node(index) => (&mut seen_nodes[index], "node", index),
                Child::Leaf(index) => (&mut seen_leaves[index], "leaf", index),
            };
            if std::mem::replace(seen, true) {
                return Err(FormatError::new(format!(
                    "the {kind} {index} of a tree is reached twice"
                )));
            }
            if let Child::Node(index) = child {
                open.extend([self.nodes[index].left, self.nodes[index].right]);
            }
        }
        match seen_leaves.iter().position(|seen| !seen) {
            Some(leaf) => Err(FormatError::new(format!(
                "the leaf {leaf} of a tree is not reached"
            ))),
            None => Ok(()),
        }
    }

    /// The leaf that a row ends in. `row` gives the [flushed](flush) value of a feature.
    #[inline]
    pub fn leaf(&self, row: impl Fn(usize) -> f64) -> usize {
        if self.nodes.is_empty() {
            return 0;
        }
        let mut index = 0;
        loop {
            let node = &self.nodes[index];
            let left = goes_left(&node.split, &self.category_words, row(node.feature));
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

/// Whether a flushed value takes the left child.
#[inline]
pub(super) fn goes_left(split: &Split, category_words: &[u32], value: f64) -> bool {
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
        Split::Category { words } => in_set(&category_words[words.clone()], value),
    }
}

/// Whether the category `value` is in a set of bits.
#[inline]
pub(super) fn in_set(words: &[u32], value: f64) -> bool {
    // The C++ cast of what does not fit an int gives a negative one, which is in no set; so is NaN.
    if !(value > -1.0 && value < f64::from(i32::MAX) + 1.0) {
        return false;
    }
    let category = value as usize;
    words
        .get(category / 32)
        .is_some_and(|word| word >> (category % 32) & 1 == 1)
}

fn parse_nodes(
    fields: &Fields<'_>,
    leaves: usize,
    features: usize,
    sets: &[Range<usize>],
) -> Result<Vec<Node>, FormatError> {
    let count = leaves - 1;
    let split_features: Vec<usize> = fields.numbers("split_feature", count)?;
    let thresholds: Vec<f64> = fields.numbers("threshold", count)?;
    let left: Vec<i32> = fields.numbers("left_child", count)?;
    let right: Vec<i32> = fields.numbers("right_child", count)?;
    let types = if fields.contains("decision_type") {
        fields.numbers("decision_type", count)?
    } else {
        vec![0_u8; count]
    };
    let child = |key: &str, code: i32| {
        // Of a leaf, the file holds the bitwise complement.
        let (child, index, limit) = match usize::try_from(code) {
            Ok(node) => (Child::Node(node), node, count),
            Err(_) => (Child::Leaf(!code as usize), !code as usize, leaves),
        };
        (index < limit).then_some(child).ok_or_else(|| {
            fields.blame(
                key,
                FormatError::new(format!(
                    "the child {code} is not in a tree of {leaves} leaves"
                )),
            )
        })
    };
    (0..count)
        .map(|node| {
            let feature = split_features[node];
            if feature >= features {
                let message = format!("the feature {feature} is not one of the model's {features}");
                return Err(fields.blame("split_feature", FormatError::new(message)));
            }
            Ok(Node {
                feature,
                split: parse_split(types[node], thresholds[node], sets)
                    .map_err(|error| fields.blame("decision_type", error))?,
                left: child("left_child", left[node])?,
                right: child("right_child", right[node])?,
            })
        })
        .collect()
}

/// Reads a `decision_type`: bit 0 is "by category", bit 1 "missing goes left", bits 2 and 3 say what
/// is missing.
fn parse_split(
    decision_type: u8,
    threshold: f64,
    sets: &[Range<usize>],
) -> Result<Split, FormatError> {
    if decision_type & 1 == 1 {
        if !(threshold >= 0.0 && threshold < sets.len() as f64) {
            let message = format!("the category set {threshold} is not one of {}", sets.len());
            return Err(FormatError::new(message));
        }
        return Ok(Split::Category {
            words: sets[threshold as usize].clone(),
        });
    }
    let missing = match decision_type >> 2 {
        0 => Missing::Never,
        1 => Missing::Zero,
        2 => Missing::NotANumber,
        _ => {
            return Err(FormatError::new(format!(
                "unknown decision type {decision_type}"
            )));
        }
    };
    Ok(Split::Number {
        threshold,
        missing,
        missing_left: decision_type & 2 != 0,
    })
}

fn parse_category_sets(
    fields: &Fields<'_>,
    words: &mut Vec<u32>,
) -> Result<Vec<Range<usize>>, FormatError> {
    let sets: usize = fields.number("num_cat")?;
    if sets == 0 {
        return Ok(Vec::new());
    }
    let boundaries: Vec<usize> = fields.all_numbers("cat_boundaries")?;
    *words = fields.all_numbers("cat_threshold")?;
    let sound = boundaries.len().checked_sub(1) == Some(sets)
        && boundaries.is_sorted()
        && boundaries.last() == Some(&words.len());
    if !sound {
        let message = format!(
            "the boundaries of {sets} category sets do not fit {} words",
            words.len()
        );
        return Err(fields.blame("cat_boundaries", FormatError::new(message)));
    }
    Ok(boundaries.windows(2).map(|pair| pair[0]..pair[1]).collect())
}

fn parse_linear(
    fields: &Fields<'_>,
    leaves: usize,
    features: usize,
) -> Result<Vec<Linear>, FormatError> {
    let constants: Vec<f64> = fields.numbers("leaf_const", leaves)?;
    let lengths: Vec<usize> = fields.numbers("num_features", leaves)?;
    let leaf_features: Vec<usize> = fields.all_numbers("leaf_features")?;
    let coefficients: Vec<f64> = fields.numbers("leaf_coeff", leaf_features.len())?;
    if let Some(feature) = leaf_features.iter().find(|feature| **feature >= features) {
        let message = format!("the feature {feature} is not one of the model's {features}");
        return Err(fields.blame("leaf_features", FormatError::new(message)));
    }
    let mut terms = leaf_features.into_iter().zip(coefficients);
    let mut linear = Vec::with_capacity(leaves);
    for (constant, length) in constants.into_iter().zip(lengths) {
        let taken: Vec<_> = terms.by_ref().take(length).collect();
        if taken.len() != length {
            return Err(fields.blame(
                "num_features",
                FormatError::new("more features than 'leaf_features' has"),
            ));
        }
        linear.push(Linear {
            constant,
            terms: taken,
        });
    }
    match terms.next() {
        Some(_) => Err(fields.blame(
            "num_features",
            FormatError::new("fewer features than 'leaf_features' has"),
        )),
        None => Ok(linear),
    }
}

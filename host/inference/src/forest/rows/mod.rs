//! Evaluation row by row, for calls of few rows.
//!
//! With AVX-512 VBMI a tree of up to 64 nodes is one vector: a permutation brings each node the rank
//! that it asks, a comparison answers all nodes at once, and a node's answer is the number of the
//! node that follows, or its own number where a leaf follows. Then the numbers are followed for all
//! nodes at once, twice as far each time (pointer jumping, Wyllie 1979), until the root knows the last
//! node of the row's path, whose answer is the exit. No branch depends on data. Larger trees are cut
//! into pieces, of which an exit may lead to another.
//!
//! Without it, a tree is walked over ranks.

mod build;
mod evaluate;
mod piece;

use super::arithmetic::Arithmetic;
use piece::{EXITS, Piece};

/// How a tree is evaluated.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(dead_code, reason = "pieces are evaluated by permutations only")
)]
enum Shape {
    /// As one piece whose exits have values; deep where a path may have more than [`piece::SHORT`] nodes.
    One { piece: u32, deep: bool },
    /// As pieces whose exits are leaves and pieces, the root's first.
    Several { first: u32, deep: bool },
    /// Node after node.
    Walk { first: u32 },
}

/// A node of a tree that is walked.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// [`CATEGORY`] for a node that asks a category.
    lane: u32,
    bound: u8,
    /// Where left and right lead: the node from the tree's first on, or the complement of a leaf.
    children: [i32; 2],
}

/// The lane of a step that asks a category.
const CATEGORY: u32 = u32::MAX;

/// Lanes of ranks that a permutation reaches.
const MOST_LANES: usize = 128;

/// The trees of a forest in the form that single rows are evaluated in.
#[derive(Debug)]
pub(super) struct RowTrees<A: Arithmetic> {
    shapes: Vec<Shape>,
    pieces: Vec<Piece>,
    /// The value at each exit of each piece where that is a leaf.
    values: Vec<[A::Sum; EXITS]>,
    /// Where each exit of a piece leads: a piece, or the complement of a leaf.
    exits: Vec<[i32; EXITS]>,
    steps: Vec<Step>,
    lanes: usize,
    /// Whether the CPU permutes bytes and the permutation reaches all lanes.
    vectors: bool,
    /// Whether any tree is walked by categories or has linear leaves, and so asks values.
    asks_values: bool,
    /// For each piece where its `answers` start.
    first_answers: Vec<u32>,
    answers: Vec<Answers>,
    /// The nodes of a piece that send a row right by its category.
    masks: Vec<u64>,
}

/// What the nodes of a piece that ask for the category of one feature answer.
#[derive(Debug, Clone, Copy)]
struct Answers {
    /// The place of the feature among those that categories are asked of.
    feature: u32,
    /// The mask of its first category; those of the others follow.
    first: u32,
}

//! Evaluation of a tree for a block of rows without a branch on data.
//!
//! After QuickScorer (Lucchese et al., SIGIR 2015): a row has one bit for each exit of the tree. A
//! split that sends the row to the right clears the exits of its left subtree; the order does not
//! matter. When all splits have spoken, the leftmost exit that is left is the row's. Every split of
//! the tree is asked, which is more work than a walk from the root, but the work is one comparison
//! and one AND for many rows at a time, and no branch is mispredicted.
//!
//! A tree with more leaves than a mask has bits is cut into *pieces*; an exit of a piece is a leaf or
//! the root of another piece.

use std::ops::BitAndAssign;

use super::block::{Lane, ROWS, Slots};
use super::tree::{Child, Missing, Split, Tree, in_set};

/// As many exits as a mask has bits.
const MAX_EXITS: usize = 64;

/// Past so many pieces a walk asks so much fewer splits that it is faster.
const MAX_PIECES: usize = 16;

#[derive(Debug, Clone, Copy)]
struct NumberSplit {
    threshold: f64,
    /// The exits that stay where a row goes right; the leftmost exit is the highest bit.
    keep: u64,
    slot: u32,
}

#[derive(Debug, Clone)]
struct CategorySplit {
    words: std::ops::Range<usize>,
    keep: u64,
    slot: u32,
}

/// At most [`MAX_EXITS`] exits of a tree and the splits above them.
#[derive(Debug, Default)]
struct Piece {
    /// Splits where NaN goes right, then those where NaN goes left.
    numbers: Vec<NumberSplit>,
    first_nan_left: usize,
    categories: Vec<CategorySplit>,
    /// Where each exit leads; a `Node` is the place of a piece.
    exits: Vec<Child>,
}

/// A tree as masks.
#[derive(Debug)]
pub(super) struct MaskedTree {
    /// The first holds the root.
    pieces: Vec<Piece>,
    /// The value at each exit of the first piece, padded with zeros.
    values: Box<[f64; MAX_EXITS]>,
}

impl MaskedTree {
    /// `None` for a tree that is better walked.
    pub fn new(tree: &Tree, slots: &mut Slots) -> Option<Self> {
        let pieces = if tree.nodes.is_empty() {
            vec![Piece {
                exits: vec![Child::Leaf(0)],
                ..Piece::default()
            }]
        } else {
            let roots = cut(tree);
            if roots.len() > MAX_PIECES {
                return None;
            }
            roots
                .iter()
                .map(|root| Piece::new(tree, *root, &roots, slots))
                .collect()
        };
        let mut values = Box::new([0.0; MAX_EXITS]);
        for (value, exit) in values.iter_mut().zip(&pieces[0].exits) {
            if let Child::Leaf(leaf) = exit {
                *value = tree.leaf_values[*leaf];
            }
        }
        Some(Self { pieces, values })
    }

    /// Adds the tree's output for each row of a block to `scores`; not for a linear tree.
    #[inline(always)]
    pub fn add(&self, tree: &Tree, lanes: &[Lane], scores: &mut Lane) {
        if let [only] = self.pieces.as_slice() {
            for (score, exit) in scores.0.iter_mut().zip(only.exits(tree, lanes)) {
                *score += self.values[usize::from(exit) % MAX_EXITS];
            }
        } else {
            for (score, leaf) in scores.0.iter_mut().zip(self.leaves(tree, lanes)) {
                *score += tree.leaf_values[leaf];
            }
        }
    }

    /// The leaf of each row of a block.
    // Loops, not closures: a closure that is not inlined would not use the caller's vectors.
    #[inline(always)]
    pub fn leaves(&self, tree: &Tree, lanes: &[Lane]) -> [usize; ROWS] {
        let mut taken = [[0; ROWS]; MAX_PIECES];
        for (taken, piece) in taken.iter_mut().zip(&self.pieces) {
            *taken = piece.exits(tree, lanes);
        }
        let mut leaves = [0; ROWS];
        for (row, leaf) in leaves.iter_mut().enumerate() {
            let mut piece = 0;
            *leaf = loop {
                match self.pieces[piece].exits[usize::from(taken[piece][row])] {
                    Child::Leaf(leaf) => break leaf,
                    Child::Node(next) => piece = next,
                }
            };
        }
        leaves
    }
}

impl Piece {
    fn new(tree: &Tree, root: usize, roots: &[usize], slots: &mut Slots) -> Self {
        let mut piece = Self::default();
        let mut nan_left = Vec::new();
        piece.add_below(tree, Child::Node(root), roots, slots, &mut nan_left);
        piece.first_nan_left = piece.numbers.len();
        piece.numbers.append(&mut nan_left);
        piece
    }

    /// Adds the exits below `child` from left to right, and the splits above them. No deeper than a
    /// piece has exits.
    fn add_below(
        &mut self,
        tree: &Tree,
        child: Child,
        roots: &[usize],
        slots: &mut Slots,
        nan_left: &mut Vec<NumberSplit>,
    ) {
        let Child::Node(index) = child else {
            return self.exits.push(child);
        };
        let node = &tree.nodes[index];
        let start = self.exits.len();
        self.add_child(tree, node.left, roots, slots, nan_left);
        let left = (start..self.exits.len()).fold(0, |bits, exit| bits | (1 << 63) >> exit);
        self.add_split(tree, index, !left, slots, nan_left);
        self.add_child(tree, node.right, roots, slots, nan_left);
    }

    fn add_child(
        &mut self,
        tree: &Tree,
        child: Child,
        roots: &[usize],
        slots: &mut Slots,
        nan_left: &mut Vec<NumberSplit>,
    ) {
        match roots.iter().position(|root| child == Child::Node(*root)) {
            Some(piece) => self.exits.push(Child::Node(piece)),
            None => self.add_below(tree, child, roots, slots, nan_left),
        }
    }

    fn add_split(
        &mut self,
        tree: &Tree,
        node: usize,
        keep: u64,
        slots: &mut Slots,
        nan_left: &mut Vec<NumberSplit>,
    ) {
        let node = &tree.nodes[node];
        match &node.split {
            Split::Number {
                threshold,
                missing,
                missing_left,
            } => {
                let slot = slots.index(node.feature, *missing) as u32;
                let split = NumberSplit {
                    threshold: *threshold,
                    keep,
                    slot,
                };
                if *missing_left {
                    nan_left.push(split)
                } else {
                    self.numbers.push(split)
                }
            }
            Split::Category { words } => {
                let slot = slots.index(node.feature, Missing::NotANumber) as u32;
                self.categories.push(CategorySplit {
                    words: words.clone(),
                    keep,
                    slot,
                });
            }
        }
    }

    /// The exit of each row of a block.
    #[inline(always)]
    fn exits(&self, tree: &Tree, lanes: &[Lane]) -> [u8; ROWS] {
        if self.exits.len() <= u32::BITS as usize {
            self.find::<u32>(tree, lanes)
        } else {
            self.find::<u64>(tree, lanes)
        }
    }

    /// Portable code, written so that the compiler makes vectors as wide as its caller may use, and keeps
    /// the masks of all rows in them while all splits are asked.
    #[inline(always)]
    fn find<M: Mask>(&self, tree: &Tree, lanes: &[Lane]) -> [u8; ROWS] {
        let (nan_right, nan_left) = self.numbers.split_at(self.first_nan_left);
        let mut alive = [M::ALL; ROWS];
        for split in nan_right {
            let keep = M::of(split.keep);
            for (alive, value) in alive.iter_mut().zip(&lanes[split.slot as usize].0) {
                let left = *value <= split.threshold;
                *alive &= if left { M::ALL } else { keep };
            }
        }
        for split in nan_left {
            let keep = M::of(split.keep);
            for (alive, value) in alive.iter_mut().zip(&lanes[split.slot as usize].0) {
                let right = *value > split.threshold;
                *alive &= if right { keep } else { M::ALL };
            }
        }
        for split in &self.categories {
            let keep = M::of(split.keep);
            let words = &tree.category_words[split.words.clone()];
            for (alive, value) in alive.iter_mut().zip(&lanes[split.slot as usize].0) {
                *alive &= if in_set(words, *value) { M::ALL } else { keep };
            }
        }
        let mut exits = [0; ROWS];
        for (exit, alive) in exits.iter_mut().zip(alive) {
            *exit = alive.first();
        }
        exits
    }
}

/// Which exits a row may still have, the leftmost one highest.
trait Mask: Copy + BitAndAssign {
    const ALL: Self;

    /// As many of the leftmost exits as it has bits.
    fn of(keep: u64) -> Self;

    /// The leftmost exit. One is always left; the remainder tells the compiler that it is in the table.
    fn first(self) -> u8;
}

impl Mask for u64 {
    const ALL: Self = u64::MAX;

    #[inline(always)]
    fn of(keep: u64) -> Self {
        keep
    }

    #[inline(always)]
    fn first(self) -> u8 {
        (self.leading_zeros() % u64::BITS) as u8
    }
}

impl Mask for u32 {
    const ALL: Self = u32::MAX;

    #[inline(always)]
    fn of(keep: u64) -> Self {
        (keep >> u32::BITS) as u32
    }

    #[inline(always)]
    fn first(self) -> u8 {
        (self.leading_zeros() % u32::BITS) as u8
    }
}

/// The roots of the pieces of a tree that has nodes, the tree's own root first.
fn cut(tree: &Tree) -> Vec<usize> {
    let mut order = Vec::with_capacity(tree.nodes.len());
    let mut open = vec![0];
    while let Some(node) = open.pop() {
        order.push(node);
        for child in [tree.nodes[node].left, tree.nodes[node].right] {
            if let Child::Node(child) = child {
                open.push(child);
            }
        }
    }
    let mut roots = vec![0];
    let mut exits = vec![0; tree.nodes.len()];
    for node in order.into_iter().rev() {
        let mut children =
            [tree.nodes[node].left, tree.nodes[node].right].map(|child| match child {
                Child::Leaf(_) => (1, None),
                Child::Node(child) => (exits[child], Some(child)),
            });
        children.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let mut count: usize = children.iter().map(|(count, _)| count).sum();
        for (below, child) in children {
            if count > MAX_EXITS
                && let Some(child) = child
            {
                roots.push(child);
                count -= below - 1;
            }
        }
        exits[node] = count;
    }
    roots
}

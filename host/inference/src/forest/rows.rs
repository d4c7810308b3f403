//! Evaluation row by row, for calls of few rows.
//!
//! With AVX-512 VBMI a tree of up to 63 nodes is one vector: a permutation brings each node the rank
//! that it asks, a comparison answers all nodes at once, and a node's answer is the number of the
//! node that follows. Then the numbers are followed for all nodes at once, twice as far each time
//! (pointer jumping, as in Hirschberg et al., CACM 1979), until the root knows its exit. No branch
//! depends on data. Larger trees are cut into pieces, of which an exit may lead to another.
//!
//! Without it, a tree is walked over ranks.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::ranks::{Place, Places, Ranks};
use super::tree::{Child, Node, Split, Tree};
use super::trees::Work;
use super::vectors::Vectors;

/// Nodes of a piece: their numbers have six bits, and one exit more must have a number too.
const MOST_NODES: usize = 63;

/// Lanes of ranks that a permutation reaches.
const MOST_LANES: usize = 128;

/// Past so many pieces a walk asks so much less that it is faster.
const MOST_PIECES: usize = 16;

/// Marks the number of a node; numbers of exits lack it.
const NODE: u8 = 0x80;

/// Up to [`MOST_NODES`] nodes of a tree; the first is the root.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
struct Piece {
    /// The lane that each node asks, and the rank above which it goes right.
    lanes: [u8; 64],
    bounds: [u8; 64],
    left: [u8; 64],
    right: [u8; 64],
}

/// How a tree is evaluated.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// As one piece whose exits have values: the piece, and how often numbers are followed.
    One { piece: u32, rounds: u8 },
    /// As pieces whose exits are leaves and pieces, the root's first: how often numbers are followed in the deepest.
    Several { first: u32, rounds: u8 },
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

const CATEGORY: u32 = u32::MAX;

/// The trees of a forest in the form that single rows are evaluated in.
#[derive(Debug)]
pub(super) struct RowTrees {
    shapes: Vec<Shape>,
    pieces: Vec<Piece>,
    /// The value at each exit of each piece where that is a leaf.
    values: Vec<[f64; 64]>,
    /// Where each exit of a piece leads: a piece, or the complement of a leaf.
    exits: Vec<[i32; 64]>,
    steps: Vec<Step>,
    lanes: usize,
    /// Whether the CPU permutes bytes and the permutation reaches all lanes.
    vectors: bool,
    /// Whether any tree asks values, not ranks.
    asks_values: bool,
}

/// A row as the trees ask it.
struct Row {
    /// The rank in each lane.
    ranks: Vec<u8>,
    /// The value of each feature, where any tree asks it.
    values: Vec<f64>,
}

impl RowTrees {
    pub fn new(trees: &[Tree], ranks: &Ranks, places: &Places, vectors: Vectors) -> Self {
        let mut rows = Self {
            shapes: Vec::with_capacity(trees.len()),
            pieces: Vec::new(),
            values: Vec::new(),
            exits: Vec::new(),
            steps: Vec::new(),
            lanes: ranks.lanes(),
            vectors: vectors.permute_bytes() && ranks.lanes() <= MOST_LANES,
            asks_values: trees
                .iter()
                .any(|tree| !tree.linear.is_empty() || asks_categories(tree)),
        };
        for tree in trees {
            let shape = (rows.vectors && !asks_categories(tree))
                .then(|| rows.cut(tree, places))
                .flatten();
            let shape = shape.unwrap_or_else(|| rows.walk(tree, places));
            rows.shapes.push(shape);
        }
        rows
    }

    /// Adds a tree as steps.
    fn walk(&mut self, tree: &Tree, places: &Places) -> Shape {
        let first = self.steps.len() as u32;
        let child = |child: Child| match child {
            Child::Node(node) => node as i32,
            Child::Leaf(leaf) => !(leaf as i32),
        };
        for node in &tree.nodes {
            let place = place(node, places);
            self.steps.push(Step {
                lane: place.map_or(CATEGORY, |place| place.lane as u32),
                bound: place.map_or(0, |place| place.bound),
                children: [child(node.left), child(node.right)],
            });
        }
        Shape::Walk { first }
    }

    /// Adds a tree as pieces; `None` where they are too many.
    fn cut(&mut self, tree: &Tree, places: &Places) -> Option<Shape> {
        let roots = piece_roots(tree);
        if roots.len() > MOST_PIECES {
            return None;
        }
        let first = self.pieces.len();
        let mut deepest = 0;
        for root in &roots {
            let mut piece = Piece {
                lanes: [0; 64],
                bounds: [u8::MAX; 64],
                left: [0; 64],
                right: [0; 64],
            };
            let (mut values, mut exits, mut exit, mut nodes) = ([0.0; 64], [!0; 64], 0, 1);
            // A node of the tree, its number in the piece, and its depth from 1 on.
            let mut open = Vec::new();
            match root {
                Child::Node(node) => open.push((*node, 0, 1)),
                Child::Leaf(leaf) => {
                    values[0] = tree.leaf_values[*leaf];
                    exits[0] = !(*leaf as i32);
                }
            }
            while let Some((node, number, depth)) = open.pop() {
                deepest = deepest.max(depth);
                let node = &tree.nodes[node];
                let place = place(node, places)?;
                piece.lanes[number] = place.lane as u8;
                piece.bounds[number] = place.bound;
                for (child, number) in [
                    (node.left, &mut piece.left[number]),
                    (node.right, &mut piece.right[number]),
                ] {
                    let other = roots.iter().position(|root| *root == child);
                    *number = match (child, other) {
                        (Child::Node(node), None) => {
                            open.push((node, nodes, depth + 1));
                            nodes += 1;
                            NODE | (nodes - 1) as u8
                        }
                        (_, other) => {
                            match (child, other) {
                                (_, Some(other)) => exits[exit] = (first + other) as i32,
                                (Child::Leaf(leaf), None) => {
                                    values[exit] = tree.leaf_values[leaf];
                                    exits[exit] = !(leaf as i32);
                                }
                                (Child::Node(_), None) => {}
                            }
                            exit += 1;
                            (exit - 1) as u8
                        }
                    };
                }
            }
            self.pieces.push(piece);
            self.values.push(values);
            self.exits.push(exits);
        }
        // One answer is one step; every round doubles them.
        let rounds = u32::next_power_of_two(deepest).trailing_zeros() as u8;
        Some(match roots.len() {
            1 if tree.linear.is_empty() => Shape::One {
                piece: first as u32,
                rounds,
            },
            _ => Shape::Several {
                first: first as u32,
                rounds,
            },
        })
    }

    /// Writes what is wanted of all rows into `out`, row after row.
    pub fn evaluate(&self, ranks: &Ranks, work: Work<'_>, out: &mut [f64]) {
        let mut row = Row {
            ranks: vec![0; self.lanes.max(MOST_LANES)],
            values: vec![
                0.0;
                if self.asks_values {
                    work.columns.len()
                } else {
                    0
                }
            ],
        };
        let mut given = vec![0.0; work.trees.len()];
        for (number, out) in out.chunks_mut(work.width.max(1)).enumerate() {
            ranks.read::<1>(work.columns, number, 1, |lane, [rank]| {
                row.ranks[lane] = *rank
            });
            for (value, column) in row.values.iter_mut().zip(work.columns) {
                column.read(number, std::slice::from_mut(value));
            }
            self.evaluate_row(work, &row, &mut given);
            if work.leaves {
                out.copy_from_slice(&given);
            } else if let [score] = out {
                *score = given.iter().fold(0.0, |sum, value| sum + value);
            } else {
                out.fill(0.0);
                for values in given.chunks(work.classes) {
                    out.iter_mut()
                        .zip(values)
                        .for_each(|(score, value)| *score += value);
                }
            }
        }
    }

    /// Writes what each tree gives.
    fn evaluate_row(&self, work: Work<'_>, row: &Row, given: &mut [f64]) {
        let shapes = &self.shapes[work.first_tree..];
        #[cfg(target_arch = "x86_64")]
        if self.vectors {
            // SAFETY: `vectors` says that the CPU has the features.
            return unsafe { self.permute_row(shapes, work, row, given) };
        }
        for ((given, tree), shape) in given.iter_mut().zip(work.trees).zip(shapes) {
            if let Shape::Walk { first } = shape {
                *given = give(work, tree, self.walked(tree, *first, row), row);
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
                    !tree.goes_left(asked, row.values[asked.feature])
                }
            };
            let next = step.children[usize::from(right)];
            if next < 0 {
                return !next as usize;
            }
            node = next as usize;
        }
    }

    /// Writes what each tree gives, by permutations.
    ///
    /// # Safety
    /// The CPU must have the features.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt")]
    unsafe fn permute_row(&self, shapes: &[Shape], work: Work<'_>, row: &Row, given: &mut [f64]) {
        let ranks = [load(&row.ranks, 0), load(&row.ranks, 64)];
        let wide = self.lanes > 64;
        for ((given, tree), shape) in given.iter_mut().zip(work.trees).zip(shapes) {
            let leaf = match *shape {
                Shape::One { piece, rounds } => {
                    let piece = piece as usize;
                    let exit = self.pieces[piece].exit(ranks, wide, rounds);
                    *given = if work.leaves {
                        f64::from(!self.exits[piece][exit])
                    } else {
                        self.values[piece][exit]
                    };
                    continue;
                }
                Shape::Several { first, rounds } => {
                    let mut piece = first as usize;
                    loop {
                        let exit = self.pieces[piece].exit(ranks, wide, rounds);
                        match self.exits[piece][exit] {
                            leaf if leaf < 0 => break !leaf as usize,
                            next => piece = next as usize,
                        }
                    }
                }
                Shape::Walk { first } => self.walked(tree, first, row),
            };
            *given = give(work, tree, leaf, row);
        }
    }
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

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(bytes: &[u8], start: usize) -> __m512i {
    let bytes = &bytes[start..][..64];
    // SAFETY: these are 64 bytes, at any address.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[cfg(target_arch = "x86_64")]
impl Piece {
    /// The exit of a row.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn exit(&self, ranks: [__m512i; 2], wide: bool, rounds: u8) -> usize {
        let lanes = load(&self.lanes, 0);
        let asked = if wide {
            _mm512_permutex2var_epi8(ranks[0], lanes, ranks[1])
        } else {
            _mm512_permutexvar_epi8(lanes, ranks[0])
        };
        let right = _mm512_cmpgt_epu8_mask(asked, load(&self.bounds, 0));
        let mut next = _mm512_mask_blend_epi8(right, load(&self.left, 0), load(&self.right, 0));
        for _ in 0..rounds {
            let nodes = _mm512_movepi8_mask(next);
            next = _mm512_mask_permutexvar_epi8(next, nodes, next, next);
        }
        let first = _mm_cvtsi128_si32(_mm512_castsi512_si128(next)) as usize;
        first % 64
    }
}

/// Where a split finds what it asks; nowhere when it asks a category.
fn place(node: &Node, places: &Places) -> Option<Place> {
    match &node.split {
        Split::Number {
            threshold,
            missing,
            missing_left,
        } => places.find(node.feature, *missing, *missing_left, *threshold),
        Split::Category { .. } => None,
    }
}

/// The roots of the pieces of a tree, the tree's own root first.
fn piece_roots(tree: &Tree) -> Vec<Child> {
    if tree.nodes.is_empty() {
        return vec![Child::Leaf(0)];
    }
    let mut roots = vec![Child::Node(0)];
    let mut exits = vec![0; tree.nodes.len()];
    for node in tree.order().into_iter().rev() {
        let mut children =
            [tree.nodes[node].left, tree.nodes[node].right].map(|child| match child {
                Child::Leaf(_) => (1, None),
                Child::Node(node) => (exits[node], Some(child)),
            });
        children.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let mut count: usize = children.iter().map(|(count, _)| count).sum();
        for (below, child) in children {
            if count > MOST_NODES + 1
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

fn asks_categories(tree: &Tree) -> bool {
    tree.nodes
        .iter()
        .any(|node| matches!(node.split, Split::Category { .. }))
}

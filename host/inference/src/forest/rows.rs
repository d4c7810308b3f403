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

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::arithmetic::{Arithmetic, Sum};
use super::bytes::{Bytes, Portable};
use super::categories::Categories;
use super::ranks::{Place, Places};
use super::tree::{Child, Node, Split, Tree};
use super::trees::{Asked, Work};
use super::vectors::Vectors;

/// Nodes of a piece, as many as a vector has bytes.
const MOST_NODES: usize = 64;

/// Lanes of ranks that a permutation reaches.
const MOST_LANES: usize = 128;

/// Nodes of a path that is followed in four rounds.
const SHORT: usize = 1 << 4;

/// The exits of a piece: two for each node, left and right.
const EXITS: usize = 2 * MOST_NODES;

/// Masks of all trees; what comes later is walked.
const MOST_MASKS: usize = 1 << 23;

/// Past so many pieces a walk asks so much less that it is faster.
const MOST_PIECES: usize = 16;

/// Up to [`MOST_NODES`] nodes of a tree; the first is the root.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
struct Piece {
    /// The lane that each node asks, and the rank above which it goes right.
    lanes: [u8; MOST_NODES],
    bounds: [u8; MOST_NODES],
    /// The node that follows on the left and on the right, or the node itself where it is the last.
    left: [u8; MOST_NODES],
    right: [u8; MOST_NODES],
}

/// How a tree is evaluated.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// As one piece whose exits have values; deep where a path may have more than [`SHORT`] nodes.
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

const CATEGORY: u32 = u32::MAX;

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
    pub fn new(trees: &[Tree], asked: &Asked, places: &Places, vectors: Vectors) -> Self {
        let mut rows = Self {
            shapes: Vec::with_capacity(trees.len()),
            pieces: Vec::new(),
            values: Vec::new(),
            exits: Vec::new(),
            steps: Vec::new(),
            lanes: asked.ranks.lanes(),
            vectors: vectors.permute_bytes() && asked.ranks.lanes() <= MOST_LANES,
            asks_values: trees.iter().any(|tree| !tree.linear.is_empty()),
            first_answers: vec![0],
            answers: Vec::new(),
            masks: Vec::new(),
        };
        for tree in trees {
            let pieces = rows.pieces.len();
            let shape = rows
                .vectors
                .then(|| rows.cut(tree, places, &asked.categories))
                .flatten();
            let shape = shape.unwrap_or_else(|| {
                rows.forget(pieces);
                rows.walk(tree, places)
            });
            rows.shapes.push(shape);
        }
        rows
    }

    /// Takes the pieces of a tree back that cannot be cut.
    fn forget(&mut self, pieces: usize) {
        self.pieces.truncate(pieces);
        self.values.truncate(pieces);
        self.exits.truncate(pieces);
        self.first_answers.truncate(pieces + 1);
        let answers = self.first_answers[pieces] as usize;
        if let Some(first) = self.answers.get(answers) {
            self.masks.truncate(first.first as usize);
        }
        self.answers.truncate(answers);
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
            self.asks_values |= place.is_none();
            self.steps.push(Step {
                lane: place.map_or(CATEGORY, |place| place.lane as u32),
                bound: place.map_or(0, |place| place.bound),
                children: [child(node.left), child(node.right)],
            });
        }
        Shape::Walk { first }
    }

    /// Adds a tree as pieces; `None` where they are too many.
    fn cut(&mut self, tree: &Tree, places: &Places, categories: &Categories) -> Option<Shape> {
        let roots = piece_roots(tree);
        if roots.len() > MOST_PIECES {
            return None;
        }
        let first = self.pieces.len();
        let mut deepest = 0;
        for root in &roots {
            let mut piece = Piece {
                lanes: [0; MOST_NODES],
                bounds: [u8::MAX; MOST_NODES],
                left: [0; MOST_NODES],
                right: [0; MOST_NODES],
            };
            let mut values = [A::Sum::default(); EXITS];
            let (mut exits, mut nodes) = ([!0; EXITS], 1);
            // A node of the tree, its number in the piece, and its depth from 1 on.
            let mut open = Vec::new();
            match root {
                Child::Node(node) => open.push((*node, 0, 1)),
                // The answer of the only node is left, whatever it is asked.
                Child::Leaf(leaf) => {
                    values[0] = A::Sum::round(tree.leaf_values[*leaf]);
                    exits[0] = !(*leaf as i32);
                }
            }
            while let Some((node, number, depth)) = open.pop() {
                deepest = deepest.max(depth);
                let node = &tree.nodes[node];
                // A node that asks a category goes left by its rank, and right by a mask.
                match (&node.split, place(node, places)) {
                    (Split::Category { words }, _) => {
                        let words = &tree.category_words[words.clone()];
                        self.answer(node.feature, words, number, categories)?;
                    }
                    (_, place) => {
                        let place = place?;
                        piece.lanes[number] = place.lane as u8;
                        piece.bounds[number] = place.bound;
                    }
                }
                for (side, child) in [node.left, node.right].into_iter().enumerate() {
                    let exit = number * 2 + side;
                    let next = match (child, roots.iter().position(|root| *root == child)) {
                        (_, Some(other)) => {
                            exits[exit] = (first + other) as i32;
                            number
                        }
                        (Child::Leaf(leaf), None) => {
                            values[exit] = A::Sum::round(tree.leaf_values[leaf]);
                            exits[exit] = !(leaf as i32);
                            number
                        }
                        (Child::Node(node), None) => {
                            open.push((node, nodes, depth + 1));
                            nodes += 1;
                            nodes - 1
                        }
                    };
                    let follow = if side == 0 {
                        &mut piece.left
                    } else {
                        &mut piece.right
                    };
                    follow[number] = next as u8;
                }
            }
            self.pieces.push(piece);
            self.values.push(values);
            self.exits.push(exits);
            self.first_answers.push(self.answers.len() as u32);
        }
        let (first, deep) = (first as u32, deepest > SHORT);
        Some(match roots.len() {
            1 if tree.linear.is_empty() => Shape::One { piece: first, deep },
            _ => Shape::Several { first, deep },
        })
    }

    /// Marks a node of the piece at hand in the masks of all categories that it sends right.
    fn answer(
        &mut self,
        feature: usize,
        words: &[u32],
        number: usize,
        categories: &Categories,
    ) -> Option<()> {
        let (place, count) = categories.feature(feature)?;
        let of_piece = self.first_answers.last().map_or(0, |first| *first as usize);
        let known = self.answers[of_piece..]
            .iter()
            .find(|answers| answers.feature as usize == place);
        let first = match known {
            Some(answers) => answers.first as usize,
            None if self.masks.len() + count > MOST_MASKS => return None,
            None => {
                let first = self.masks.len();
                self.masks.resize(first + count, 0);
                self.answers.push(Answers {
                    feature: place as u32,
                    first: u32::try_from(first).ok()?,
                });
                first
            }
        };
        for (category, mask) in self.masks[first..][..count].iter_mut().enumerate() {
            if !categories.is_in(place, category, words) {
                *mask |= 1 << number;
            }
        }
        Some(())
    }

    /// The nodes of a piece that send a row right by its category.
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
        let evaluate = match (self.lanes <= 64, self.answers.is_empty()) {
            (true, true) => Self::permute_trees::<1, false>,
            (true, false) => Self::permute_trees::<1, true>,
            (false, true) => Self::permute_trees::<2, false>,
            (false, false) => Self::permute_trees::<2, true>,
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
    /// nodes that ask a category or without.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt"
    )]
    fn permute_trees<const VECTORS: usize, const CATEGORIES: bool>(
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
            *given = give(work, tree, leaf, row);
            sum += A::Sum::round(*given);
        }
        sum
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
    /// The exit of a row, some of whose nodes go right by its category.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    fn exit<const VECTORS: usize>(
        &self,
        ranks: [__m512i; 2],
        deep: bool,
        also_right: u64,
    ) -> usize {
        let lanes = load(&self.lanes, 0);
        let asked = if VECTORS == 1 {
            _mm512_permutexvar_epi8(lanes, ranks[0])
        } else {
            _mm512_permutex2var_epi8(ranks[0], lanes, ranks[1])
        };
        let right = _mm512_cmpgt_epu8_mask(asked, load(&self.bounds, 0)) | also_right;
        let mut next = _mm512_mask_blend_epi8(right, load(&self.left, 0), load(&self.right, 0));
        for _ in 0..4 {
            next = _mm512_permutexvar_epi8(next, next);
        }
        if deep {
            next = _mm512_permutexvar_epi8(next, next);
            next = _mm512_permutexvar_epi8(next, next);
        }
        let last = _mm_cvtsi128_si32(_mm512_castsi512_si128(next)) as usize % MOST_NODES;
        last * 2 + (right >> last & 1) as usize
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
            if count > MOST_NODES
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

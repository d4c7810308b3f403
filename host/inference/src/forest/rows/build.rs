//! From trees to what is evaluated row by row.

use super::piece::{EXITS, MOST_NODES, Piece, SHORT, piece_roots};
use super::{Answers, CATEGORY, MOST_LANES, RowTrees, Shape, Step};
use crate::forest::arithmetic::{Arithmetic, Sum};
use crate::forest::categories::Categories;
use crate::forest::ranks::{Place, Places};
use crate::forest::tree::{Child, Node, Split, Tree};
use crate::forest::trees::Asked;
use crate::forest::vectors::Vectors;

/// Masks of all trees; what comes later is walked.
const MOST_MASKS: usize = 1 << 23;

/// Past so many pieces a walk asks so much less that it is faster.
const MOST_PIECES: usize = 16;

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

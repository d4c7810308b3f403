//! Evaluation of a tree for a block of rows without a branch on data.
//!
//! After QuickScorer (Lucchese et al., SIGIR 2015) and RapidScorer (Ye et al., KDD 2018): a row has
//! one bit for each exit of the tree. A split strikes the exits out that its answer excludes; the
//! order does not matter. When all splits have spoken, the first exit that is left is the row's.
//! Every split is asked, which is more work than a walk from the root, but no branch is mispredicted,
//! and a byte of 64 rows is compared at a time.
//!
//! QuickScorer's splits strike out what is left of a row that goes right. Here a node whose right side
//! has fewer exits than its left is mirrored, so that a split never strikes out more than half of
//! what is below it: most splits touch the one byte that their few exits are in. The splits are
//! sorted by the byte that they touch, which stays in registers.

use super::arithmetic::Sum;
use super::bytes::Bytes;
use super::categories::{Categories, Set};
use super::ranks::{Lane, Places};
use super::tree::{Child, Split, Tree};

/// Past so many exits a walk asks so much fewer splits that it is faster.
const MOST_EXITS: usize = 2048;

/// Strikes exits of one byte out.
#[derive(Debug, Clone, Copy)]
struct Strike {
    lane: u16,
    /// Rows whose byte in the lane is above it keep …
    bound: u8,
    /// … only these exits.
    keep: u8,
}

/// A tree as strikes.
#[derive(Debug)]
pub(super) struct MaskedTree<S> {
    /// The splits by category, and whether a row in the set is struck; each makes a lane.
    sets: Vec<(Set, bool)>,
    strikes: Vec<Strike>,
    /// For each byte of exits, where its strikes end.
    ends: Vec<u32>,
    /// The leaf at each exit.
    leaves: Vec<u32>,
    /// The value at each exit.
    values: Vec<S>,
}

/// The exits of the rows of a block: the byte, and the bit in it.
pub(super) struct Exits<const ROWS: usize> {
    bytes: [u8; ROWS],
    bits: [u8; ROWS],
}

/// How the lanes of a block follow each other: the ranks, each with its complement, then the sets of
/// the tree at hand.
fn rank_lane(lane: usize, complement: bool) -> usize {
    lane * 2 + usize::from(complement)
}

/// How many lanes the ranks and their complements have.
pub(super) fn rank_lanes(lanes: usize) -> usize {
    rank_lane(lanes, false)
}

impl<S: Sum> MaskedTree<S> {
    /// `None` for a tree that is better walked.
    pub fn new(
        tree: &Tree,
        places: &Places,
        categories: &Categories,
        lanes: usize,
    ) -> Option<Self> {
        let exits = tree.leaf_values.len();
        if exits > MOST_EXITS {
            return None;
        }
        let counts = exits_below(tree);
        let count = |child: Child| match child {
            Child::Node(node) => counts[node],
            Child::Leaf(_) => 1,
        };
        let mut masked = Self {
            sets: Vec::new(),
            strikes: Vec::new(),
            ends: Vec::new(),
            leaves: vec![0; exits],
            values: vec![S::default(); exits.next_multiple_of(8)],
        };
        let mut strikes: Vec<Vec<Strike>> = vec![Vec::new(); exits.div_ceil(8)];
        let root = if tree.nodes.is_empty() {
            Child::Leaf(0)
        } else {
            Child::Node(0)
        };
        let mut open = vec![(root, 0)];
        while let Some((child, first)) = open.pop() {
            let node = match child {
                Child::Leaf(leaf) => {
                    masked.leaves[first] = u32::try_from(leaf).ok()?;
                    masked.values[first] = S::round(tree.leaf_values[leaf]);
                    continue;
                }
                Child::Node(node) => &tree.nodes[node],
            };
            // A row that goes to the far side strikes the near side out.
            let mirrored = count(node.right) < count(node.left);
            let (near, far) = if mirrored {
                (node.right, node.left)
            } else {
                (node.left, node.right)
            };
            let end = first + count(near);
            open.extend([(near, first), (far, end)]);
            let (lane, bound) = match &node.split {
                Split::Number {
                    threshold,
                    missing,
                    missing_left,
                } => {
                    let place = places.find(node.feature, *missing, *missing_left, *threshold)?;
                    let bound = if mirrored {
                        u8::MAX - 1 - place.bound
                    } else {
                        place.bound
                    };
                    (rank_lane(place.lane, mirrored), bound)
                }
                Split::Category { words } => {
                    let words = &tree.category_words[words.clone()];
                    masked
                        .sets
                        .push((categories.set(node.feature, words)?, mirrored));
                    (rank_lanes(lanes) + masked.sets.len() - 1, 0)
                }
            };
            let lane = u16::try_from(lane).ok()?;
            for (byte, strikes) in strikes
                .iter_mut()
                .enumerate()
                .take(end.div_ceil(8))
                .skip(first / 8)
            {
                let bit = |exit: usize| exit.clamp(byte * 8, byte * 8 + 8) - byte * 8;
                let struck = (1_u16 << bit(end)) - (1 << bit(first));
                let keep = !(struck as u8);
                strikes.push(Strike { lane, bound, keep });
            }
        }
        for of_byte in strikes {
            masked.strikes.extend(of_byte);
            masked.ends.push(u32::try_from(masked.strikes.len()).ok()?);
        }
        Some(masked)
    }

    /// How many lanes of sets the tree makes.
    pub fn sets(&self) -> usize {
        self.sets.len()
    }

    /// The exit of each row of a block of as many rows as `N` vectors hold. `lanes` holds the ranks and
    /// has room for the tree's sets.
    #[inline(always)]
    pub fn exits<V: Bytes, const N: usize, const ROWS: usize>(
        &self,
        lanes: &mut [Lane<ROWS>],
        ranks: usize,
        categories: &[Lane<ROWS>],
    ) -> Exits<ROWS> {
        const { assert!(V::LEN * N == ROWS) };
        for ((set, within), lane) in self.sets.iter().zip(&mut lanes[ranks..]) {
            set.mark(*within, categories, lane);
        }
        let mut bytes = [V::splat(0); N];
        let mut bits = [V::splat(1); N];
        let mut end = self.strikes.len();
        for byte in (0..self.ends.len()).rev() {
            let first = byte
                .checked_sub(1)
                .map_or(0, |before| self.ends[before] as usize);
            let mut left = [V::splat(u8::MAX); N];
            for strike in &self.strikes[first..end] {
                let asked = &lanes[usize::from(strike.lane)].0;
                let (bound, keep) = (V::splat(strike.bound), V::splat(strike.keep));
                for vector in 0..N {
                    let asked = V::load(&asked[vector * V::LEN..]);
                    left[vector] = left[vector].strike(asked, bound, keep);
                }
            }
            let number = V::splat(byte as u8);
            for vector in 0..N {
                bytes[vector] = left[vector].choose(number, bytes[vector]);
                bits[vector] = left[vector].choose(left[vector], bits[vector]);
            }
            end = first;
        }
        let mut exits = Exits {
            bytes: [0; ROWS],
            bits: [0; ROWS],
        };
        for vector in 0..N {
            bytes[vector].store(&mut exits.bytes[vector * V::LEN..]);
            bits[vector].store(&mut exits.bits[vector * V::LEN..]);
        }
        // The number of the lowest bit.
        for bits in &mut exits.bits {
            let lowest = *bits & bits.wrapping_neg();
            let odd = if lowest & 0xAA != 0 { 1 } else { 0 };
            let pair = if lowest & 0xCC != 0 { 2 } else { 0 };
            *bits = odd | pair | if lowest & 0xF0 != 0 { 4 } else { 0 };
        }
        exits
    }

    /// Adds the value at each row's exit to its score.
    #[inline(always)]
    pub fn add<const ROWS: usize>(&self, exits: &Exits<ROWS>, scores: &mut [S; ROWS]) {
        let values = self.values.as_slice();
        if values.len() <= 256 {
            // As bytes first, which is fewer vectors.
            let mut places = [0; ROWS];
            let parts = exits.bytes.iter().zip(&exits.bits);
            for (place, (byte, bit)) in places.iter_mut().zip(parts) {
                *place = (*byte << 3) | *bit;
            }
            for (score, place) in scores.iter_mut().zip(places) {
                // SAFETY: there are eight values for each byte of exits.
                *score += unsafe { *values.get_unchecked(usize::from(place)) };
            }
        } else {
            for (row, score) in scores.iter_mut().enumerate() {
                // SAFETY: as above.
                *score += unsafe { *values.get_unchecked(exits.exit(row)) };
            }
        }
    }

    /// The leaf that a row is in.
    #[inline(always)]
    pub fn leaf<const ROWS: usize>(&self, exits: &Exits<ROWS>, row: usize) -> usize {
        // Rows beyond the last one may have an exit that is none.
        self.leaves
            .get(exits.exit(row))
            .map_or(0, |leaf| *leaf as usize)
    }
}

impl<const ROWS: usize> Exits<ROWS> {
    #[inline(always)]
    fn exit(&self, row: usize) -> usize {
        usize::from(self.bytes[row]) * 8 + usize::from(self.bits[row])
    }
}

/// How many leaves are below each node.
fn exits_below(tree: &Tree) -> Vec<usize> {
    let mut counts = vec![0; tree.nodes.len()];
    for node in tree.order().into_iter().rev() {
        let below = [tree.nodes[node].left, tree.nodes[node].right].map(|child| match child {
            Child::Leaf(_) => 1,
            Child::Node(child) => counts[child],
        });
        counts[node] = below[0] + below[1];
    }
    counts
}

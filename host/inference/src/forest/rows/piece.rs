//! Pieces of trees: up to 64 nodes, which answer at once.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use crate::forest::tree::{Child, Tree};

/// Nodes of a piece, as many as a vector has bytes.
pub(super) const MOST_NODES: usize = 64;

/// Nodes of a path that is followed in four rounds.
pub(super) const SHORT: usize = 1 << 4;

/// The exits of a piece: two for each node, left and right.
pub(super) const EXITS: usize = 2 * MOST_NODES;

/// Up to [`MOST_NODES`] nodes of a tree; the first is the root.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Piece {
    /// The lane that each node asks, and the rank above which it goes right.
    pub lanes: [u8; MOST_NODES],
    pub bounds: [u8; MOST_NODES],
    /// The node that follows on the left and on the right, or the node itself where it is the last.
    pub left: [u8; MOST_NODES],
    pub right: [u8; MOST_NODES],
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn load(bytes: &[u8], start: usize) -> __m512i {
    let bytes = &bytes[start..][..64];
    // SAFETY: these are 64 bytes, at any address.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[cfg(target_arch = "x86_64")]
impl Piece {
    /// The exit of a row, some of whose nodes go right by its category.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    pub fn exit<const VECTORS: usize>(
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

/// The roots of the pieces of a tree, the tree's own root first.
pub(super) fn piece_roots(tree: &Tree) -> Vec<Child> {
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

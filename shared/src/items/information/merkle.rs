//! A Merkle tree over the plaintext's records, of the shape of RFC 6962 section 2.1, so that one record can be shown to belong.
//!
//! A leaf is `SHA-256(0x00 ‖ record)`, a node `SHA-256(0x01 ‖ left ‖ right)`, and a tree of n leaves splits at the largest
//! power of two below n.

use serde::{Deserialize, Serialize};

use crate::foundation::Digest;

/// The leaf of one record.
pub fn leaf(record: &[u8]) -> Digest {
    Digest::of_parts(&[&[0x00], record])
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Digest::of_parts(&[&[0x01], left.as_bytes(), right.as_bytes()])
}

/// A tree that grows leaf by leaf and keeps one digest a level: the roots of the full subtrees, from left to right.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    peaks: Vec<Digest>,
    leaves: u64,
}

impl Tree {
    /// A tree without leaves.
    pub const fn new() -> Self {
        Self { peaks: Vec::new(), leaves: 0 }
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: Digest) {
        let mut full = leaf;
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                full = node(&left, &full);
            }
        }
        self.peaks.push(full);
        self.leaves += 1;
    }

    /// How many leaves there are.
    pub const fn leaves(&self) -> u64 {
        self.leaves
    }

    /// The root; `None` without leaves.
    pub fn root(&self) -> Option<Digest> {
        self.peaks.iter().rev().copied().reduce(|right, left| node(&left, &right))
    }
}

/// The way from one leaf to the root: the digests beside it, from the leaf upwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed InclusionPath", deny_unknown_fields)]
pub struct InclusionPath {
    /// Which leaf, from zero.
    pub index: u64,
    /// The digests beside the way.
    pub beside: Vec<Digest>,
}

impl InclusionPath {
    /// The path of leaf `index` among `leaves`; `None` where there is no such leaf.
    pub fn make(leaves: &[Digest], index: usize) -> Option<Self> {
        let mut beside = Vec::new();
        let (mut rest, mut position) = (leaves, index);
        if index >= leaves.len() {
            return None;
        }
        while rest.len() > 1 {
            let (left, right) = rest.split_at(split_of(rest.len()));
            let sibling = if position < left.len() {
                rest = left;
                right
            } else {
                position -= left.len();
                rest = right;
                left
            };
            beside.push(root_of(sibling)?);
        }
        beside.reverse();
        Some(Self { index: index.try_into().ok()?, beside })
    }

    /// Whether the path leads from `leaf` to `root` in a tree of `leaves` leaves (RFC 9162 section 2.1.3.2).
    pub fn leads(&self, leaf: Digest, leaves: u64, root: &Digest) -> bool {
        let Some(mut last) = leaves.checked_sub(1).filter(|last| self.index <= *last) else {
            return false;
        };
        let (mut position, mut reached) = (self.index, leaf);
        for beside in &self.beside {
            if last == 0 {
                return false;
            }
            if position & 1 == 1 || position == last {
                reached = node(beside, &reached);
                while position & 1 == 0 && position != 0 {
                    (position, last) = (position >> 1, last >> 1);
                }
            } else {
                reached = node(&reached, beside);
            }
            (position, last) = (position >> 1, last >> 1);
        }
        last == 0 && reached == *root
    }
}

/// The largest power of two below `leaves`, which is two or more.
const fn split_of(leaves: usize) -> usize {
    1 << (leaves - 1).ilog2()
}

fn root_of(leaves: &[Digest]) -> Option<Digest> {
    let mut tree = Tree::new();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree.root()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: u32) -> Vec<Digest> {
        (0..count).map(|n| leaf(&n.to_be_bytes())).collect()
    }

    /// The definition itself, in its recursive form.
    fn defined(leaves: &[Digest]) -> Digest {
        match leaves {
            [one] => *one,
            many => {
                let (left, right) = many.split_at(split_of(many.len()));
                node(&defined(left), &defined(right))
            }
        }
    }

    #[test]
    fn the_growing_root_is_the_defined_one() {
        let leaves = leaves(130);
        let mut tree = Tree::new();
        assert_eq!(tree.root(), None);
        for count in 1..=leaves.len() {
            tree.push(leaves[count - 1]);
            assert_eq!(tree.root(), Some(defined(&leaves[..count])), "{count} leaves");
        }
        assert_eq!(tree.peaks.len(), 2);
    }

    #[test]
    fn every_path_leads_from_its_leaf_alone() {
        for count in 1..=33 {
            let leaves = leaves(count);
            let root = defined(&leaves);
            for (index, own) in leaves.iter().enumerate() {
                let path = InclusionPath::make(&leaves, index);
                for other in &leaves {
                    let leads = path.as_ref().is_some_and(|path| path.leads(*other, count.into(), &root));
                    assert_eq!(leads, own == other, "leaf {index} of {count}");
                }
            }
            assert_eq!(InclusionPath::make(&leaves, leaves.len()), None);
        }
    }

    proptest! {
        #[test]
        fn a_changed_path_leads_nowhere(count in 2_u32..200, index: prop::sample::Index, at: prop::sample::Index, bit in 0_u8..8) {
            let leaves = leaves(count);
            let root = defined(&leaves);
            let index = index.index(leaves.len());
            let path = InclusionPath::make(&leaves, index).ok_or(TestCaseError::fail("no path"))?;
            prop_assert!(path.leads(leaves[index], count.into(), &root));

            let mut changed = path.clone();
            let level = at.index(changed.beside.len());
            changed.beside[level].0[at.index(32)] ^= 1 << bit;
            prop_assert!(!changed.leads(leaves[index], count.into(), &root));

            let mut shorter = path.clone();
            shorter.beside.pop();
            prop_assert!(!shorter.leads(leaves[index], count.into(), &root));

            let mut longer = path.clone();
            longer.beside.push(root);
            prop_assert!(!longer.leads(leaves[index], count.into(), &root));

            let moved = InclusionPath { index: path.index + u64::from(count), ..path };
            prop_assert!(!moved.leads(leaves[index], count.into(), &root));
        }
    }
}

//! Merkle trees of RFC 9162, section 2.1: how leaves and nodes are hashed, and what proves that a leaf is in a tree or that
//! one tree continues another.
//!
//! Only proofs are judged here, whole trees are kept in [`super::local`].

use core::fmt;

use crate::crypto::{SHA256_LEN, sha256};

/// A hash of a leaf, of a node, or of a whole tree.
pub type Hash = [u8; SHA256_LEN];

/// The longest proof that can hold: a path through a tree of 2^64 leaves, and one node more for consistency.
pub const PROOF_MAX: usize = 65;

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// The leaf's index is not below the tree's size.
    IndexOutsideTree,
    /// The later tree is smaller than the earlier one.
    Shrunk,
    /// The proof has fewer nodes than the trees' sizes demand, or more.
    Length,
    /// The proof leads to another root.
    OtherRoot,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IndexOutsideTree => "the entry's index is not below the tree's size",
            Self::Shrunk => "the later tree is smaller than the earlier one",
            Self::Length => "the proof has too few or too many nodes for the tree's size",
            Self::OtherRoot => "the proof does not lead to the root hash that the log has signed",
        })
    }
}

impl core::error::Error for ProofError {}

/// The hash of the leaf with that `content`, given in pieces.
pub fn leaf_hash(content: &[&[u8]]) -> Hash {
    let mut hash = crate::crypto::Sha256::new();
    hash.update(&[0]);
    content.iter().for_each(|piece| hash.update(piece));
    hash.finish()
}

/// The hash of the node above `left` and `right`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// Whether the leaf of hash `leaf` is number `index`, from 0, of the tree of `size` leaves under `root` (RFC 9162, section
/// 2.1.3.2). The proof's lowest node comes first.
///
/// # Errors
/// [`ProofError`].
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    let Some(last) = size.checked_sub(1).filter(|last| index <= *last) else {
        return Err(ProofError::IndexOutsideTree);
    };
    let mut path = Path { node: index, last };
    let mut hash = *leaf;
    for sibling in proof {
        hash = match path.climb()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    path.is_at_root()?;
    same(&hash, root)
}

/// Whether the tree of `later` leaves under `later_root` begins with the tree of `earlier` leaves under `earlier_root` (RFC
/// 9162, section 2.1.4.2).
///
/// # Errors
/// [`ProofError`].
pub fn verify_consistency(
    (earlier, earlier_root): (u64, &Hash),
    (later, later_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    if later < earlier {
        return Err(ProofError::Shrunk);
    }
    if earlier == later || earlier == 0 {
        if !proof.is_empty() {
            return Err(ProofError::Length);
        }
        // Every tree continues the empty one, and itself.
        return match earlier {
            0 => same(earlier_root, &empty_root()).and_then(|()| match later {
                0 => same(later_root, &empty_root()),
                _ => Ok(()),
            }),
            _ => same(earlier_root, later_root),
        };
    }
    // A tree of a power of two is itself a node of the later tree, and its hash is not repeated in the proof.
    let (first, rest) = if earlier.is_power_of_two() {
        (earlier_root, proof)
    } else {
        proof.split_first().ok_or(ProofError::Length)?
    };
    let mut path = Path {
        node: earlier - 1,
        last: later - 1,
    };
    path.skip_right_turns();
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        match path.climb()? {
            Side::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    path.is_at_root()?;
    same(&old, earlier_root)?;
    same(&new, later_root)
}

/// A way up a tree: a node's number on its level, and the number of the level's last one.
struct Path {
    node: u64,
    last: u64,
}

/// On which side of the node the next sibling stands.
enum Side {
    Left,
    Right,
}

impl Path {
    /// Goes up to where the next sibling joins.
    fn climb(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::Length);
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            // A node that is last on its level and has no sibling stands for its parent too.
            while self.node & 1 == 0 && self.node != 0 {
                self.up();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Ok(side)
    }

    fn skip_right_turns(&mut self) {
        while self.node & 1 == 1 {
            self.up();
        }
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    fn is_at_root(&self) -> Result<(), ProofError> {
        if self.last == 0 {
            Ok(())
        } else {
            Err(ProofError::Length)
        }
    }
}

/// Hashes of public data: nothing leaks by comparing them as they are.
fn same(one: &Hash, other: &Hash) -> Result<(), ProofError> {
    if one == other {
        Ok(())
    } else {
        Err(ProofError::OtherRoot)
    }
}

//! The vectors that the protocol's conformance READMEs list, under their names there, and ours beside them: each tier's ways to
//! accept, to refuse, to emit and to refuse to emit.

mod core;
mod emit;
mod regulated;
mod sealed;
mod signed;

use crate::folder::Tree;

pub fn write(tree: &mut Tree) {
    core::core(tree);
    signed::signed(tree);
    signed::key_life(tree);
    sealed::sealed(tree);
    regulated::regulated(tree);
}

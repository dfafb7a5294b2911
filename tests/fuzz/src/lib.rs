//! What the fuzz targets share: seeds, a reader of control bytes, an allocator that notices, calls into the C ABI, the
//! parties of a handoff, and a tree of CBOR with structure-aware mutations.
//!
//! Not here: any entry point of the library; each target in `targets/` calls its own, and says in its first lines what
//! must hold of it besides that nothing crashes.

pub mod abi;
pub mod heap;
pub mod mutate;
pub mod party;
pub mod seeds;
pub mod sip;
pub mod take;
pub mod tree;

/// What the library's own tests have: here for [`scene`].
#[path = "../../common/mod.rs"]
mod common;
/// A proposal at any tier with real keys behind each of its parties.
#[path = "../../tiers/scene.rs"]
pub mod scene;

pub use heap::without_heap;
pub use libfuzzer_sys;
pub use seeds::Seeds;
pub use take::Take;

/// Defines a target: the function that writes its first inputs, and what is done with an input.
#[macro_export]
macro_rules! target {
    (seeds: $seeds:expr, |$data:ident| $body:expr) => {
        use $crate::libfuzzer_sys;
        libfuzzer_sys::fuzz_target!(init: $crate::seeds::write($seeds), |$data: &[u8]| -> () { $body });
    };
}

/// Has inputs that are so many control bytes and canonical CBOR behind them mutated by [`mutate::envelope`].
#[macro_export]
macro_rules! mutate_envelopes {
    (behind: $control:expr) => {
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutate::envelope(data, size, max_size, seed, $control)
        });
    };
}

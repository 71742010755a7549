//! Mesa's llvmpipe, through Vulkan (lavapipe) or OpenGL: `cpu`, and what exists for its habits alone.
//!
//! It emulates loads lane by lane, so that fewer, wider ones pay; and it ends loops without a word. Measured by
//! `gpu-loss bench` on Mesa 22.3 (benches/NOTES.md).

use super::{Profile, cpu};

/// What no other driver gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mechanisms {
    /// How many turns of loops an invocation can take in all, where that is few enough to reach: Mesa's llvmpipe leaves
    /// every loop once an invocation has taken 65,535 turns in all of its loops together
    /// (`LP_MAX_TGSI_LOOP_ITERATIONS`), and what the loop had still to do is not done.
    pub(crate) turns_of_loops: Option<u64>,
    /// Whether vectors and integers are loaded as words of 64 bits, where the device knows them, and scores by 32 bytes.
    pub(crate) wide_loads: bool,
    /// Whether f16 is widened in integers.
    pub(crate) widens_in_integers: bool,
    /// Whether adjacent threads take rows that lie apart: see `shaders/access/llvmpipe/interleave.wgsl`.
    pub(crate) interleaves: bool,
}

impl Mechanisms {
    /// Of all other drivers.
    pub(super) const NONE: Self =
        Mechanisms { turns_of_loops: None, wide_loads: false, widens_in_integers: false, interleaves: false };
}

pub(super) const PROFILE: Profile = Profile {
    name: "llvmpipe",
    llvmpipe: Mechanisms {
        turns_of_loops: Some(65_000),
        wide_loads: true,
        widens_in_integers: true,
        interleaves: true,
    },
    ..cpu::PROFILE
};

/// Whether an adapter of this name is one of Mesa's llvmpipe.
pub(super) fn is(name: &str) -> bool {
    name.contains("llvmpipe")
}

/// What holds on such an adapter whichever profile its kernels are made by.
pub(super) fn limits_of(name: &str) -> Option<u64> {
    if is(name) { PROFILE.llvmpipe.turns_of_loops } else { None }
}

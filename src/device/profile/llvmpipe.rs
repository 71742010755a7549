//! Mesa's llvmpipe, through Vulkan (lavapipe) or OpenGL: `cpu`, and what exists for its habits alone.
//!
//! It emulates loads lane by lane, so that fewer, wider ones pay; and it ends loops without a word. Measured by
//! `gpu-loss bench` on Mesa 22.3 (benches/NOTES.md).

use super::{Mechanisms, Profile, cpu};

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

//! Processors that play a GPU: Microsoft's WARP, Google's SwiftShader, Mesa's llvmpipe. An invocation is a lane of a core's
//! vectors, a barrier costs a switch of every invocation's state, and small workgroups keep all cores busy.
//!
//! Measured on llvmpipe by `gpu-loss bench --strategy …` (benches/NOTES.md); estimates for the others.

use super::{Mechanisms, Products, Profile, ReadOnce, Registers, RowTeams, Sample, Splitting, Workgroups};

pub(super) const PROFILE: Profile = Profile {
    name: "cpu",
    subgroups: true,
    rows: RowTeams {
        thread: 128,
        subgroup: usize::MAX,
        read_once: Some(ReadOnce { rows: 1024, classes: 50_000 }),
        elements_by_subgroups: true,
        // Fewer rows then wait for a core that other work holds up.
        alone: Some(16_384),
    },
    workgroups: Workgroups { independent: 16, whole: 256, tree: 16 },
    // Registers spill into the nearest cache. More would take the compiler seconds, and gain nothing.
    registers: Registers { classes: 32, vectors: 32, workgroup_vectors: 8 },
    splitting: Splitting { below_rows: 4, classes: 30_001, teams: 64, by_subgroups: true },
    // A processor does some hundred million elements a second, a GPU a hundred times as many.
    sample: Sample { elements: 1 << 20, rows: 64, most: 1 << 23 },
    // Mesa writes each load out for every lane: fewer at once are built in a second.
    products: Products { unrolled: 4, wide_scalars: false, statistics: 8 },
    llvmpipe: Mechanisms::NONE,
};

//! Graphics cards with memory of their own: AMD, Intel, NVIDIA. All numbers are estimates: no card has run them yet.

use super::{Mechanisms, Products, Profile, Registers, RowTeams, Sample, Splitting, Workgroups};

pub(super) const PROFILE: Profile = Profile {
    name: "discrete",
    subgroups: true,
    rows: RowTeams {
        thread: 16,                   // estimate
        subgroup: 2048,               // estimate
        read_once: None,              // estimate
        elements_by_subgroups: false, // estimate
        alone: None,                  // estimate
    },
    workgroups: Workgroups {
        independent: 64, // estimate
        whole: 256,      // estimate
        tree: 256,       // estimate
    },
    // Estimate: more would spill.
    registers: Registers { classes: 16, vectors: 8, workgroup_vectors: 8 },
    splitting: Splitting {
        below_rows: 64,      // estimate
        classes: 1 << 16,    // estimate
        teams: 512,          // estimate
        by_subgroups: false, // estimate
    },
    sample: Sample { elements: 1 << 22, rows: 256, most: 1 << 24 }, // estimate
    products: Products { unrolled: 8, wide_scalars: true, statistics: 16 }, // estimate
    llvmpipe: Mechanisms::NONE,
};

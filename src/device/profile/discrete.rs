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
        widest: 1024,    // estimate: rows of 32,768 classes, read once
    },
    // By AMD's compiler, for gfx1100: more would spill (`cargo xtask compilers --matching column`).
    registers: Registers {
        classes: 16,
        f16_classes: 12,
        weighed_classes: 8,
        column_scores: 32,
        column_words: true,
        vectors: 8,
        workgroup_vectors: 8,
    },
    width: 1 << 17, // estimate: 32 waves of 32 for each of 128 processors
    splitting: Splitting {
        below_rows: 512,     // as many workgroups of 256 as `width` has room for
        classes: 1 << 14,    // estimate
        teams: 512,          // estimate
        by_subgroups: false, // estimate
    },
    sample: Sample { elements: 1 << 22, rows: 256, most: 1 << 24 }, // estimate
    products: Products { unrolled: 8, wide_scalars: true, statistics: 16 }, // estimate
    llvmpipe: Mechanisms::NONE,
};

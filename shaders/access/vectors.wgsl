// An invocation takes every `team_size`-th wide of what lies side by side, and four vectors at once.

// How far it is from one of its wide loads to the next.
fn load_step() -> u32 {
    return 4u * VECTORS_PER_LOAD * team_size;
}

// Where four vectors lie, of which the first begins a wide.
fn four_from(c: u32) -> vec4<u32> {
    return vec4(c) + (IOTA / VECTORS_PER_LOAD) * load_step() + (IOTA % VECTORS_PER_LOAD) * 4u;
}

// An invocation takes every `team_size`-th brick of what lies side by side, and four quads at once.

// How far it is from one of its bricks to the next.
fn brick_step() -> u32 {
    return 4u * BRICK * team_size;
}

// Where four quads lie, of which the first begins a brick.
fn four_from(c: u32) -> vec4<u32> {
    return vec4(c) + (IOTA / BRICK) * brick_step() + (IOTA % BRICK) * 4u;
}

// Four vectors of an invocation in one wide.

fn load_four(i: u32, step: u32) -> array<vec4<f32>, 4> {
    return load_wide(i);
}

fn store_four(i: u32, step: u32, vectors: array<vec4<f32>, 4>) {
    store_wide(i, vectors);
}

// Four quads of an invocation in one brick.

fn load_four(i: u32, step: u32) -> array<vec4<f32>, 4> {
    return load_brick(i);
}

fn store_four(i: u32, step: u32, quads: array<vec4<f32>, 4>) {
    store_brick(i, quads);
}

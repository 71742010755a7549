// Four vectors of an invocation in two wide loads, `step` elements apart.

fn load_four(i: u32, step: u32) -> array<vec4<f32>, 4> {
    let first = load_wide(i);
    let second = load_wide(i + step);
    return array<vec4<f32>, 4>(first[0], first[1], second[0], second[1]);
}

fn store_four(i: u32, step: u32, vectors: array<vec4<f32>, 4>) {
    store_wide(i, array<vec4<f32>, VECTORS_PER_LOAD>(vectors[0], vectors[1]));
    store_wide(i + step, array<vec4<f32>, VECTORS_PER_LOAD>(vectors[2], vectors[3]));
}

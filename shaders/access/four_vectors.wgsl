// Four vectors of an invocation, each by itself, `step` elements apart.

const VECTORS_PER_LOAD = 1u; // vectors that lie side by side

fn load_four(i: u32, step: u32) -> array<vec4<f32>, 4> {
    return array<vec4<f32>, 4>(load4(i), load4(i + step), load4(i + 2u * step), load4(i + 3u * step));
}

fn store_four(i: u32, step: u32, vectors: array<vec4<f32>, 4>) {
    store4(i, vectors[0]);
    store4(i + step, vectors[1]);
    store4(i + 2u * step, vectors[2]);
    store4(i + 3u * step, vectors[3]);
}

// Gradients by wide_begin.

@group(0) @binding(3) var<storage, read_write> grad: array<Wide>;

fn store_wide(i: u32, vectors: array<vec4<f32>, VECTORS_PER_LOAD>) {
    grad[i / (4u * VECTORS_PER_LOAD)] = wide_of(vectors);
}

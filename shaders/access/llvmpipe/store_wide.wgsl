// Gradients by wide stores: as many vectors as an invocation loads at once.

fn store_wide(i: u32, vectors: array<vec4<f32>, VECTORS_PER_LOAD>) {
    put_wide(i / (4u * VECTORS_PER_LOAD), wide_of(vectors));
}

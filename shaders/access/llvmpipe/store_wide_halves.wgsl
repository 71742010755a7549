fn store4(i: u32, values: vec4<f32>) {
    grad[i / (4u * VECTORS_PER_LOAD)][i / 4u % VECTORS_PER_LOAD] = word_of(pack4(values));
}

// A vector that rows share is written by one invocation alone, and keeps what is not `inside`.
fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    store4(i, select(unpack4(halves_of(grad[i / (4u * VECTORS_PER_LOAD)][i / 4u % VECTORS_PER_LOAD])), values, inside));
}
